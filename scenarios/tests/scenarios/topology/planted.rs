//! Every invariant can fail: planted facts violate it. A correct story violates none.

use crate::plants::{self, Fault, Plants, minutes, none, only};
use shakedown_model::Fact;
use shakedown_model::backbone::jobs::{JobKind, WorkItem};
use shakedown_model::backbone::monitor::Alert;
use shakedown_model::booking::clients::{Action, Client, Screen};
use shakedown_model::booking::rows::{Attention, Booking, Status};
use shakedown_model::facts::{BookingFact, Code, EdgeFact, FilingFact, PagerFact, Request, ScreenFact, Word};
use shakedown_model::filing::rows::{Filing, FilingState};
use shakedown_model::{booking, filing};
use shakedown_scenarios::topology::invariants;
use shakedown_sim::*;

const PLANTS: Plants = Plants {
    fault: Some(Fault {
        site: Site::new(Label::new("monitor"), Label::new("pause")),
        alternatives: Alternatives::new(&["none", "10 min"]),
        entity: "monitor",
        from: minutes(10),
        lasts: minutes(10),
    }),
    ..Plants::of("intent", invariants::all)
};

fn filing(state: FilingState) -> Fact {
    let after = Filing { id: 1, reference: 1, state, accepted: Moment::START, context: Scope::ROOT };
    Fact::Filing(FilingFact::Filing { before: None, after })
}

fn booking(status: Status, attention: Attention) -> Fact {
    let after = Booking { attention, ..plants::booking(1, status) };
    Fact::Booking(BookingFact::Booking { before: None, after })
}

fn alerted(kind: JobKind) -> Fact {
    Fact::Pager(PagerFact::Alerted(Alert::Late(WorkItem { kind, row: 1 })))
}

fn taken(kind: JobKind) -> Fact {
    Fact::Pager(PagerFact::Taken(Alert::Late(WorkItem { kind, row: 1 })))
}

fn rang() -> Fact {
    Fact::Pager(PagerFact::Rang { since: Moment::START })
}

fn shown(client: Client, version: u32, word: Word, actions: &'static [Action]) -> Fact {
    Fact::Screen(ScreenFact::Shown { client, screen: Screen { booking: 1, version, word, actions } })
}

fn answered(code: Code, took_ms: u64) -> Vec<(u64, Fact)> {
    let entered = EdgeFact::Entered { request: 1, what: Request::Status };
    vec![(0, Fact::Edge(entered)), (1, Fact::Edge(EdgeFact::Answered { request: 1, code, took_ms }))]
}

#[test]
fn one_version_in_two_words_or_with_two_sets_of_actions_is_found() {
    let web = shown(Client::Web, 1, Word::BeingChecked, &[]);
    let tell = |other| PLANTS.violated(&[(1, web.clone()), (2, other)]);
    assert_eq!(tell(shown(Client::OldApp, 1, Word::BeingChecked, &[])), none());
    assert_eq!(tell(shown(Client::App, 2, Word::Failed, &[])), none(), "another version");
    assert_eq!(tell(shown(Client::App, 1, Word::Failed, &[])), only("entry-points-agree"));
    assert_eq!(
        tell(shown(Client::App, 1, Word::BeingChecked, &[Action::Cancel])),
        only("entry-points-agree")
    );
}

#[test]
fn a_response_that_is_late_or_shows_a_dependencys_failure_is_found() {
    assert_eq!(PLANTS.violated(&answered(Code::Ok, 2_000)), none());
    assert_eq!(PLANTS.violated(&answered(Code::Ok, 2_001)), only("requests-answer-in-time"));
    assert_eq!(PLANTS.violated(&answered(Code::BadGateway, 10)), only("no-dependency-failure-shown"));
}

#[test]
fn a_late_report_must_be_in_an_alert_within_ten_minutes() {
    let (open, filed) = (filing(FilingState::Open), filing(FilingState::Filed(1)));
    let stuck = only("stuck-work-is-noticed");
    assert_eq!(PLANTS.violated(&[(0, open.clone())]), stuck, "nobody is ever told");
    assert_eq!(PLANTS.violated(&[(0, open.clone()), (26, filed.clone())]), stuck, "it was done in the end");
    assert_eq!(
        PLANTS.violated(&[(0, open.clone()), (26, alerted(filing::JOB)), (27, taken(filing::JOB))]),
        stuck,
        "told too late"
    );
    assert_eq!(
        PLANTS.violated(&[(0, open.clone()), (16, alerted(filing::JOB)), (17, taken(filing::JOB))]),
        none()
    );
    assert_eq!(PLANTS.violated(&[(0, open.clone()), (24, filed.clone())]), none(), "done by then");
    let rejected = filing(FilingState::Rejected);
    assert_eq!(PLANTS.violated(&[(0, open), (2, rejected)]), none(), "it is over");
}

