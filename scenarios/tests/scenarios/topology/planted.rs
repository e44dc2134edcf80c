//! Every invariant can fail: facts are planted that break it, beside a story that breaks none.

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
use std::collections::BTreeSet;

/// States facts, each at its minute.
struct Told(Vec<(u64, Fact)>);

/// What may happen to the monitor: it is paused from the tenth minute on.
const PAUSE: Site = Site::new(Label::new("monitor"), Label::new("pause"));
const PAUSES: Alternatives = Alternatives::new(&["none", "10 min"]);

impl Scenario for Told {
    type Fact = Fact;
    fn name(&self) -> &str {
        "told"
    }
    fn horizon(&self, _: &Variant) -> Horizon {
        Horizon { heal: Duration::from_secs(2 * 3_600), settle: Duration::from_secs(3_600) }
    }
    fn build(&self, stage: &Stage<Fact>) {
        let (stating, facts) = (stage.facts().clone(), self.0.clone());
        let teller = stage.node(Role::outside("teller".into()), |_| {});
        let monitor = teller.within(stage.entity("monitor"));
        monitor.clone().spawn(async move {
            monitor.sleep(minutes(10)).await;
            if !monitor.choose(PAUSE, &PAUSES).is_benign() {
                monitor.lasts(minutes(10));
            }
        });
        teller.clone().spawn(async move {
            for (minute, fact) in facts {
                teller.sleep_until(Moment::START + minutes(minute)).await;
                stating.state(&teller, &fact);
            }
        });
    }
    fn invariants(&self) -> Vec<Box<dyn Invariant<Fact>>> {
        invariants::all()
    }
}

fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(60 * minutes)
}

/// What these facts break, each invariant once.
fn broken_under(deviations: &str, facts: &[(u64, Fact)]) -> BTreeSet<String> {
    let script = format!("scenario told\n{deviations}").parse().expect("a script");
    let outcome = Runner::new(Told(facts.to_vec())).run(Plan::Script(&script));
    assert_eq!(outcome.unapplied, []);
    outcome.violations.into_iter().map(|violation| violation.invariant).collect()
}

fn broken_by(facts: &[(u64, Fact)]) -> BTreeSet<String> {
    broken_under("", facts)
}

fn only(name: &str) -> BTreeSet<String> {
    BTreeSet::from([name.to_owned()])
}

fn filing(state: FilingState) -> Fact {
    let after = Filing { id: 1, reference: 1, state, accepted: Moment::START, context: Scope::ROOT };
    Fact::Filing(FilingFact::Filing { before: None, after })
}

fn booking(status: Status, attention: Attention) -> Fact {
    let after = Booking {
        id: 1,
        quote: 1,
        once: None,
        customer: 1,
        price: 12_000,
        status,
        attention,
        generation: 1,
        reservation: None,
        version: 1,
        published: 1,
        accepted: Moment::START,
        context: Scope::ROOT,
    };
    Fact::Booking(BookingFact::Booking { before: None, after })
}

fn alerted(kind: JobKind) -> Fact {
    Fact::Pager(PagerFact::Alerted(Alert::Late(WorkItem { kind, row: 1 })))
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
    let tell = |other| broken_by(&[(1, web.clone()), (2, other)]);
    assert_eq!(tell(shown(Client::OldApp, 1, Word::BeingChecked, &[])), BTreeSet::new());
    assert_eq!(tell(shown(Client::App, 2, Word::Failed, &[])), BTreeSet::new(), "another version");
    assert_eq!(tell(shown(Client::App, 1, Word::Failed, &[])), only("entry-points-agree"));
    assert_eq!(
        tell(shown(Client::App, 1, Word::BeingChecked, &[Action::Cancel])),
        only("entry-points-agree")
    );
}

#[test]
fn an_answer_that_is_late_or_shows_the_failure_of_others_is_found() {
    assert_eq!(broken_by(&answered(Code::Ok, 2_000)), BTreeSet::new());
    assert_eq!(broken_by(&answered(Code::Ok, 2_001)), only("requests-answer-in-time"));
    assert_eq!(broken_by(&answered(Code::BadGateway, 10)), only("no-dependency-failure-shown"));
}

