//! What one wants to see beside a failing run: the same script with each missing guardrail put back, and the
//! nearest run that holds.

use crate::entry::Entry;
use crate::quiet;
use shakedown_reports::comparison::otherwise;
use shakedown_reports::{Beside, Holding, PutBack, Setting};
use shakedown_sim::search::Failure;
use shakedown_sim::{Plan, Rehearse, Script};

/// Makes these runs. `runner` is of the design that failed, `entry` builds the others.
pub fn of(entry: &Entry, runner: &mut dyn Rehearse, failure: &Failure) -> Beside {
    let nearest = failure.nearest.as_ref().map(|nearest| nearest.script(&failure.shrunk));
    let holding = nearest.map(|script| {
        let run = quiet::running(|| runner.record(Plan::Script(&script))).1;
        Holding::of(failure, &run)
    });
    let put_back = each_put_back(entry, failure);
    let claim = runner.invariants().into_iter().find(|(name, _)| *name == failure.violation.invariant);
    let claim = claim.map(|(_, about)| about.to_owned()).unwrap_or_default();
    Beside { claim, settings: settings(runner, &failure.shrunk), put_back, holding }
}

/// What the run was built from, in the scenario's order.
fn settings(runner: &dyn Rehearse, script: &Script) -> Vec<Setting> {
    let set = runner.parameters().iter().filter_map(|parameter| {
        let value = script.variant.get(parameter.name)?;
        Some(Setting { written: format!("{}={value}", parameter.name), about: parameter.about.to_owned() })
    });
    set.collect()
}

fn each_put_back(entry: &Entry, failing: &Failure) -> Vec<PutBack> {
    failing.shrunk.without.iter().filter_map(|guardrail| put_back(entry, failing, guardrail)).collect()
}

/// None if there is no such guardrail, or the design cannot be built without the others alone.
fn put_back(entry: &Entry, failing: &Failure, guardrail: &str) -> Option<PutBack> {
    let name = guardrail.split(':').next().unwrap_or(guardrail);
    let known = entry.guardrails.iter().find(|known| known.name == name)?;
    let form = known.forms().find(|(form, _)| form == guardrail).or_else(|| known.forms().next());
    let script = &failing.shrunk;
    let without: Vec<String> = script.without.iter().filter(|name| *name != guardrail).cloned().collect();
    let mut runner = entry.runner(&without).ok()?;
    let script = Script { without, ..script.clone() };
    let (outcome, run) = quiet::running(|| runner.record(Plan::Script(&script)));
    let mut still_broken: Vec<String> =
        outcome.violations.into_iter().map(|violation| violation.invariant).collect();
    still_broken.sort();
    still_broken.dedup();
    Some(PutBack {
        guardrail: guardrail.to_owned(),
        about: known.about.clone(),
        instead: form.map(|(_, naive)| naive.about.clone()).unwrap_or_default(),
        still_broken,
        met: outcome.unapplied.is_empty(),
        otherwise: otherwise(failing, &run),
    })
}
