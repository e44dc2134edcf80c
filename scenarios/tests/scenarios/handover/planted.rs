//! The invariant that handover adds to those of booking can fail. The booking scenario plants the others.

use crate::plants::{self, Plants, none, only};
use shakedown_model::Fact;
use shakedown_model::backbone::jobs::{Job, JobKind, JobState, WorkItem};
use shakedown_model::booking::rows::{Ask, Attempt, Attention, Booking, Known, Standing, Status};
use shakedown_model::facts::{BookingFact, JobFact, PartnerFact, Word};
use shakedown_scenarios::{booking, handover};
use shakedown_sim::*;
use std::collections::BTreeSet;

/// From one fact to the next, a promise that is not yet true comes due.
const PLANTS: Plants =
    Plants { gap: Duration::from_secs(10), ..Plants::of("intent", handover::invariants::all) };

/// A booking that is committed and listed for review.
fn committed(id: u32) -> Fact {
    Fact::Booking(BookingFact::Booking {
        before: None,
        after: Booking { attention: Attention::Review, ..plants::booking(id, Status::Accepted) },
    })
}

/// An attempt for booking 1 whose outcome is open: the question for a person who reviews it.
fn in_doubt() -> Fact {
    let (known, sent, learnt) = (Known::Unknown, Moment::START, Moment::START);
    let (id, booking, generation, ask, key, checks, late) = (1, 1, 1, Ask::Reserve, 1, 0, false);
    let after = Attempt { id, booking, generation, ask, key, known, sent, learnt, checks, late };
    Fact::Booking(BookingFact::Attempt { before: None, after })
}

fn job(kind: JobKind, subject: u32) -> Job {
    Job::queued(1, WorkItem { kind, row: subject }, Moment::START, Scope::ROOT)
}

fn new(job: Job) -> Fact {
    Fact::Job(JobFact::Changed { before: None, after: job })
}

#[test]
fn a_job_with_a_committed_booking_violates_nothing() {
    let work = job(shakedown_model::booking::JOB, 1);
    let claimed = Fact::Job(JobFact::Changed {
        before: Some(work),
        after: Job { state: JobState::Running, token: 1, ..work },
    });
    let twice = [
        committed(1),
        in_doubt(),
        Fact::Job(JobFact::Delivered(work)),
        Fact::Job(JobFact::Delivered(work)),
        new(work),
        claimed,
    ];
    assert_eq!(PLANTS.violated(&twice), none());
    let of_another_kind = [
        new(job(shakedown_model::visit::JOB, 1)),
        Fact::Job(JobFact::Delivered(job(shakedown_model::filing::JOB, 1))),
    ];
    assert_eq!(PLANTS.violated(&of_another_kind), none(), "it is about another row");
}

#[test]
fn a_job_without_a_committed_booking_is_found() {
    let (own, other) = (job(shakedown_model::booking::JOB, 1), job(shakedown_model::booking::JOB, 2));
    let plants = [
        vec![Fact::Job(JobFact::Delivered(own))],
        vec![Fact::Job(JobFact::Delivered(own)), committed(1)],
        vec![new(own), committed(1)],
        vec![committed(1), Fact::Job(JobFact::Delivered(other))],
    ];
    for plant in plants.map(|plant| [vec![in_doubt()], plant].concat()) {
        assert_eq!(PLANTS.violated(&plant), only("no-phantom-event"), "{plant:?}");
    }
}

#[test]
fn a_claim_that_becomes_true_too_late_is_found() {
    let (customer, fresh, booking, version, word) = (1, false, 1, 1, Word::Confirmed);
    let shown = Fact::Booking(BookingFact::Shown { customer, fresh, booking, version, word });
    let reserved = Fact::Partner(PartnerFact::Reserved { reservation: 1, standing: Standing::Confirmed });
    let (early, late) = ([committed(1), reserved.clone(), shown.clone()], [committed(1), shown, reserved]);
    assert!(!PLANTS.violated(&early).contains("no-premature-success"));
    assert!(PLANTS.violated(&late).contains("no-premature-success"));
}

#[test]
fn the_only_invariant_that_booking_does_not_plant_is_planted_here() {
    let names = |all: Vec<Box<dyn Invariant<Fact>>>| -> BTreeSet<&str> {
        all.iter().map(|invariant| invariant.name()).collect()
    };
    let (here, there) = (names(handover::invariants::all()), names(booking::invariants::all()));
    let added: BTreeSet<&str> = here.difference(&there).copied().collect();
    assert_eq!(added, BTreeSet::from(["no-phantom-event"]));
}