#[test]
fn a_report_that_is_late_is_to_be_in_an_alert_within_ten_minutes() {
    let (open, filed) = (filing(FilingState::Open), filing(FilingState::Filed(1)));
    let stuck = only("stuck-work-is-noticed");
    assert_eq!(broken_by(&[(0, open.clone())]), stuck, "nobody is ever told");
    assert_eq!(broken_by(&[(0, open.clone()), (26, filed.clone())]), stuck, "it was done in the end");
    assert_eq!(broken_by(&[(0, open.clone()), (26, alerted(filing::JOB))]), stuck, "told too late");
    assert_eq!(broken_by(&[(0, open.clone()), (16, alerted(filing::JOB))]), BTreeSet::new());
    assert_eq!(broken_by(&[(0, open.clone()), (24, filed.clone())]), BTreeSet::new(), "done by then");
    let rejected = filing(FilingState::Rejected);
    assert_eq!(broken_by(&[(0, open), (2, rejected)]), BTreeSet::new(), "it is over");
}

#[test]
fn what_is_being_checked_has_a_longer_promise() {
    let checking = booking(Status::Accepted, Attention::Checking);
    let accepted = booking(Status::Accepted, Attention::None);
    let confirmed = booking(Status::Confirmed, Attention::None);
    let stuck = only("stuck-work-is-noticed");
    assert_eq!(broken_by(&[(0, checking.clone()), (99, confirmed.clone())]), BTreeSet::new());
    assert_eq!(broken_by(&[(0, checking.clone()), (101, confirmed.clone())]), stuck);
    assert_eq!(broken_by(&[(0, accepted.clone()), (26, confirmed.clone())]), stuck);
    // Known to be nothing after an hour, it is late from then on.
    assert_eq!(
        broken_by(&[(0, checking.clone()), (60, accepted.clone()), (69, confirmed.clone())]),
        BTreeSet::new()
    );
    assert_eq!(broken_by(&[(0, checking), (60, accepted), (71, confirmed)]), stuck);
}

#[test]
fn a_pager_that_rings_has_somebody_look_at_what_is_late_and_must_have_had_a_reason() {
    const PAUSED: &str = "monitor/pause @ monitor-1 #1 = 10 min";
    let open = (0, filing(FilingState::Open));
    assert_eq!(broken_under(PAUSED, &[open.clone(), (16, rang())]), BTreeSet::new());
    assert_eq!(
        broken_under(PAUSED, &[open.clone(), (13, rang())]),
        only("stuck-work-is-noticed"),
        "nothing was late yet"
    );
    let done = filing(FilingState::Filed(1));
    assert_eq!(broken_under(PAUSED, &[(0, done.clone()), (13, rang())]), BTreeSet::new());
    for minute in [9, 11, 24] {
        assert_eq!(
            broken_under(PAUSED, &[(0, done.clone()), (minute, rang())]),
            only("no-false-alarm"),
            "{minute}"
        );
    }
    assert_eq!(broken_by(&[(0, done), (13, rang())]), only("no-false-alarm"));
}

#[test]
fn an_alert_of_what_is_not_late_is_found() {
    let (open, filed) = (filing(FilingState::Open), filing(FilingState::Filed(1)));
    let late =
        [(0, open.clone()), (16, alerted(filing::JOB)), (17, filed.clone()), (18, alerted(filing::JOB))];
    assert_eq!(broken_by(&late), BTreeSet::new(), "it was late, though it is done by now");
    let early = [(0, open.clone()), (14, alerted(filing::JOB)), (15, filed.clone())];
    assert_eq!(broken_by(&early), only("no-false-alarm"));
    let other = [(0, open), (1, filed), (16, alerted(booking::JOB))];
    assert_eq!(broken_by(&other), only("no-false-alarm"));
    let errors = Fact::Pager(PagerFact::Alerted(Alert::Errors));
    assert_eq!(broken_by(&[(1, errors)]), only("no-false-alarm"));
}
