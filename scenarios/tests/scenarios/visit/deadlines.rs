//! Deadlines of a local day, on both sides: planted facts a minute early, in time, and a minute late.

use crate::plants::{Plants, minutes};
use shakedown_model::Fact;
use shakedown_model::facts::VisitFact;
use shakedown_model::visit::rows::{Action, Actor, Entry, Status, Visit};
use shakedown_scenarios::visit::invariants;
use shakedown_sim::calendar::{LocalTime, ZoneName};
use shakedown_sim::*;

const PLANTS: Plants =
    Plants { scopes: &["row", "close", "reminder"], ..Plants::of("visit", invariants::all) };
const BERLIN: ZoneName = ZoneName::new("Europe/Berlin");

type Planted = (u64, &'static str, Fact);

fn at(minute: u64) -> Moment {
    Moment::START + minutes(minute)
}

/// A visit of a day that ends after an hour, as its row says.
const VISIT: Visit = Visit {
    id: 1,
    status: Status::Scheduled,
    revision: 0,
    version: 1,
    starts: None,
    remind_at: None,
    day_ends: Moment::NEVER,
    context: Scope::ROOT,
};

fn row(minute: u64, by: &'static str, before: Option<Visit>, after: Visit) -> Planted {
    (minute, by, Fact::Visit(VisitFact::Visit { before, after }))
}

fn announced(visit: Visit) -> Planted {
    row(0, "row", None, visit)
}

fn closed(minute: u64, visit: Visit) -> Planted {
    row(minute, "close", Some(visit), Visit { status: Status::NoShow, version: 2, ..visit })
}

fn reminded(minute: u64) -> Planted {
    let (by, action) = (Actor::Reminder, Action::Remind);
    let entry = Entry { id: 1, visit: 1, version: 2, by, action, request: None, at: at(minute) };
    (minute, "reminder", Fact::Visit(VisitFact::Entered(entry)))
}

/// The clinics' day ends after an hour, and so does the Sunday on which the clocks change.
fn calendar() -> Planted {
    let monday = BERLIN.zone().start_of_day(LocalTime::of(2026, 3, 30, 0, 0));
    (0, "", Fact::Visit(VisitFact::Calendar { zone: BERLIN, starts: monday - minutes(60) }))
}

fn check(facts: &[Planted], violates: bool) {
    let found = PLANTS.violated(facts).contains("nobody-judged-early-or-late");
    assert_eq!(found, violates, "{facts:#?}");
}

#[test]
fn a_visit_is_closed_after_its_day_and_soon() {
    let visit = Visit { day_ends: at(60), ..VISIT };
    for (minute, violates) in [(59, true), (60, false), (91, false), (92, true)] {
        check(&[announced(visit), closed(minute, visit)], violates);
    }
    check(&[announced(visit)], true);
}

#[test]
fn the_local_day_counts_and_not_the_row() {
    for (says, closes, violates) in [(0, 30, true), (60, 61, false), (120, 121, true)] {
        let visit = Visit { day_ends: at(says), ..VISIT };
        check(&[calendar(), announced(visit), closed(closes, visit)], violates);
    }
}

#[test]
fn a_patient_is_reminded_in_time_unless_the_visit_has_begun() {
    let visit = Visit { remind_at: Some(at(60)), ..VISIT };
    for (minute, violates) in [(59, true), (60, false), (71, false), (72, true)] {
        check(&[announced(visit), reminded(minute)], violates);
    }
    check(&[announced(visit)], true);
    let arrived = Visit { status: Status::Arrived, version: 2, ..visit };
    check(&[announced(visit), row(30, "row", Some(visit), arrived)], false);
}

#[test]
fn a_visit_of_tomorrow_begins_at_nine_local_time() {
    for (starts, violates) in [(540, true), (600, false), (660, true)] {
        let visit = Visit { starts: Some(at(starts)), ..VISIT };
        check(&[calendar(), announced(visit)], violates);
    }
}
