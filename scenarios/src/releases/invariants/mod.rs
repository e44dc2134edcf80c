//! The invariants of releases. They read texts as they rest, what runs on which machine, and what screens show; what
//! a release can read they find out by having it read.

mod bad_release;
mod fields;
mod orders;
mod readable;
mod rollback;
mod writers;

use crate::booking::invariants::reservations::ExactlyOneReservation;
use shakedown_model::Fact;
use shakedown_sim::Invariant;

/// All of them, in the order in which reports list them.
pub fn all() -> Vec<Box<dyn Invariant<Fact>>> {
    vec![
        Box::new(ExactlyOneReservation::default()),
        orders::accepted_work_finishes(),
        Box::new(readable::EveryMessageReadable::default()),
        Box::new(fields::NoHalfRolledFieldShown::default()),
        Box::new(bad_release::BadReleaseIsStopped::default()),
        Box::new(rollback::RollbackIsSafe::default()),
        Box::new(writers::TwoReleasesAtMost::default()),
        writers::reminders_on_record(),
    ]
}
