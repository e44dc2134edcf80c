//! Every invariant can fail: planted facts violate it. A correct story violates none.

use crate::plants::{self, Plants, none};
use shakedown_model::Fact;
use shakedown_model::backbone::jobs::{Job, JobState, WorkItem};
use shakedown_model::backbone::mail::rows::{
    Channel, Known, Language, MailState, Notification, Policy, Recipient, Send,
};
use shakedown_model::facts::{
    Code, DocumentFact, EdgeFact, JobFact, MailFact, MailProviderFact, Request, VisitFact, VisitWord,
};
use shakedown_model::visit::JOB;
use shakedown_model::visit::connector::Document;
use shakedown_model::visit::events::{REPORTED, VISIT};
use shakedown_model::visit::rows::{Action, Actor, Entry, Grounds, Report, ReportState, Status, Visit};
use shakedown_scenarios::visit::invariants;
use shakedown_sim::*;

/// A fact in the scope below its visit on whose behalf it is stated.
type Scoped = (&'static str, Fact);

const PLANTS: Plants =
    Plants { scopes: &["row", "action", "close", "attempt"], ..Plants::of("visit", invariants::all) };

fn row(status: Status, revision: u32, version: u32) -> Visit {
    let (starts, remind_at, day_ends) = (None, None, Moment::NEVER);
    Visit { id: 1, status, revision, version, starts, remind_at, day_ends, context: Scope::ROOT }
}

fn scheduled() -> Scoped {
    ("row", Fact::Visit(VisitFact::Visit { before: None, after: row(Status::Scheduled, 0, 1) }))
}

/// The nightly close records a visit as missed whose day is over.
fn closed() -> Scoped {
    let of_yesterday = |status, version| Visit { day_ends: Moment::START, ..row(status, 0, version) };
    let (before, after) = (Some(of_yesterday(Status::Scheduled, 1)), of_yesterday(Status::NoShow, 2));
    ("close", Fact::Visit(VisitFact::Visit { before, after }))
}

/// A visit of a day that ends after an hour gets this status; as missed, by the nightly close.
fn of_today(status: Status) -> Scoped {
    let day_ends = Moment::START + plants::minutes(60);
    let by = if status == Status::NoShow { "close" } else { "row" };
    let after = Visit { day_ends, ..row(status, 0, 1) };
    (by, Fact::Visit(VisitFact::Visit { before: None, after }))
}

/// A change to the next version, on behalf of `by`.
fn moved(by: &'static str, from: (Status, u32, u32), to: (Status, u32)) -> Scoped {
    let (before, after) = (row(from.0, from.1, from.2), row(to.0, to.1, from.2 + 1));
    (by, Fact::Visit(VisitFact::Visit { before: Some(before), after }))
}

fn report(state: ReportState) -> Scoped {
    let report = |state| Report { id: 1, visit: 1, revision: 1, state, context: Scope::ROOT };
    let before = (state != ReportState::Pending).then(|| report(ReportState::Pending));
    ("attempt", Fact::Visit(VisitFact::Report { before, after: report(state) }))
}

fn dead_letter() -> Scoped {
    let job = Job::queued(1, WorkItem { kind: JOB, row: 1 }, Moment::START, Scope::ROOT);
    (
        "attempt",
        Fact::Job(JobFact::Changed { before: None, after: Job { state: JobState::DeadLetter, ..job } }),
    )
}

/// The message about the report gets this state.
fn message(state: MailState) -> Scoped {
    let after = Notification {
        id: 1,
        once: None,
        subject: VISIT.row(1),
        version: 1,
        what: REPORTED,
        recipient: Recipient::Party(1),
        channel: Channel::Email,
        language: Language::English,
        template: Some(1),
        policy: Policy::Once,
        state,
        due: Moment::START,
        send: None,
        tries: 0,
        flagged: false,
        context: Scope::ROOT,
    };
    ("attempt", Fact::Mail(MailFact::Notification { before: None, after }))
}

/// An attempt to send it is on record.
fn sent(id: u32) -> Scoped {
    let after = Send { id, notification: 1, known: Known::Started, made: Moment::START };
    ("attempt", Fact::Mail(MailFact::Send { before: None, after }))
}

fn took(send: u32) -> Scoped {
    ("attempt", Fact::MailProvider(MailProviderFact::Took { message: send, send }))
}

fn stored() -> Scoped {
    let document = Document { visit: 1, revision: 1 };
    ("attempt", Fact::Documents(DocumentFact::Stored { upload: 1, document }))
}

fn shown(version: u32, word: VisitWord) -> Scoped {
    ("action", Fact::Visit(VisitFact::Shown { fresh: false, visit: 1, version, revision: 1, word }))
}

fn entered(what: Request) -> Scoped {
    ("action", Fact::Edge(EdgeFact::Entered { request: 1, what }))
}

fn answered(code: Code, took_ms: u64) -> Scoped {
    ("action", Fact::Edge(EdgeFact::Answered { request: 1, code, took_ms }))
}

const SCHEDULED: (Status, u32, u32) = (Status::Scheduled, 0, 1);
const ARRIVED: (Status, u32, u32) = (Status::Arrived, 0, 2);
const PROCESSED: (Status, u32, u32) = (Status::Processed, 1, 3);

/// A correct story from announcement to report.
fn correct_story() -> Vec<Scoped> {
    vec![
        scheduled(),
        moved("action", SCHEDULED, (Status::Arrived, 0)),
        entered(Request::Advance),
        moved("action", ARRIVED, (Status::Processed, 1)),
        report(ReportState::Pending),
        answered(Code::Accepted, 10),
        shown(3, VisitWord::UnderWay),
        stored(),
        report(ReportState::Ready),
        message(MailState::Queued),
        sent(1),
        took(1),
        message(MailState::Accepted),
        shown(3, VisitWord::Complete),
    ]
}

fn and(more: &[Scoped]) -> Vec<Scoped> {
    [&correct_story()[..], more].concat()
}

/// The message returns to the queue from this state.
fn queued_again(from: MailState) -> Scoped {
    let row = |state| match message(state).1 {
        Fact::Mail(MailFact::Notification { after, .. }) => after,
        other => unreachable!("{other:?} is no row of the message"),
    };
    let (before, after) = (Some(row(from)), row(MailState::Queued));
    ("attempt", Fact::Mail(MailFact::Notification { before, after }))
}

/// An operator overrides the doubt and has it sent again.
fn overridden() -> Scoped {
    let action = Action::Override(Grounds::NothingCame);
    let (version, by, at) = (3, Actor::Operator, Moment::START);
    let entry = Entry { id: 9, visit: 1, version, by, action, request: None, at };
    ("action", Fact::Visit(VisitFact::Entered(entry)))
}

/// A message in doubt is sent again after a requested replay, with these facts before it.
fn doubled(before: &[Scoped]) -> Vec<Scoped> {
    let after = [sent(2), took(2), message(MailState::Accepted)];
    and(&[&[entered(Request::Replay), message(MailState::Unknown)], before, &after].concat())
}

#[test]
fn a_recorded_override_may_send_a_message_in_doubt_twice() {
    let story = doubled(&[queued_again(MailState::Unknown), overridden()]);
    assert_eq!(PLANTS.violated(&story), none());
}

#[test]
fn a_correct_story_violates_nothing() {
    let story = correct_story();
    assert_eq!(PLANTS.violated(&story), none());
    let amended = [moved("action", PROCESSED, (Status::Processed, 2)), shown(4, VisitWord::UnderWay)];
    assert_eq!(PLANTS.violated(&and(&amended)), none());
    for over in [
        closed(),
        moved("row", SCHEDULED, (Status::Cancelled, 0)),
        moved("action", SCHEDULED, (Status::Cancelled, 0)),
    ] {
        assert_eq!(PLANTS.violated(&[scheduled(), over]), none());
    }
}

/// For each invariant, facts that violate it.
fn planted() -> Vec<(&'static str, Vec<Scoped>)> {
    use Status::{Arrived, Cancelled, NoShow, Processed};
    let legal = "legal-transitions-only";
    vec![
        (legal, vec![scheduled(), moved("action", SCHEDULED, (Processed, 1))]),
        (legal, vec![scheduled(), moved("row", SCHEDULED, (Arrived, 0))]),
        (legal, vec![scheduled(), moved("row", SCHEDULED, (NoShow, 0))]),
        (legal, vec![scheduled(), moved("row", ARRIVED, (Cancelled, 0))]),
        (legal, vec![scheduled(), moved("close", ARRIVED, (NoShow, 0))]),
        (legal, and(&[moved("attempt", PROCESSED, (Processed, 2))])),
        (legal, and(&[moved("action", PROCESSED, (Processed, 3))])),
        (legal, and(&[moved("action", PROCESSED, (Cancelled, 1))])),
        (legal, vec![("action", scheduled().1)]),
        ("no-premature-success", vec![report(ReportState::Pending), shown(3, VisitWord::Processed)]),
        ("no-premature-success", vec![report(ReportState::Ready), shown(3, VisitWord::Complete)]),
        ("no-premature-success", vec![stored(), shown(3, VisitWord::Complete)]),
        ("replay-is-safe", and(&[entered(Request::Replay), sent(2), took(2)])),
        ("replay-is-safe", doubled(&[queued_again(MailState::Unknown)])),
        ("replay-is-safe", doubled(&[queued_again(MailState::Accepted), overridden()])),
        ("requests-answer-in-time", vec![entered(Request::Visit), answered(Code::Ok, 2_001)]),
        ("requests-answer-in-time", vec![entered(Request::Visit), answered(Code::Unavailable, 10)]),
        ("no-dependency-failure-shown", vec![entered(Request::Advance), answered(Code::BadGateway, 10)]),
        ("accepted-means-durable", vec![entered(Request::Advance), answered(Code::Accepted, 10)]),
        ("accepted-work-finishes", vec![report(ReportState::Pending)]),
        ("accepted-work-finishes", vec![report(ReportState::Pending), report(ReportState::Ready)]),
        ("accepted-work-finishes", vec![report(ReportState::Pending), stored(), report(ReportState::Ready)]),
        ("accepted-work-finishes", and(&[message(MailState::Unknown)])),
        ("accepted-work-finishes", vec![scheduled()]),
        ("transient-faults-heal", vec![report(ReportState::Pending), dead_letter()]),
        ("nobody-judged-early-or-late", vec![of_today(Status::Scheduled), of_today(Status::NoShow)]),
        ("nobody-judged-early-or-late", vec![of_today(Status::Scheduled)]),
        ("screens-agree-at-rest", and(&[shown(3, VisitWord::UnderWay)])),
        ("screens-agree-at-rest", and(&[message(MailState::Bounced)])),
        ("screens-agree-at-rest", and(&[shown(2, VisitWord::Complete)])),
    ]
}

#[test]
fn each_invariant_is_violated_by_a_planted_fact() {
    PLANTS.check(&planted(), &plants::SHARED);
}
