//! A run as it is made for the page: simulated, explained as it is, compared with the run before, with the choices that it
//! offers.

use super::lock;
use super::offers::Offers;
use super::refusal::Refusal;
use crate::campaign::DEFAULT_PROFILE;
use crate::catalogue::Catalogue;
use crate::entry::Entry;
use crate::{context, quiet};
use serde::{Deserialize, Serialize};
use shakedown_reports::html::live::{self, Compared};
use shakedown_reports::{FailureContext, Program};
use shakedown_sim::search::{Failure, explain, fit, tell, understand};
use shakedown_sim::{Deviation, Offered, Outcome, Plan, Rehearse, Script, Trace, Violation};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

/// Which run to make: that of a script, or that of a seed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct RunAsked {
    /// The script in its written form.
    #[serde(default)]
    script: Option<String>,
    #[serde(default)]
    seeded: Option<SeedAsked>,
    /// The script of the run to compare with.
    #[serde(default)]
    against: Option<String>,
    /// Whether the choices of task order are listed, too.
    #[serde(default)]
    task_order: bool,
}

/// A run that a seed draws.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SeedAsked {
    scenario: String,
    #[serde(default)]
    without: Vec<String>,
    /// As text: a number of JavaScript cannot hold every seed.
    seed: String,
}

/// A script to shrink.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ScriptAsked {
    script: String,
}

/// A run for the page.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RunShown {
    /// The script, with every parameter and with the deviations in the order in which the run takes them.
    script: String,
    scenario: String,
    without: Vec<String>,
    variant: Vec<(String, String)>,
    deviations: Vec<DeviationShown>,
    violations: Vec<ViolationShown>,
    /// Equal digests mean equal runs.
    digest: String,
    /// The number of steps.
    steps: usize,
    /// The run, as the report page shows it.
    article: String,
    offers: Offers,
    /// The run beside the one to compare with.
    #[serde(skip_serializing_if = "Option::is_none")]
    beside: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DeviationShown {
    text: String,
    /// Whether the run offered the choice.
    is_offered: bool,
}

#[derive(Serialize)]
struct ViolationShown {
    invariant: String,
    message: String,
}

/// Another script.
#[derive(Serialize)]
pub(super) struct ScriptShown {
    script: String,
    /// How many runs were made to find it.
    runs: u32,
}

/// The alternatives that some run of a scenario offered, by site. A deviation among them is no mistake, even if the run at
/// hand does not offer it.
#[derive(Default)]
pub(super) struct Known(BTreeMap<String, BTreeMap<String, BTreeSet<String>>>);

impl Known {
    fn learn(&mut self, scenario: &str, offers: &[Offered]) {
        let sites = self.0.entry(scenario.to_owned()).or_default();
        for offered in offers.iter().filter(|offered| offered.alternatives.deviations() > 0) {
            if !sites.contains_key(&offered.id.site) {
                sites.insert(offered.id.site.clone(), offered.alternatives.names().into_iter().collect());
            }
        }
    }

    fn knows(&self, scenario: &str, deviation: &Deviation) -> bool {
        let site = self.0.get(scenario).and_then(|sites| sites.get(&deviation.id.site));
        site.is_some_and(|alternatives| alternatives.contains(&deviation.alternative))
    }
}

/// A script may name at most this many deviations.
const DEVIATIONS_MAX: usize = 2_000;
/// The story of a run of more deviations does not say what each is needed for: that takes many runs.
const NEEDED_MAX: usize = 8;
/// The greatest number of violations that a page lists for a run.
const LISTED_MAX: usize = 4;

/// Makes a run.
///
/// # Errors
/// If the request cannot be read, or names what the catalogue does not have.
pub(super) fn run(
    catalogue: &Catalogue,
    known: &Mutex<Known>,
    asked: &RunAsked,
) -> Result<RunShown, Refusal> {
    let script = match (&asked.script, &asked.seeded) {
        (Some(text), None) => read(text)?,
        (None, Some(seeded)) => of_seed(catalogue, seeded)?,
        _ => return Err(Refusal::input("expected either `script` or `seeded`")),
    };
    let made = Made::of(catalogue, known, &script, asked.task_order)?;
    let beside = match &asked.against {
        Some(text) => Some(beside(catalogue, known, &read(text)?, &made)?),
        None => None,
    };
    Ok(made.shown(beside))
}

/// Shrinks the first failure of a script.
///
/// # Errors
/// If the request cannot be read, or the run of its script holds.
pub(super) fn shrink(catalogue: &Catalogue, asked: &ScriptAsked) -> Result<ScriptShown, Refusal> {
    let script = read(&asked.script)?;
    let (_, mut runner) = runner_of(catalogue, &script)?;
    quiet::running(|| {
        let script = fit(runner.as_mut(), &script).map_err(|misfit| Refusal::input(misfit.to_string()))?;
        let outcome = runner.run(Plan::Script(&script));
        let violation =
            outcome.violations.first().ok_or_else(|| Refusal::input("this run violates nothing"))?;
        let failure = understand(runner.as_mut(), &script, violation);
        Ok(ScriptShown { script: failure.shrunk.to_string(), runs: failure.runs })
    })
}

fn read(text: &str) -> Result<Script, Refusal> {
    let script: Script =
        text.parse().map_err(|error: shakedown_sim::ScriptError| Refusal::input(error.to_string()))?;
    match script.deviations.len() {
        0..=DEVIATIONS_MAX => Ok(script),
        many => Err(Refusal::input(format!("{many} deviations; at most {DEVIATIONS_MAX} are simulated"))),
    }
}

