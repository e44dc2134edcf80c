//! `list`: the contents of the catalogue.

use super::Session;
use super::exit::{CliError, Exit};
use crate::entry::Entry;
use crate::quiet;
use crate::survey;
use shakedown_reports::records::{ListedGoal, ListedGuardrail, ListedInvariant, ListedParameter, ListedSite};
use shakedown_reports::{ListedScenario, json, terminal};

/// Lists scenarios with their parameters, guardrails, invariants, goals, choice sites, assumptions
#[derive(clap::Args)]
pub(super) struct List {
    /// The scenarios [default: all]
    scenarios: Vec<String>,
}

impl List {
    pub(super) fn execute(self, session: &Session) -> Result<Exit, CliError> {
        let output = &session.output;
        output.without_reports("list")?;
        let listed = session
            .catalogue
            .select(&self.scenarios)?
            .into_iter()
            .map(listed)
            .collect::<Result<Vec<_>, _>>()?;
        output.print(|style| terminal::list(style, &listed), || json::list(&listed))?;
        Ok(if session.catalogue.entries().is_empty() { Exit::Nothing } else { Exit::Held })
    }
}

fn listed(entry: &Entry) -> Result<ListedScenario, CliError> {
    let mut runner = entry.runner(&[]).map_err(CliError::input)?;
    let sites = quiet::running(|| survey::sites(runner.as_mut()));
    let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    let invariants = runner.invariants().into_iter();
    let guardrails = entry.guardrails.iter().map(|guardrail| ListedGuardrail {
        name: format!("{}{}", guardrail.name, if guardrail.naive.len() > 1 { ":a/b" } else { "" }),
        system: guardrail.system.clone(),
        about: guardrail.about.clone(),
    });
    let parameters = runner.parameters().iter().map(|one| ListedParameter {
        name: one.name.to_owned(),
        about: one.about.to_owned(),
        values: owned(one.values),
        small: owned(one.small),
    });
    let goals = runner.goals().into_iter();
    Ok(ListedScenario {
        name: entry.name.to_owned(),
        about: entry.about.clone(),
        parameters: parameters.collect(),
        guardrails: guardrails.collect(),
        invariants: invariants
            .map(|(name, about)| ListedInvariant { name: name.to_owned(), about: about.to_owned() })
            .collect(),
        goals: goals.map(|name| ListedGoal { name: name.to_owned(), need: entry.need(name) }).collect(),
        sites: sites.into_iter().map(|(site, alternatives)| ListedSite { site, alternatives }).collect(),
        assumptions: entry.assumptions.clone(),
    })
}
