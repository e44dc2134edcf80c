//! Every invariant can fail: planted facts violate it. A correct story violates none.

use super::without;
use crate::plants::{self, Plants, none, only};
use shakedown_model::Fact;
use shakedown_model::backbone::events::Subject;
use shakedown_model::backbone::mail::provider::Letter;
use shakedown_model::backbone::mail::rows::{
    Channel, Known, Language, MailState, Notification, Policy, Recipient, Send,
};
use shakedown_model::backbone::mail::templates::Template;
use shakedown_model::booking::events::{ACCEPTED, BOOKING, WITHDRAWN};
use shakedown_model::booking::rows::{Booking, Status};
use shakedown_model::facts::{BookingFact, Code, EdgeFact, MailFact, MailProviderFact, Request};
use shakedown_scenarios::notifications::{ENTRY, invariants};
use shakedown_sim::judge::HARNESS_INVARIANTS;
use shakedown_sim::search::explore;
use shakedown_sim::*;
use std::collections::BTreeSet;

const PLANTS: Plants = Plants { gap: Duration::from_secs(6), ..Plants::of("intent", invariants::all) };

fn booking(status: Status, version: u32) -> Booking {
    Booking { version, published: version, ..plants::booking(1, status) }
}

fn accepted() -> Fact {
    Fact::Booking(BookingFact::Booking { before: None, after: booking(Status::Accepted, 1) })
}

fn withdrawn() -> Fact {
    let (before, after) = (booking(Status::Confirmed, 2), booking(Status::Withdrawn, 3));
    Fact::Booking(BookingFact::Booking { before: Some(before), after })
}

const CUSTOMER: Recipient = Recipient::Party(1);
const SUBJECT: Subject = BOOKING.row(1);

fn notification(state: MailState) -> Notification {
    Notification {
        id: 1,
        once: Some(1),
        subject: SUBJECT,
        version: 1,
        what: ACCEPTED,
        recipient: CUSTOMER,
        channel: Channel::Email,
        language: Language::German,
        template: Some(1),
        policy: Policy::Once,
        state,
        due: Moment::NEVER,
        send: Some(1),
        tries: 1,
        flagged: false,
        context: Scope::ROOT,
    }
}

fn planned(state: MailState) -> Fact {
    Fact::Mail(MailFact::Notification { before: None, after: notification(state) })
}

fn flagged(state: MailState) -> Fact {
    let after = Notification { flagged: true, ..notification(state) };
    Fact::Mail(MailFact::Notification { before: None, after })
}

fn replayed() -> Fact {
    let (before, after) = (notification(MailState::DeadLetter), notification(MailState::Queued));
    Fact::Mail(MailFact::Notification { before: Some(before), after })
}

fn logged(id: u32, known: Known) -> Fact {
    let after = Send { id, notification: 1, known, made: Moment::START };
    Fact::Mail(MailFact::Send { before: None, after })
}

fn published(version: u32) -> Fact {
    Fact::Mail(MailFact::Template(Template { what: ACCEPTED, version, variables: &[] }))
}

fn asked(send: u32) -> Fact {
    Fact::MailProvider(MailProviderFact::Asked { send })
}

const LETTER: Letter = Letter {
    what: ACCEPTED,
    subject: SUBJECT,
    version: 1,
    template: 1,
    language: Language::German,
    empty: 0,
};

fn arrived(send: u32, letter: Letter) -> Fact {
    arrived_at(CUSTOMER, send, letter)
}

fn arrived_at(recipient: Recipient, send: u32, letter: Letter) -> Fact {
    Fact::MailProvider(MailProviderFact::Arrived { message: send, send, recipient, letter })
}

fn returned() -> Fact {
    Fact::MailProvider(MailProviderFact::Returned { message: 1, send: 1, recipient: CUSTOMER })
}

fn refused() -> Fact {
    Fact::MailProvider(MailProviderFact::Refused { send: 1 })
}

fn entered() -> Fact {
    Fact::Edge(EdgeFact::Entered { request: 1, what: Request::Submit })
}

fn answered(code: Code, took_ms: u64) -> Fact {
    Fact::Edge(EdgeFact::Answered { request: 1, code, took_ms })
}

/// A correct story from order to mailbox.
fn correct_story() -> Vec<Fact> {
    vec![
        entered(),
        accepted(),
        answered(Code::Accepted, 30),
        logged(1, Known::Delivered(1)),
        asked(1),
        arrived(1, LETTER),
        planned(MailState::Delivered),
    ]
}

/// The same story with another outcome of the mail.
fn ending(facts: &[Fact]) -> Vec<Fact> {
    [&[accepted(), logged(1, Known::Accepted(1)), asked(1)], facts].concat()
}

#[test]
fn a_correct_story_violates_nothing() {
    let replay = [published(2), replayed(), arrived(1, Letter { template: 2, ..LETTER })];
    let stories = [
        correct_story(),
        ending(&[returned(), planned(MailState::Bounced)]),
        ending(&[refused(), planned(MailState::Rejected)]),
        vec![returned(), accepted(), planned(MailState::Suppressed)],
        ending(&[logged(1, Known::Unknown), flagged(MailState::Unknown)]),
        ending(&[&replay[..], &[planned(MailState::Delivered)]].concat()),
    ];
    for story in stories {
        assert_eq!(PLANTS.violated(&story), none());
    }
}