#[test]
fn a_booking_that_is_being_checked_has_a_longer_promise() {
    let checking = booking(Status::Accepted, Attention::Checking);
    let accepted = booking(Status::Accepted, Attention::None);
    let confirmed = booking(Status::Confirmed, Attention::None);
    let stuck = only("stuck-work-is-noticed");
    assert_eq!(PLANTS.violated(&[(0, checking.clone()), (99, confirmed.clone())]), none());
    assert_eq!(PLANTS.violated(&[(0, checking.clone()), (101, confirmed.clone())]), stuck);
    assert_eq!(PLANTS.violated(&[(0, accepted.clone()), (26, confirmed.clone())]), stuck);
    // Known to be nothing after an hour, it is late from then on.
    assert_eq!(
        PLANTS.violated(&[(0, checking.clone()), (60, accepted.clone()), (69, confirmed.clone())]),
        none()
    );
    assert_eq!(PLANTS.violated(&[(0, checking), (60, accepted), (71, confirmed)]), stuck);
}

#[test]
fn a_ring_covers_late_work_and_must_have_a_cause() {
    const PAUSED: &str = "monitor/pause @ monitor-1 #1 = 10 min";
    let open = (0, filing(FilingState::Open));
    assert_eq!(PLANTS.violated_under(PAUSED, &[open.clone(), (16, rang())]), none());
    assert_eq!(
        PLANTS.violated_under(PAUSED, &[open.clone(), (13, rang())]),
        only("stuck-work-is-noticed"),
        "nothing was late yet"
    );
    let done = filing(FilingState::Filed(1));
    assert_eq!(PLANTS.violated_under(PAUSED, &[(0, done.clone()), (13, rang())]), none());
    for minute in [9, 11, 24] {
        assert_eq!(
            PLANTS.violated_under(PAUSED, &[(0, done.clone()), (minute, rang())]),
            only("no-false-alarm"),
            "{minute}"
        );
    }
    assert_eq!(PLANTS.violated(&[(0, done), (13, rang())]), only("no-false-alarm"));
}

#[test]
fn an_alert_about_work_that_is_not_late_is_found() {
    let (open, filed) = (filing(FilingState::Open), filing(FilingState::Filed(1)));
    let late =
        [(0, open.clone()), (16, alerted(filing::JOB)), (17, filed.clone()), (18, alerted(filing::JOB))];
    assert_eq!(PLANTS.violated(&late), none(), "it was late, though it is done by now");
    let early = [(0, open.clone()), (14, alerted(filing::JOB)), (15, filed.clone())];
    assert_eq!(PLANTS.violated(&early), only("no-false-alarm"));
    let other = [(0, open), (1, filed), (16, alerted(booking::JOB))];
    assert_eq!(PLANTS.violated(&other), only("no-false-alarm"));
    let errors = Fact::Pager(PagerFact::Alerted(Alert::Errors));
    assert_eq!(PLANTS.violated(&[(1, errors)]), only("no-false-alarm"));
}

#[test]
fn an_untaken_alert_must_be_repeated_while_the_work_is_late() {
    const PAUSED: &str = "monitor/pause @ monitor-1 #1 = 10 min";
    let alert = |minute| (minute, alerted(filing::JOB));
    let (open, taken) = ((0, filing(FilingState::Open)), (20, taken(filing::JOB)));
    let filed = (18, filing(FilingState::Filed(1)));
    assert_eq!(PLANTS.violated(&[open.clone(), alert(16)]), only("untaken-alerts-are-repeated"));
    assert_eq!(
        PLANTS.violated(&[open.clone(), alert(16), alert(20), taken.clone()]),
        only("untaken-alerts-are-repeated")
    );
    assert_eq!(PLANTS.violated(&[open.clone(), alert(16), alert(18), taken]), none());
    assert_eq!(PLANTS.violated(&[open.clone(), alert(16), filed]), none(), "it is no longer late");
    let late = [open, alert(16), alert(22), (23, self::taken(filing::JOB))];
    assert_eq!(PLANTS.violated_under(PAUSED, &late), none(), "the monitor was paused until minute 20");
    assert_eq!(PLANTS.violated(&late), only("untaken-alerts-are-repeated"));
}
