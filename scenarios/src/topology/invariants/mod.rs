//! The invariants of how nodes are laid out and watched. They read the edge's log, the pager's, screens and committed
//! rows; none knows how the platform is built.

mod alerts;
mod entries;

use crate::invariants::requests;
use shakedown_model::Fact;
use shakedown_sim::Invariant;

/// All of them, in the order in which reports list them.
pub fn all() -> Vec<Box<dyn Invariant<Fact>>> {
    vec![
        Box::new(entries::EntryPointsAgree::default()),
        Box::new(requests::RequestsAnswerInTime::default()),
        Box::new(requests::NoDependencyFailureShown),
        Box::new(alerts::StuckWorkIsNoticed::default()),
        Box::new(alerts::NoFalseAlarm::default()),
    ]
}
