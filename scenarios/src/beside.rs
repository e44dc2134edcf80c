//! What one wants to see beside a failing run: the same script with each missing guardrail put back, and the
//! nearest run that holds.

use crate::catalogue::{self, Entry};
use crate::quiet;
use shakedown_reports::{Beside, PutBack};
use shakedown_sim::search::Failure;
use shakedown_sim::{Plan, Rehearse, Script};

/// Makes these runs. `runner` is of the design that failed.
pub fn of(runner: &mut dyn Rehearse, failure: &Failure) -> Beside {
    let nearest = failure.nearest.as_ref().map(|nearest| nearest.script(&failure.shrunk));
    let holding = nearest.map(|script| quiet::running(|| runner.record(Plan::Script(&script))).1);
    let entry = catalogue::find(&failure.shrunk.scenario).ok();
    let put_back = entry.map(|entry| each_put_back(entry, &failure.shrunk)).unwrap_or_default();
    Beside { put_back, holding }
}

fn each_put_back(entry: &Entry, failing: &Script) -> Vec<PutBack> {
    failing.without.iter().filter_map(|guardrail| put_back(entry, failing, guardrail)).collect()
}

/// None if there is no such guardrail, or the design cannot be built without the others alone.
fn put_back(entry: &Entry, failing: &Script, guardrail: &str) -> Option<PutBack> {
    let without: Vec<String> = failing.without.iter().filter(|name| *name != guardrail).cloned().collect();
    let mut runner = entry.runner(&without).ok()?;
    let script = Script { without, ..failing.clone() };
    let outcome = quiet::running(|| runner.run(Plan::Script(&script)));
    let mut still_broken: Vec<String> =
        outcome.violations.into_iter().map(|violation| violation.invariant).collect();
    still_broken.sort();
    still_broken.dedup();
    let name = guardrail.split(':').next().unwrap_or(guardrail);
    let known = entry.guardrails().find(|known| known.name == name)?;
    let form = known.forms().find(|(form, _)| form == guardrail).or_else(|| known.forms().next());
    Some(PutBack {
        guardrail: guardrail.to_owned(),
        about: known.guarded.to_owned(),
        instead: form.map(|(_, naive)| naive.what.to_owned()).unwrap_or_default(),
        still_broken,
        met: outcome.unapplied.is_empty(),
    })
}
