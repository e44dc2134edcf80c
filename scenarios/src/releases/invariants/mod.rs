//! The invariants of releases. They read stored texts, the build on each machine and the content of screens. They test
//! whether a release can read a text by parsing it with that release's code.

mod bad_release;
mod deadlines;
mod fields;
mod orders;
mod readable;
mod rollback;
mod writers;

use crate::booking::invariants::reservations::ExactlyOneReservation;
use crate::invariants::{attempts, jobs};
use shakedown_model::Fact;
use shakedown_sim::Invariant;

/// Returns all invariants, the most specific first: the first one that a run violates names its failure.
pub fn all() -> Vec<Box<dyn Invariant<Fact>>> {
    vec![
        Box::new(jobs::OnlyTheHolderActs::default()),
        Box::new(attempts::EveryReplayHasItsAttempts::default()),
        Box::new(deadlines::NobodyRemindedEarly::default()),
        fields::backfill_is_complete(),
        Box::new(readable::EveryMessageReadable::default()),
        Box::new(fields::NoHalfRolledFieldShown::default()),
        Box::new(rollback::WithdrawnReleaseIsGone::default()),
        Box::new(rollback::RollbackIsSafe::default()),
        Box::new(bad_release::BadReleaseIsStopped::default()),
        Box::new(writers::TwoReleasesAtMost::default()),
        writers::reminders_on_record(),
        Box::new(ExactlyOneReservation::default()),
        Box::new(jobs::ParkedWorkIsUnfinished::default()),
        orders::accepted_work_finishes(),
    ]
}
