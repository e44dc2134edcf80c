//! Every invariant can fail: facts are planted that break it, beside a story that breaks none.

use shakedown_model::Fact;
use shakedown_model::backbone::jobs::{Job, JobState, WorkItem};
use shakedown_model::booking::rows::Standing;
use shakedown_model::facts::{JobFact, OrderFact, PartnerFact, ReleaseFact, Screen};
use shakedown_model::releases::Code;
use shakedown_model::releases::JOB;
use shakedown_model::releases::code::{Change, Guest, Order, Status};
use shakedown_model::releases::machine::{Build, Defect, Tier};
use shakedown_model::releases::rollout::{Phase, Rollout, Why};
use shakedown_model::releases::rows::{Booking, Message};
use shakedown_scenarios::releases::invariants;
use shakedown_sim::*;
use std::collections::BTreeSet;

/// States facts, each half a second after the one before, all of one intent; the last one after a wait.
struct Told {
    facts: Vec<Fact>,
    last: Option<Fact>,
}

impl Scenario for Told {
    type Fact = Fact;
    fn name(&self) -> &str {
        "told"
    }
    fn horizon(&self, _: &Variant) -> Horizon {
        Horizon { heal: Duration::from_secs(3_600), settle: Duration::from_secs(3_600) }
    }
    fn build(&self, stage: &Stage<Fact>) {
        let (stating, facts, last) = (stage.facts().clone(), self.facts.clone(), self.last.clone());
        let teller = stage.node(Role::outside("teller".into()), |_| {}).within(stage.entity("intent"));
        teller.clone().spawn(async move {
            for fact in facts {
                stating.state(&teller, &fact);
                teller.sleep(Duration::from_millis(500)).await;
            }
            teller.sleep(Duration::from_secs(1_000)).await;
            last.iter().for_each(|fact| stating.state(&teller, fact));
        });
    }
    fn invariants(&self) -> Vec<Box<dyn Invariant<Fact>>> {
        invariants::all()
    }
}

/// What these facts break, each invariant once.
fn broken_by(facts: &[Fact], last: Option<Fact>) -> BTreeSet<String> {
    let told = Told { facts: facts.to_vec(), last };
    let outcome = Runner::new(told).run(Plan::Script(&"scenario told".parse().expect("a script")));
    outcome.violations.into_iter().map(|violation| violation.invariant).collect()
}

const ORDER: Order =
    Order { booking: 1, partner: 1, guest: Guest { given: "Ada", family: "Lovelace" }, price_minor: 12_000 };

fn booking(text: String) -> Booking {
    Booking { id: 1, text, context: Scope::ROOT }
}

/// A new row, as this release writes it.
fn row(code: Code) -> Fact {
    Fact::Order(OrderFact::Booking { before: None, after: booking(code.documents().row(&ORDER)) })
}

/// The row of one release, changed by another.
fn changed(before: Code, by: Code, status: Status) -> Fact {
    let text = before.documents().row(&ORDER);
    let after = by.documents().rewrite(&text, Change::Status(status)).expect("it reads it");
    Fact::Order(OrderFact::Booking { before: Some(booking(text)), after: booking(after) })
}

fn message(code: Code, taken_by: Option<u32>, times: u32) -> Message {
    Message { id: 1, booking: 1, text: code.documents().job(&ORDER), taken_by, times }
}

/// A machine takes up a message of this release.
fn taken_up(code: Code, machine: u32) -> Fact {
    let before = Some(message(code, None, 0));
    Fact::Order(OrderFact::Message { before, after: message(code, Some(machine), 1) })
}

fn posted(code: Code) -> Fact {
    Fact::Order(OrderFact::Message { before: None, after: message(code, None, 0) })
}

/// A reminder is to be sent.
fn reminder() -> Fact {
    let text = Code::R4.documents().reminder(1).expect("it sends them");
    Fact::Order(OrderFact::Message { before: None, after: Message { text, ..message(Code::R4, None, 0) } })
}

fn runs(machine: u32, build: Option<Build>) -> Fact {
    Fact::Release(ReleaseFact::Runs { machine, tier: Tier::Worker, build })
}

fn bad() -> Option<Build> {
    Some(Build { code: Code::R2, defect: Some(Defect::TurnsAllDown) })
}

fn rollout(from: Code, to: Code, phase: Phase) -> Fact {
    let rollout = |phase| Rollout { from: Build::sound(from), to: Build::sound(to), turned_away: 0, phase };
    Fact::Release(ReleaseFact::Rollout { before: Some(rollout(Phase::Done)), after: rollout(phase) })
}

fn shown(screen: Screen) -> Fact {
    Fact::Order(OrderFact::Shown { booking: 1, screen })
}

fn job(state: JobState) -> Fact {
    let queued = Job::queued(1, WorkItem { kind: JOB, row: 1 }, Moment::START, Scope::ROOT);
    Fact::Job(JobFact::Changed { before: Some(queued), after: Job { state, ..queued } })
}

fn reserved(reservation: u32) -> Fact {
    Fact::Partner(PartnerFact::Reserved { reservation, standing: Standing::Confirmed })
}

fn taken() -> Fact {
    Fact::Order(OrderFact::Taken { booking: 1 })
}

