//! What handover adds to the invariants of booking can fail: facts are planted that break it, beside a story that
//! breaks none. The rest is planted beside the booking scenario.

use shakedown_model::Fact;
use shakedown_model::backbone::jobs::{Job, JobKind, JobState, WorkItem};
use shakedown_model::booking::rows::{Attention, Booking, Standing, Status};
use shakedown_model::facts::{BookingFact, JobFact, PartnerFact, Word};
use shakedown_scenarios::invariants::claims::CLAIM_GRACE;
use shakedown_scenarios::{booking, handover};
use shakedown_sim::*;
use std::collections::BTreeSet;

/// States facts, each longer after the one before than a claim may take to come true, all of one intent.
struct Told(Vec<Fact>);

impl Scenario for Told {
    type Fact = Fact;
    fn name(&self) -> &str {
        "told"
    }
    fn build(&self, stage: &Stage<Fact>) {
        let (facts, told) = (stage.facts().clone(), self.0.clone());
        let teller = stage.node(Role::outside("teller".into()), |_| {}).within(stage.entity("intent"));
        teller.clone().spawn(async move {
            for fact in told {
                facts.state(&teller, &fact);
                teller.sleep(CLAIM_GRACE * 2).await;
            }
        });
    }
    fn invariants(&self) -> Vec<Box<dyn Invariant<Fact>>> {
        handover::invariants::all()
    }
}

/// What these facts break, each invariant once.
fn broken_by(told: &[Fact]) -> BTreeSet<String> {
    let script = Script { scenario: "told".to_owned(), ..Script::default() };
    let outcome = Runner::new(Told(told.to_vec())).run(Plan::Script(&script));
    outcome.violations.into_iter().map(|violation| violation.invariant).collect()
}

fn row(id: u32) -> Booking {
    Booking {
        id,
        quote: 1,
        once: Some(1),
        customer: 1,
        price: 100,
        status: Status::Accepted,
        attention: Attention::Review,
        generation: 1,
        reservation: None,
        version: 1,
        published: 1,
        accepted: Moment::START,
        context: Scope::ROOT,
    }
}

/// A booking that is there and that a person has in hand.
fn kept(id: u32) -> Fact {
    Fact::Booking(BookingFact::Booking { before: None, after: row(id) })
}

fn job(kind: JobKind, subject: u32) -> Job {
    Job::queued(1, WorkItem { kind, row: subject }, Moment::START, Scope::ROOT)
}

fn new(job: Job) -> Fact {
    Fact::Job(JobFact::Changed { before: None, after: job })
}

#[test]
fn work_for_what_is_committed_breaks_nothing() {
    let work = job(shakedown_model::booking::JOB, 1);
    let claimed =
        Fact::Job(JobFact::Changed { before: Some(work), after: Job { state: JobState::Running, ..work } });
    let twice = [
        kept(1),
        Fact::Job(JobFact::Delivered(work)),
        Fact::Job(JobFact::Delivered(work)),
        new(work),
        claimed,
    ];
    assert_eq!(broken_by(&twice), BTreeSet::new());
    let of_another_kind = [
        new(job(shakedown_model::visit::JOB, 1)),
        Fact::Job(JobFact::Delivered(job(shakedown_model::filing::JOB, 1))),
    ];
    assert_eq!(broken_by(&of_another_kind), BTreeSet::new(), "it is about another row");
}

#[test]
fn work_for_what_is_not_committed_is_found() {
    let (own, other) = (job(shakedown_model::booking::JOB, 1), job(shakedown_model::booking::JOB, 2));
    let plants = [
        vec![Fact::Job(JobFact::Delivered(own))],
        vec![Fact::Job(JobFact::Delivered(own)), kept(1)],
        vec![new(own), kept(1)],
        vec![kept(1), Fact::Job(JobFact::Delivered(other))],
    ];
    for plant in plants {
        assert_eq!(broken_by(&plant), BTreeSet::from(["no-phantom-event".to_owned()]), "{plant:?}");
    }
}

#[test]
fn what_comes_true_too_late_was_said_too_early() {
    let (customer, fresh, booking, version, word) = (1, false, 1, 1, Word::Confirmed);
    let shown = Fact::Booking(BookingFact::Shown { customer, fresh, booking, version, word });
    let reserved = Fact::Partner(PartnerFact::Reserved { reservation: 1, standing: Standing::Confirmed });
    let (early, late) = ([kept(1), reserved.clone(), shown.clone()], [kept(1), shown, reserved]);
    assert!(!broken_by(&early).contains("no-premature-success"));
    assert!(broken_by(&late).contains("no-premature-success"));
}

#[test]
fn every_invariant_is_planted_a_fact_that_breaks_it_here_or_beside_the_booking_scenario() {
    let names = |all: Vec<Box<dyn Invariant<Fact>>>| -> BTreeSet<&str> {
        all.iter().map(|invariant| invariant.name()).collect()
    };
    let (here, there) = (names(handover::invariants::all()), names(booking::invariants::all()));
    let added: BTreeSet<&str> = here.difference(&there).copied().collect();
    assert_eq!(added, BTreeSet::from(["no-phantom-event"]));
}