#[test]
fn a_withdrawal_may_arrive_once_more_for_each_attempt_on_record_as_unknown() {
    let letter = Letter { what: WITHDRAWN, version: 3, ..LETTER };
    let row = Notification { what: WITHDRAWN, version: 3, ..notification(MailState::Delivered) };
    let row = Fact::Mail(MailFact::Notification { before: None, after: row });
    let twice = [arrived(1, letter), arrived(2, letter)];
    let review_queue =
        arrived_at(Recipient::ReviewQueue, 3, Letter { language: Language::English, ..letter });
    let log = [logged(2, Known::Accepted(2)), logged(3, Known::Delivered(3))];
    let begin = [&[withdrawn(), row][..], &log, &[review_queue]].concat();
    let unknown = [&begin[..], &[logged(1, Known::Unknown)], &twice].concat();
    assert_eq!(PLANTS.violated(&unknown), none());
    let known = [&begin[..], &[logged(1, Known::Accepted(1))], &twice].concat();
    assert_eq!(PLANTS.violated(&known), only("one-message-per-event-and-recipient"));
}

/// For each invariant, facts that violate it.
fn planted() -> Vec<(&'static str, Vec<Fact>)> {
    let with = |facts: &[Fact]| [&correct_story()[..], facts].concat();
    let unlike = |letter: Letter| ending(&[arrived(1, letter), planned(MailState::Delivered)]);
    vec![
        ("one-message-per-event-and-recipient", with(&[logged(2, Known::Accepted(2)), arrived(2, LETTER)])),
        ("one-message-per-event-and-recipient", vec![arrived(1, LETTER)]),
        ("right-template", unlike(Letter { template: 2, ..LETTER })),
        ("right-template", [vec![published(2)], unlike(LETTER)].concat()),
        ("right-template", unlike(Letter { language: Language::English, ..LETTER })),
        ("right-template", unlike(Letter { version: 2, ..LETTER })),
        ("right-template", unlike(Letter { empty: 1, ..LETTER })),
        ("delivery-known-or-flagged", ending(&[planned(MailState::Delivered)])),
        ("delivery-known-or-flagged", ending(&[planned(MailState::Bounced)])),
        ("delivery-known-or-flagged", ending(&[arrived(1, LETTER), planned(MailState::Rejected)])),
        ("delivery-known-or-flagged", ending(&[planned(MailState::Suppressed)])),
        ("delivery-known-or-flagged", ending(&[planned(MailState::Accepted)])),
        ("delivery-known-or-flagged", with(&[asked(2), arrived(2, LETTER)])),
        ("accepted-work-finishes", vec![accepted()]),
        ("accepted-work-finishes", ending(&[planned(MailState::Suppressed)])),
        ("accepted-work-finishes", vec![returned(), accepted(), planned(MailState::Accepted)]),
        ("every-side-effect-accounted", vec![asked(1)]),
        ("transient-faults-heal", ending(&[flagged(MailState::Accepted)])),
        ("transient-faults-heal", ending(&[planned(MailState::DeadLetter)])),
        ("requests-answer-in-time", vec![entered(), answered(Code::Ok, 2_001)]),
        ("no-dependency-failure-shown", vec![entered(), answered(Code::BadGateway, 10)]),
    ]
}

#[test]
fn each_invariant_is_violated_by_a_planted_fact() {
    PLANTS.check(&planted(), &[&plants::SHARED[..], &["dead-addresses-are-spared"]].concat());
}

#[test]
fn no_mail_is_planned_for_an_address_long_after_it_is_known_to_be_dead() {
    let judged = |minute: u64, state: MailState| {
        let next = |id, state| {
            let after = Notification { id, ..notification(state) };
            Fact::Mail(MailFact::Notification { before: None, after })
        };
        let bounced = Send { id: 1, notification: 1, known: Known::Bounced(1), made: Moment::START };
        let story = [
            (0, next(1, MailState::Queued)),
            (1, Fact::Mail(MailFact::Send { before: None, after: bounced })),
            (minute, next(2, state)),
        ];
        PLANTS.violated(&story).contains("dead-addresses-are-spared")
    };
    assert!(judged(20, MailState::Queued));
    assert!(!judged(20, MailState::Suppressed));
    assert!(!judged(10, MailState::Queued), "its transaction may have begun before");
}

/// Invariants that no ablation of this scenario violates; only planted facts do.
const NEVER_BROKEN_BY_ABLATION: [&str; 5] = [
    "dead-addresses-are-spared",
    "transient-faults-heal",
    "only-the-holder-acts",
    "parked-work-is-unfinished",
    "every-replay-has-its-attempts",
];

#[test]
fn every_other_invariant_is_violated_without_some_guardrail() {
    let harness = HARNESS_INVARIANTS.map(|(name, _)| name);
    let mut broken = BTreeSet::new();
    for guardrail in ENTRY.to_entry().guardrails {
        let groups = explore(without(&[guardrail.name.as_str()]).as_mut(), 0..1_000, usize::MAX).groups();
        broken.extend(groups.into_iter().map(|group| group.invariant));
    }
    broken.retain(|name| !harness.contains(&name.as_str()));
    let all = invariants::all().into_iter().map(|invariant| invariant.name().to_owned());
    let expected: BTreeSet<String> =
        all.filter(|name| !NEVER_BROKEN_BY_ABLATION.contains(&name.as_str())).collect();
    assert_eq!(broken, expected);
}
