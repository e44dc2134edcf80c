//! Every invariant can fail: planted facts violate it. A correct story violates none.

use crate::plants::{Planted, Plants, SHARED, none};
use shakedown_model::Fact;
use shakedown_model::backbone::jobs::{Job, JobState, WorkItem};
use shakedown_model::booking::rows::Standing;
use shakedown_model::facts::{JobFact, OrderFact, PartnerFact, ReleaseFact, Screen};
use shakedown_model::releases::Code;
use shakedown_model::releases::JOB;
use shakedown_model::releases::code::{Change, Guest, Order, Status};
use shakedown_model::releases::machine::{Build, Defect, Tier};
use shakedown_model::releases::rollout::{Phase, Rollout, Why};
use shakedown_model::releases::rows::{Booking, Message, Schema};
use shakedown_scenarios::releases::invariants;
use shakedown_sim::*;
use std::collections::BTreeSet;

const PLANTS: Plants = Plants::of("intent", invariants::all);

/// These facts, and one seventeen minutes after the start.
fn and_later(facts: &[Fact], last: Fact) -> Vec<Planted> {
    facts.iter().cloned().map(Planted::from).chain([(17, last).into()]).collect()
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

/// A machine claims a message of this release.
fn taken_up(code: Code, machine: u32) -> Fact {
    let before = Some(message(code, None, 0));
    Fact::Order(OrderFact::Message { before, after: message(code, Some(machine), 1) })
}

fn posted(code: Code) -> Fact {
    Fact::Order(OrderFact::Message { before: None, after: message(code, None, 0) })
}

/// A reminder is due.
fn reminder() -> Fact {
    let text = Code::R4.documents().reminder(1).expect("it sends them");
    Fact::Order(OrderFact::Message { before: None, after: Message { text, ..message(Code::R4, None, 0) } })
}

fn runs(machine: u32, build: Option<Build>) -> Fact {
    Fact::Release(ReleaseFact::Runs { machine, tier: Tier::Worker, build })
}

fn pages(code: Code) -> Fact {
    Fact::Release(ReleaseFact::Pages { build: Build::sound(code) })
}

fn fence(fence: u32) -> Fact {
    Fact::Order(OrderFact::Schema(Schema { fence, has_guest: true }))
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

/// The job takes this state, from the one before it.
fn job(state: JobState) -> Fact {
    let queued = Job::queued(1, WorkItem { kind: JOB, row: 1 }, Moment::START, Scope::ROOT);
    let running = Job { state: JobState::Running, token: 1, ..queued };
    let (before, after) = match state {
        JobState::Queued | JobState::DeadLetter => (None, Job { state, ..queued }),
        JobState::Running => (Some(queued), running),
        _ => (Some(running), Job { state, ..running }),
    };
    Fact::Job(JobFact::Changed { before, after })
}

/// A machine takes up the reminder.
fn reminded_by(machine: u32) -> Fact {
    match reminder() {
        Fact::Order(OrderFact::Message { after, .. }) => {
            let taken = Message { taken_by: Some(machine), times: 1, ..after.clone() };
            Fact::Order(OrderFact::Message { before: Some(after), after: taken })
        }
        other => unreachable!("{other:?} is no message"),
    }
}

fn reserved(reservation: u32) -> Fact {
    Fact::Partner(PartnerFact::Reserved { reservation, standing: Standing::Confirmed })
}

fn taken() -> Fact {
    Fact::Order(OrderFact::Taken { booking: 1 })
}

const WITHDRAWN: Phase = Phase::Withdrawn(Why::Recalled);

/// A correct story: the next release works on an order that the one before accepted, and is then withdrawn.
fn correct_story() -> Vec<Fact> {
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
        runs(1, Some(Build::sound(Code::R1))),
        rollout(Code::R1, Code::R2, WITHDRAWN),
    ]
}

#[test]
fn a_correct_story_violates_nothing() {
    assert_eq!(PLANTS.violated(&correct_story()), none());
    let listed = [row(Code::R1), posted(Code::R1), taken(), job(JobState::DeadLetter)];
    assert_eq!(PLANTS.violated(&listed), none(), "what is listed may be left");
    let failed = [changed(Code::R1, Code::R1, Status::Failed), taken()];
    assert_eq!(PLANTS.violated(&failed), none(), "what has failed is over");
    let (text, canary) = (Code::R3.documents().row(&ORDER), rollout(Code::R3, Code::R4, Phase::Canary));
    let after = Code::R3.documents().rewrite(&text, Change::Reminded).expect("it reads it");
    let reminded = Fact::Order(OrderFact::Booking { before: Some(booking(text)), after: booking(after) });
    let noted = [row(Code::R3), reminder(), canary, reminded, job(JobState::Succeeded)];
    assert_eq!(PLANTS.violated(&noted), none(), "the neighbour of a new release puts it on record");
}

#[test]
fn each_invariant_is_violated_by_a_planted_fact() {
    let old = Some(Build::sound(Code::R2));
    let back = rollout(Code::R2, Code::R3, WITHDRAWN);
    let going_back = rollout(Code::R1, Code::R2, Phase::Withdrawing(Why::Recalled));
    let begun = rollout(Code::R2, Code::R3, Phase::Canary);
    let plants = [
        ("exactly-one-reservation-per-intent", [&correct_story()[..], &[reserved(2)]].concat()),
        ("accepted-work-finishes", vec![row(Code::R1), taken()]),
        ("nobody-judged-early-or-late", vec![reserved(1), reminder(), reminded_by(1)]),
        ("backfill-is-complete", vec![row(Code::R1), rollout(Code::R2, Code::R3, Phase::Done)]),
        ("every-message-readable", vec![runs(1, old), taken_up(Code::R4, 1)]),
        ("every-message-readable", vec![runs(1, old), row(Code::R4), taken_up(Code::R2, 1)]),
        ("every-message-readable", vec![row(Code::R2), shown(Screen::Error)]),
        ("no-half-rolled-field-shown", vec![row(Code::R1), shown(Screen::Nobody)]),
        ("no-half-rolled-field-shown", vec![row(Code::R4), shown(Screen::Nobody)]),
        ("rollback-is-safe", vec![row(Code::R4), back.clone()]),
        ("rollback-is-safe", vec![posted(Code::R4), job(JobState::DeadLetter), back.clone()]),
        ("rollback-is-safe", vec![going_back, changed(Code::R2, Code::Forgetful, Status::Arrived)]),
        ("rollback-is-safe", vec![taken(), reserved(1), rollout(Code::R1, Code::R2, WITHDRAWN)]),
        (
            "withdrawn-release-is-gone",
            vec![runs(1, old), back.clone(), runs(1, Some(Build::sound(Code::R3)))],
        ),
        ("withdrawn-release-is-gone", vec![pages(Code::R3), back.clone()]),
        ("withdrawn-release-is-gone", vec![back.clone(), row(Code::R3)]),
        ("withdrawn-release-is-gone", vec![fence(3), back.clone()]),
        (
            "withdrawn-release-is-gone",
            vec![row(Code::R3), reminder(), job(JobState::Queued), rollout(Code::R3, Code::R4, WITHDRAWN)],
        ),
        ("two-releases-at-most", vec![begun.clone(), row(Code::R1)]),
        ("two-releases-at-most", vec![begun, changed(Code::R2, Code::R1, Status::Arrived)]),
        ("reminders-on-record", vec![row(Code::R4), reminder(), job(JobState::Succeeded)]),
    ];
    // The test below covers bad-release-is-stopped: it needs a release that runs for long.
    PLANTS.check(&plants, &["bad-release-is-stopped", SHARED[0], SHARED[1], SHARED[2]]);
}

#[test]
fn a_bad_release_on_too_many_machines_or_for_too_long_is_found() {
    let good = || (1..=3).map(|machine| runs(machine, Some(Build::sound(Code::R1))));
    let one: Vec<Fact> = good().chain([runs(4, bad())]).collect();
    let two: Vec<Fact> = one.iter().cloned().chain([runs(5, bad())]).collect();
    let withdrawn: Vec<Fact> = one.iter().cloned().chain([runs(4, None)]).collect();
    let is_found = |violated: BTreeSet<String>| violated.contains("bad-release-is-stopped");
    assert!(!is_found(PLANTS.violated(&withdrawn)), "one of four, and gone in time");
    assert!(is_found(PLANTS.violated(&two)), "two of five");
    assert!(is_found(PLANTS.violated(&one)), "it is never gone");
    assert!(is_found(PLANTS.violated(&and_later(&one, runs(4, None)))), "it is gone after 17 minutes");
}