fn of_seed(catalogue: &Catalogue, asked: &SeedAsked) -> Result<Script, Refusal> {
    let SeedAsked { scenario, without, seed } = asked;
    let wrong = || Refusal::input(format!("`{seed}` is no seed: expected a whole number from 0"));
    let seed: u64 = seed.trim().parse().map_err(|_| wrong())?;
    let script = Script { scenario: scenario.clone(), without: without.clone(), ..Script::default() };
    let (_, mut runner) = runner_of(catalogue, &script)?;
    quiet::running(|| runner.run(Plan::Profiled(seed, DEFAULT_PROFILE)));
    Ok(runner.script())
}

fn runner_of<'a>(
    catalogue: &'a Catalogue,
    script: &Script,
) -> Result<(&'a Entry, Box<dyn Rehearse>), Refusal> {
    let entry = catalogue.find(&script.scenario).map_err(|unknown| Refusal::input(unknown.to_string()))?;
    let runner = entry.runner(&script.without).map_err(Refusal::input)?;
    Ok((entry, runner))
}

/// A run with what is known of it.
struct Made {
    outcome: Outcome,
    trace: Trace,
    failures: Vec<Failure>,
    context: FailureContext,
    offers: Offers,
}

impl Made {
    fn of(
        catalogue: &Catalogue,
        known: &Mutex<Known>,
        script: &Script,
        task_order: bool,
    ) -> Result<Self, Refusal> {
        let (entry, mut runner) = runner_of(catalogue, script)?;
        let runner = runner.as_mut();
        let script = fitted(runner, known, script)?;
        let plan = if task_order { Plan::Ordered(&script) } else { Plan::Script(&script) };
        let (outcome, trace) = quiet::running(|| runner.record(plan));
        let offered = runner.offers();
        lock(known).learn(&script.scenario, &offered);
        let failures = quiet::running(|| explained(runner, &script, &outcome.violations));
        let context = match failures.first() {
            Some(failure) => context::of(entry, runner, failure),
            None => FailureContext {
                program: entry.program.clone().map(Program::new).unwrap_or_default(),
                ..FailureContext::default()
            },
        };
        let offers = Offers::of(&trace, &offered);
        Ok(Self { outcome, trace, failures, context, offers })
    }

    fn shown(self, beside: Option<String>) -> RunShown {
        let article = live::run(&self.trace, &self.failures, &self.context);
        let unapplied = &self.outcome.unapplied;
        let shown =
            |deviation: &Deviation, is_offered| DeviationShown { text: deviation.to_string(), is_offered };
        let mut script = self.trace.script;
        script.deviations.retain(|deviation| !unapplied.contains(deviation));
        let taken = script.deviations.iter().map(|deviation| shown(deviation, true));
        let deviations = taken.chain(unapplied.iter().map(|deviation| shown(deviation, false))).collect();
        script.deviations.extend(unapplied.iter().cloned());
        let violations = self.trace.violations.into_iter();
        RunShown {
            script: script.to_string(),
            scenario: script.scenario,
            without: script.without,
            variant: script.variant.0,
            deviations,
            violations: violations
                .map(|Violation { invariant, message, .. }| ViolationShown { invariant, message })
                .collect(),
            digest: self.trace.digest,
            steps: self.trace.steps.len(),
            article,
            offers: self.offers,
            beside,
        }
    }

    fn compared<'a>(&'a self, heading: &'a str) -> Compared<'a> {
        let slice = self.failures.first().map_or(&[][..], |failure| &failure.slice);
        Compared { heading, trace: &self.trace, slice }
    }
}

/// Completes the variant, and refuses a deviation that no run offers.
fn fitted(runner: &mut dyn Rehearse, known: &Mutex<Known>, script: &Script) -> Result<Script, Refusal> {
    let wrong = |misfit: shakedown_sim::search::Misfit| Refusal::input(misfit.to_string());
    quiet::running(|| {
        let happy = fit(runner, &script.with(Vec::new())).map_err(wrong)?;
        let fitted = happy.with(script.deviations.clone());
        let unapplied = runner.run(Plan::Script(&fitted)).unapplied;
        let is_known = |deviation| lock(known).knows(&script.scenario, deviation);
        // To learn the sites of a scenario takes hundreds of runs.
        if unapplied.iter().all(is_known) { Ok(fitted) } else { fit(runner, &fitted).map_err(wrong) }
    })
}

/// Explains the first violation of a run as it is, without shrinking it, and lists the others. Each invariant is listed once.
fn explained(runner: &mut dyn Rehearse, script: &Script, violations: &[Violation]) -> Vec<Failure> {
    let mut seen = BTreeSet::new();
    let first = violations.iter().filter(|violation| seen.insert((&violation.invariant, &violation.roles)));
    let mut failure_of = |(at, violation)| {
        // To find out what is needed, and the nearest run that holds, takes up to a hundred runs; the page shows it once.
        let is_explained = at == 0 && script.deviations.len() <= NEEDED_MAX;
        if is_explained { explain(runner, script, violation) } else { tell(runner, script, violation) }
    };
    first.take(LISTED_MAX).enumerate().map(&mut failure_of).collect()
}

/// The run beside that of another script, of which only the steps of its first failure are needed.
fn beside(
    catalogue: &Catalogue,
    known: &Mutex<Known>,
    before: &Script,
    now: &Made,
) -> Result<String, Refusal> {
    let (_, mut runner) = runner_of(catalogue, before)?;
    let runner = runner.as_mut();
    let script = fitted(runner, known, before)?;
    let (trace, slice) = quiet::running(|| {
        let (outcome, trace) = runner.record(Plan::Script(&script));
        let failure = outcome.violations.first().map(|violation| tell(runner, &script, violation));
        (trace, failure.map(|failure| failure.slice).unwrap_or_default())
    });
    let before = Compared { heading: "Before", trace: &trace, slice: &slice };
    Ok(live::beside(&before, &now.compared("Now")))
}
