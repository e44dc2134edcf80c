//! The invariants of booking. They read the partner's ledger, the edge's log, screens and committed rows, and know nothing
//! of the platform's structure.

pub(crate) mod acceptance;
mod calls;
mod deadlines;
mod knowledge;
mod record;
pub(crate) mod reservations;
mod screens;
mod statement;
mod transitions;

use crate::invariants::{attempts, jobs, requests};
use shakedown_model::Fact;
use shakedown_sim::Invariant;

/// Returns all invariants, the most specific first: the first one that a run violates names its failure.
pub fn all() -> Vec<Box<dyn Invariant<Fact>>> {
    vec![
        Box::new(jobs::OnlyTheHolderActs::default()),
        Box::new(attempts::EveryReplayHasItsAttempts::default()),
        Box::new(calls::AttemptsBounded::default()),
        Box::new(deadlines::NobodyJudgedEarlyOrLate::default()),
        Box::new(acceptance::QuoteIsPersonal::default()),
        Box::new(record::AcknowledgedCallbackIsStored::default()),
        Box::new(record::EverySideEffectAccounted::default()),
        Box::new(acceptance::OneBookingPerIntent::default()),
        Box::new(acceptance::BookedIsNotRefused::default()),
        Box::new(transitions::LegalTransitionsOnly::default()),
        Box::new(reservations::ExactlyOneReservation::default()),
        Box::new(reservations::ChargedAtMostOnce::default()),
        reservations::no_orphan_reservation(),
        Box::new(acceptance::AcceptedMeansDurable::default()),
        Box::new(screens::NoPrematureSuccess::default()),
        Box::new(statement::StatementIsTakenIn::default()),
        knowledge::ledger_is_on_record(),
        knowledge::reviews_have_a_question(),
        Box::new(jobs::ParkedWorkIsUnfinished::default()),
        Box::new(requests::NoDependencyFailureShown),
        Box::new(requests::RequestsAnswerInTime::default()),
        reservations::local_and_partner_agree(),
        Box::new(screens::ScreensAgreeAtRest::default()),
        Box::new(acceptance::TransientFaultsHeal::default()),
        acceptance::accepted_work_finishes(),
    ]
}
