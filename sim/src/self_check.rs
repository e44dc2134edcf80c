//! The self-check: one plan run several times must give equal runs.

use crate::runner::{Outcome, Plan, Rehearse};
use crate::trace::Step;

/// Two runs of one plan that should have been equal and are not: something other than the choices decides.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
#[error("two runs of one plan differ from step {step} on: {}, then {}", describe(left.as_ref()), describe(right.as_ref()))]
pub struct Divergence {
    /// The first step that differs.
    pub step: usize,
    /// The step as the first run has it; absent if that ended before.
    pub left: Option<Step>,
    /// The step as the second run has it; absent if that ended before.
    pub right: Option<Step>,
}

fn describe(step: Option<&Step>) -> String {
    step.map_or("nothing".to_owned(), |step| format!("{} {} {}", step.time, step.node, step.text))
}

/// Runs a plan three times, twice of them recorded, and compares.
///
/// # Errors
/// [`Divergence`] names the first step that differs.
pub fn self_check(rehearse: &mut dyn Rehearse, plan: Plan<'_>) -> Result<Outcome, Box<Divergence>> {
    let (outcome, left) = rehearse.record(plan);
    let (_, right) = rehearse.record(plan);
    let again = rehearse.run(plan);
    let unlike = (again != outcome).then_some(left.steps.len());
    match left.first_difference(&right).or(unlike) {
        None => Ok(outcome),
        Some(step) => {
            let (left, right) = (left.steps.get(step).cloned(), right.steps.get(step).cloned());
            Err(Box::new(Divergence { step, left, right }))
        }
    }
}
