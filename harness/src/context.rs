//! The context of a failure: the same script with each missing guardrail put back, and the nearest passing run.

use crate::entry::Entry;
use crate::quiet;
use shakedown_reports::comparison::facts_instead;
use shakedown_reports::{FailureContext, PassingRun, Program, RestoredGuardrail, Setting};
use shakedown_sim::search::Failure;
use shakedown_sim::{Plan, Rehearse, Script};

/// Executes these runs and returns them with the claim and the parameters. `runner` belongs to the design that failed, `entry` builds the
/// others.
pub fn of(entry: &Entry, runner: &mut dyn Rehearse, failure: &Failure) -> FailureContext {
    let nearest = failure.nearest.as_ref().map(|nearest| nearest.script(&failure.shrunk));
    let passing = nearest.map(|script| {
        let run = quiet::running(|| runner.record(Plan::Script(&script))).1;
        PassingRun::of(failure, &run)
    });
    let restored = each_restored(entry, failure);
    let claim = runner.invariants().into_iter().find(|(name, _)| *name == failure.violation.invariant);
    let claim = claim.map(|(_, about)| about.to_owned()).unwrap_or_default();
    let settings = settings(runner, &failure.shrunk);
    let program = entry.program.clone().map(Program::new).unwrap_or_default();
    FailureContext { claim, settings, restored, passing, program }
}

/// Returns the parameters of the run, in the scenario's order.
fn settings(runner: &dyn Rehearse, script: &Script) -> Vec<Setting> {
    let set = runner.parameters().iter().filter_map(|parameter| {
        let value = script.variant.get(parameter.name)?;
        Some(Setting { written: format!("{}={value}", parameter.name), about: parameter.about.to_owned() })
    });
    set.collect()
}

fn each_restored(entry: &Entry, failing: &Failure) -> Vec<RestoredGuardrail> {
    failing.shrunk.without.iter().filter_map(|guardrail| restored(entry, failing, guardrail)).collect()
}

/// Returns `None` if the guardrail is unknown, or if no design can be built without only the others.
fn restored(entry: &Entry, failing: &Failure, guardrail: &str) -> Option<RestoredGuardrail> {
    let name = guardrail.split(':').next().unwrap_or(guardrail);
    let known = entry.guardrails.iter().find(|known| known.name == name)?;
    let form = known.forms().find(|(form, _)| form == guardrail).or_else(|| known.forms().next());
    let script = &failing.shrunk;
    let without: Vec<String> = script.without.iter().filter(|name| *name != guardrail).cloned().collect();
    let mut runner = entry.runner(&without).ok()?;
    let script = Script { without, ..script.clone() };
    let (outcome, run) = quiet::running(|| runner.record(Plan::Script(&script)));
    let mut still_violated: Vec<String> =
        outcome.violations.into_iter().map(|violation| violation.invariant).collect();
    still_violated.sort();
    still_violated.dedup();
    Some(RestoredGuardrail {
        guardrail: guardrail.to_owned(),
        about: known.about.clone(),
        instead: form.map(|(_, naive)| naive.about.clone()).unwrap_or_default(),
        still_violated,
        all_offered: outcome.unapplied.is_empty(),
        facts_instead: facts_instead(failing, &run),
    })
}