const WITHDRAWN: Phase = Phase::Withdrawn(Why::Recalled);

/// An order is worked by the release after the one that took it on, and all is well; then that one is taken back.
fn blameless() -> Vec<Fact> {
    vec![
        runs(1, Some(Build::sound(Code::R2))),
        row(Code::R1),
        posted(Code::R1),
        job(JobState::Queued),
        taken(),
        job(JobState::Running),
        taken_up(Code::R1, 1),
        reserved(1),
        changed(Code::R1, Code::R2, Status::Confirmed),
        job(JobState::Succeeded),
        shown(Screen::Guest("Ada Lovelace".to_owned())),
        rollout(Code::R1, Code::R2, Phase::Withdrawing(Why::Recalled)),
        changed(Code::R2, Code::R1, Status::Arrived),
        rollout(Code::R1, Code::R2, WITHDRAWN),
    ]
}

#[test]
fn a_story_in_which_all_is_well_breaks_nothing() {
    assert_eq!(broken_by(&blameless(), None), BTreeSet::new());
    let listed = [row(Code::R1), posted(Code::R1), taken(), job(JobState::DeadLetter)];
    assert_eq!(broken_by(&listed, None), BTreeSet::new(), "what is listed may be left");
    let failed = [changed(Code::R1, Code::R1, Status::Failed), taken()];
    assert_eq!(broken_by(&failed, None), BTreeSet::new(), "what has failed is over");
    let (text, canary) = (Code::R3.documents().row(&ORDER), rollout(Code::R3, Code::R4, Phase::Canary));
    let after = Code::R3.documents().rewrite(&text, Change::Reminded).expect("it reads it");
    let reminded = Fact::Order(OrderFact::Booking { before: Some(booking(text)), after: booking(after) });
    let noted = [row(Code::R3), reminder(), canary, reminded, job(JobState::Succeeded)];
    assert_eq!(broken_by(&noted, None), BTreeSet::new(), "the neighbour of a new release puts it on record");
}

#[test]
fn facts_that_break_an_invariant_are_found() {
    let old = Some(Build::sound(Code::R2));
    let back = rollout(Code::R2, Code::R3, WITHDRAWN);
    let going_back = rollout(Code::R1, Code::R2, Phase::Withdrawing(Why::Recalled));
    let begun = rollout(Code::R2, Code::R3, Phase::Canary);
    let plants: [(&str, Vec<Fact>); 14] = [
        ("exactly-one-reservation-per-intent", [&blameless()[..], &[reserved(2)]].concat()),
        ("accepted-work-finishes", vec![row(Code::R1), taken()]),
        ("every-message-readable", vec![runs(1, old), taken_up(Code::R4, 1)]),
        ("every-message-readable", vec![runs(1, old), row(Code::R4), taken_up(Code::R2, 1)]),
        ("every-message-readable", vec![row(Code::R2), shown(Screen::Error)]),
        ("no-half-rolled-field-shown", vec![row(Code::R1), shown(Screen::Nobody)]),
        ("no-half-rolled-field-shown", vec![row(Code::R4), shown(Screen::Nobody)]),
        ("rollback-is-safe", vec![row(Code::R4), back.clone()]),
        ("rollback-is-safe", vec![posted(Code::R4), job(JobState::DeadLetter), back]),
        ("rollback-is-safe", vec![going_back, changed(Code::R2, Code::Forgetful, Status::Arrived)]),
        ("rollback-is-safe", vec![taken(), reserved(1), rollout(Code::R1, Code::R2, WITHDRAWN)]),
        ("two-releases-at-most", vec![begun.clone(), row(Code::R1)]),
        ("two-releases-at-most", vec![begun, changed(Code::R2, Code::R1, Status::Arrived)]),
        ("reminders-on-record", vec![row(Code::R4), reminder(), job(JobState::Succeeded)]),
    ];
    for (at, (invariant, facts)) in plants.iter().enumerate() {
        let broken = broken_by(facts, None);
        assert!(broken.contains(*invariant), "plant {at} should break {invariant}: {broken:?}");
    }
    let invariants: BTreeSet<&str> = plants.iter().map(|(invariant, _)| *invariant).collect();
    let all: BTreeSet<&str> = invariants::all().iter().map(|invariant| invariant.name()).collect();
    let rest: Vec<_> = all.difference(&invariants).collect();
    assert_eq!(rest, [&"bad-release-is-stopped"], "which has a test of its own");
}

#[test]
fn a_bad_release_on_too_many_machines_or_for_too_long_is_found() {
    let good = || (1..=3).map(|machine| runs(machine, Some(Build::sound(Code::R1))));
    let one: Vec<Fact> = good().chain([runs(4, bad())]).collect();
    let two: Vec<Fact> = one.iter().cloned().chain([runs(5, bad())]).collect();
    let withdrawn: Vec<Fact> = one.iter().cloned().chain([runs(4, None)]).collect();
    let breaks = |facts: &[Fact], last| broken_by(facts, last).contains("bad-release-is-stopped");
    assert!(!breaks(&withdrawn, None), "one of four, and gone in time");
    assert!(breaks(&two, None), "two of five");
    assert!(breaks(&one, None), "it is never gone");
    assert!(breaks(&one, Some(runs(4, None))), "it is gone after 17 minutes");
}
