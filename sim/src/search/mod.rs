//! Search over scripts: what is done with a run once it has failed.

use crate::judge::Violation;
use crate::runner::Rehearse;
use crate::script::{Deviation, Script};
use crate::trace::Trace;

/// A failure, shrunk and explained.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The run as it was found.
    pub found: Script,
    /// The smallest script found that breaks the same invariant in the same roles.
    pub shrunk: Script,
    /// What the shrunk run breaks.
    pub violation: Violation,
    /// How many runs the shrinking took.
    pub runs: u32,
    /// Which bug this is: equal for two failures of one cause. Twelve hexadecimal digits.
    pub signature: String,
    /// For each deviation of the shrunk script, what happens without it.
    pub needed: Vec<Needed>,
    /// The shrunk run, recorded.
    pub trace: Trace,
    /// The steps of the trace that tell the story, in order.
    pub slice: Vec<u32>,
}

/// One deviation taken away, all others left.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Needed {
    /// The deviation taken away.
    pub deviation: Deviation,
    /// The invariants that the run still breaks; empty if it holds.
    pub still_broken: Vec<String>,
}

/// Shrinks and explains a failure: `found` is the failing run, `violation` the one of its violations to keep.
pub fn understand(rehearse: &mut dyn Rehearse, found: &Script, violation: &Violation) -> Failure {
    let (_, _, _) = (rehearse, found, violation);
    unreachable!("being written")
}
