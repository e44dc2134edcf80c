//! Search over scripts: finds failing runs, and processes them.
//!
//! In reading order: [`explore`](mod@explore) runs seeds; [`guided`] derives runs from those that reached something new;
//! [`around_goals`] searches around runs that reached a rare goal; [`bounded`] runs every script of few
//! deviations; [`estimate`](mod@estimate) estimates their number beforehand; `shrink` makes a failing script small; `slice` selects the steps of its
//! story from the trace; [`nearest`] finds the least change that avoids the failure; `display` writes it as text; [`signature`] identifies the bug;
//! [`likelihood`](mod@likelihood) finds where the failure was decided; and [`replay`](mod@replay) runs it again later.

pub mod around_goals;
pub mod bounded;
mod culprits;
mod display;
pub mod estimate;
pub mod explore;
pub mod guided;
pub mod likelihood;
pub mod nearest;
pub mod replay;
mod shrink;
pub mod signature;
mod slice;

pub use around_goals::AroundGoals;
pub use bounded::{Bounded, Broken, Frontier, Layer, Parent, Sites};
pub use estimate::{Estimate, estimate};
pub use explore::{Campaign, FailingRun, Group, Tally, explore, explore_as, explore_variant, with_fixed};
pub use guided::{Discovery, Guide, Round};
pub use likelihood::{Likelihood, likelihood};
pub use nearest::{Change, Nearest};
pub use replay::{Misfit, Replay, Verdict, fit, replay};

use crate::judge::Violation;
use crate::runner::{Plan, Rehearse};
use crate::script::{Deviation, Script};
use crate::trace::Trace;
use shrink::ScriptResults;
use std::sync::Arc;

/// A failure, shrunk and explained.
#[derive(Clone, PartialEq, Debug)]
pub struct Failure {
    /// The run as it was found.
    pub found: Script,
    /// The smallest script found that violates the same invariant in the same roles.
    pub shrunk: Script,
    /// The violation of the shrunk run; events are given as steps of [`Failure::trace`].
    pub violation: Violation,
    /// The number of runs that shrinking took.
    pub runs: u32,
    /// The identity of the bug: equal for two failures of one cause. Twelve hexadecimal digits.
    pub signature: String,
    /// For each deviation of the shrunk script, the result without it.
    pub needed: Vec<Needed>,
    /// The least change of the shrunk script that avoids the failure, if one was found.
    pub nearest: Option<Nearest>,
    /// The recording of the shrunk run; shared by all failures of one run, because a long recording takes much
    /// memory.
    pub trace: Arc<Trace>,
    /// The steps of the trace that tell the story, in order.
    pub slice: Vec<u32>,
}

/// The result of a run with one deviation removed and all others kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Needed {
    /// The removed deviation.
    pub deviation: Deviation,
    /// The invariants that the run still violates; empty if it holds.
    pub still_broken: Vec<String>,
}

/// Shrinks and explains a failure: `found` is the failing run, `violation` the one of its violations to keep. The
/// shrunk run violates the same invariant in the same roles; shrinking never moves to another one.
///
/// A run that does not fail again when its script is run (a run that was not deterministic) is returned unchanged.
pub fn understand(rehearse: &mut dyn Rehearse, found: &Script, violation: &Violation) -> Failure {
    understand_next(rehearse, found, violation, &mut ScriptResults::default(), &[])
}

/// Shrinks and explains each failure of one run, by invariant and roles, as [`understand`] does. A script that
/// several of them lead to is run once.
pub fn understand_all(rehearse: &mut dyn Rehearse, found: &Script, violations: &[Violation]) -> Vec<Failure> {
    let (mut failures, mut known) = (Vec::new(), ScriptResults::default());
    for (at, violation) in violations.iter().enumerate() {
        if !violations[..at].iter().any(|earlier| is_same(earlier, violation)) {
            let failure = understand_next(rehearse, found, violation, &mut known, &failures);
            failures.push(failure);
        }
    }
    failures
}

/// Shrinks and explains a further violation of a run.
fn understand_next(
    rehearse: &mut dyn Rehearse,
    found: &Script,
    violation: &Violation,
    known: &mut ScriptResults,
    others: &[Failure],
) -> Failure {
    let shrinking = shrink::shrink(rehearse, found, violation, known);
    let failure = match others.iter().find(|other| other.found == *found && other.shrunk == shrinking.script)
    {
        Some(other) => {
            let (needed, nearest) = (other.needed.clone(), other.nearest.clone());
            Failure { needed, nearest, ..of_trace(Arc::clone(&other.trace), violation) }
        }
        None => explain(rehearse, &shrinking.script, violation),
    };
    Failure { found: found.clone(), runs: shrinking.runs, ..failure }
}

/// Explains a failure without shrinking it.
pub fn explain(rehearse: &mut dyn Rehearse, script: &Script, violation: &Violation) -> Failure {
    let mut failure = tell(rehearse, script, violation);
    failure.needed = needed(rehearse, &failure.shrunk);
    failure.nearest = nearest::nearest(rehearse, &failure.shrunk, &failure.needed);
    failure
}

/// Records a failing script and selects the steps of its story, without shrinking.
pub fn tell(rehearse: &mut dyn Rehearse, script: &Script, violation: &Violation) -> Failure {
    let failure = of_trace(Arc::new(rehearse.record(Plan::Script(script)).1), violation);
    Failure { found: script.clone(), ..failure }
}

/// Selects the story of a recorded run with a violation.
fn of_trace(trace: Arc<Trace>, violation: &Violation) -> Failure {
    let same = trace.violations.iter().find(|other| is_same(other, violation));
    let violation = same.cloned().unwrap_or_else(|| Violation { events: Vec::new(), ..violation.clone() });
    let slice = slice::slice(&trace, &violation);
    let signature = signature::signature(&trace, &violation, &slice);
    let (found, shrunk) = (trace.script.clone(), trace.script.clone());
    let (needed, nearest) = (Vec::new(), None);
    Failure { found, shrunk, violation, runs: 0, signature, needed, nearest, trace, slice }
}

fn needed(rehearse: &mut dyn Rehearse, script: &Script) -> Vec<Needed> {
    let without = (0..script.deviations.len()).map(|at| {
        let mut rest = script.deviations.clone();
        let deviation = rest.remove(at);
        let outcome = rehearse.run(Plan::Script(&script.with(rest)));
        let mut still_broken: Vec<_> =
            outcome.violations.into_iter().map(|violation| violation.invariant).collect();
        still_broken.sort();
        still_broken.dedup();
        Needed { deviation, still_broken }
    });
    without.collect()
}

/// Returns whether two violations count as one failure while shrinking: they shrink to one script.
pub(crate) fn is_same(one: &Violation, other: &Violation) -> bool {
    (&one.invariant, &one.roles) == (&other.invariant, &other.roles)
}
