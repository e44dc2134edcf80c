//! The invariants of booking. They read the partner's ledger, the edge's log, screens and committed rows, and know nothing
//! of the platform's structure.

pub(crate) mod acceptance;
mod calls;
mod deadlines;
mod record;
pub(crate) mod reservations;
mod screens;
mod transitions;

use crate::invariants::{attempts, jobs, requests};
use shakedown_model::Fact;
use shakedown_sim::Invariant;

/// Returns all invariants, in the order of reports.
pub fn all() -> Vec<Box<dyn Invariant<Fact>>> {
    vec![
        Box::new(reservations::ExactlyOneReservation::default()),
        Box::new(reservations::ChargedAtMostOnce::default()),
        reservations::no_orphan_reservation(),
        reservations::local_and_partner_agree(),
        Box::new(acceptance::OneBookingPerIntent::default()),
        Box::new(acceptance::BookedIsNotRefused::default()),
        Box::new(acceptance::AcceptedMeansDurable::default()),
        acceptance::accepted_work_finishes(),
        Box::new(acceptance::TransientFaultsHeal::default()),
        Box::new(transitions::LegalTransitionsOnly::default()),
        Box::new(jobs::OnlyTheHolderActs::default()),
        Box::new(jobs::ParkedWorkIsUnfinished::default()),
        Box::new(attempts::EveryReplayHasItsAttempts::default()),
        Box::new(deadlines::NobodyJudgedEarlyOrLate::default()),
        Box::new(calls::AttemptsBounded::default()),
        Box::new(requests::RequestsAnswerInTime::default()),
        Box::new(requests::NoDependencyFailureShown),
        Box::new(screens::NoPrematureSuccess::default()),
        Box::new(screens::ScreensAgreeAtRest::default()),
        Box::new(record::EverySideEffectAccounted::default()),
        Box::new(record::AcknowledgedCallbackIsStored::default()),
    ]
}
