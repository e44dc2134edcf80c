//! Every invariant can fail: facts are planted that break it, beside a story that breaks none.

use super::without;
use shakedown_model::Fact;
use shakedown_model::backbone::events::{Subject, What};
use shakedown_model::backbone::mail::provider::Letter;
use shakedown_model::backbone::mail::rows::{
    Channel, Known, Language, MailState, Notification, Policy, Recipient, Send,
};
use shakedown_model::backbone::mail::templates::Template;
use shakedown_model::booking::rows::{Attention, Booking, Status};
use shakedown_model::facts::{BookingFact, Code, EdgeFact, MailFact, MailProviderFact, Request};
use shakedown_scenarios::notifications::{ENTRY, invariants};
use shakedown_sim::runner::HARNESS_INVARIANTS;
use shakedown_sim::search::explore;
use shakedown_sim::*;
use std::collections::BTreeSet;

/// States facts, each a second after the one before, all of one intent.
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
                teller.sleep(Duration::from_secs(6)).await;
            }
        });
    }
    fn invariants(&self) -> Vec<Box<dyn Invariant<Fact>>> {
        invariants::all()
    }
}

/// What these facts break, each invariant once.
fn broken_by(told: &[Fact]) -> BTreeSet<String> {
    let script = Script { scenario: "told".to_owned(), ..Script::default() };
    let outcome = Runner::new(Told(told.to_vec())).run(Plan::Script(&script));
    outcome.violations.into_iter().map(|violation| violation.invariant).collect()
}

fn booking(status: Status, version: u32) -> Booking {
    let (accepted, context) = (Moment::START, Scope::ROOT);
    let (id, quote, once, customer, price, generation, reservation) = (1, 1, Some(1), 1, 100, 1, None);
    let attention = Attention::None;
    Booking {
        id,
        quote,
        once,
        customer,
        price,
        status,
        attention,
        generation,
        reservation,
        version,
        published: version,
        accepted,
        context,
    }
}

fn accepted() -> Fact {
    Fact::Booking(BookingFact::Booking { before: None, after: booking(Status::Accepted, 1) })
}

fn withdrawn() -> Fact {
    let (before, after) = (booking(Status::Confirmed, 2), booking(Status::Withdrawn, 3));
    Fact::Booking(BookingFact::Booking { before: Some(before), after })
}

const CUSTOMER: Recipient = Recipient::Party(1);
const SUBJECT: Subject = Subject::Booking(1);

fn notification(state: MailState) -> Notification {
    Notification {
        id: 1,
        once: Some(1),
        subject: SUBJECT,
        version: 1,
        what: What::Accepted,
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
    Fact::Mail(MailFact::Template(Template { what: What::Accepted, version, variables: &[] }))
}

fn asked(send: u32) -> Fact {
    Fact::MailProvider(MailProviderFact::Asked { send })
}

const LETTER: Letter = Letter {
    what: What::Accepted,
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

/// From the order to the mailbox, all as it should be.
fn blameless() -> Vec<Fact> {
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

/// The same, but for what becomes of the mail.
fn ending(facts: &[Fact]) -> Vec<Fact> {
    [&[accepted(), logged(1, Known::Accepted(1)), asked(1)], facts].concat()
}

#[test]
fn a_story_in_which_all_is_well_breaks_nothing() {
    let replay = [published(2), replayed(), arrived(1, Letter { template: 2, ..LETTER })];
    let stories = [
        blameless(),
        ending(&[returned(), planned(MailState::Bounced)]),
        ending(&[refused(), planned(MailState::Rejected)]),
        vec![returned(), accepted(), planned(MailState::Suppressed)],
        ending(&[logged(1, Known::Unknown), flagged(MailState::Unknown)]),
        ending(&[&replay[..], &[planned(MailState::Delivered)]].concat()),
    ];
    for story in stories {
        assert_eq!(broken_by(&story), BTreeSet::new());
    }
}

#[test]
fn a_withdrawal_may_arrive_once_more_for_each_attempt_on_record_as_unknown() {
    let letter = Letter { what: What::Withdrawn, version: 3, ..LETTER };
    let row = Notification { what: What::Withdrawn, version: 3, ..notification(MailState::Delivered) };
    let row = Fact::Mail(MailFact::Notification { before: None, after: row });
    let twice = [arrived(1, letter), arrived(2, letter)];
    let review_queue =
        arrived_at(Recipient::ReviewQueue, 3, Letter { language: Language::English, ..letter });
    let log = [logged(2, Known::Accepted(2)), logged(3, Known::Delivered(3))];
    let begin = [&[withdrawn(), row][..], &log, &[review_queue]].concat();
    let unknown = [&begin[..], &[logged(1, Known::Unknown)], &twice].concat();
    assert_eq!(broken_by(&unknown), BTreeSet::new());
    let known = [&begin[..], &[logged(1, Known::Accepted(1))], &twice].concat();
    assert_eq!(broken_by(&known), BTreeSet::from(["one-message-per-event-and-recipient".to_owned()]));
}

/// What breaks each invariant, and nothing but what follows from it.
fn planted() -> Vec<(&'static str, Vec<Fact>)> {
    let with = |facts: &[Fact]| [&blameless()[..], facts].concat();
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
fn facts_that_break_an_invariant_are_found() {
    for (at, (invariant, facts)) in planted().into_iter().enumerate() {
        let broken = broken_by(&facts);
        assert!(broken.contains(invariant), "plant {at} should break {invariant}: {broken:?}");
    }
}

#[test]
fn every_invariant_is_planted_a_fact_that_breaks_it() {
    let planted: BTreeSet<&str> = planted().into_iter().map(|(invariant, _)| invariant).collect();
    let all: BTreeSet<&str> = invariants::all().iter().map(|invariant| invariant.name()).collect();
    assert_eq!(planted, all);
}

/// Those that no guardrail of this scenario stands for: what they guard against is planted only.
const NEVER_BROKEN_BY_ABLATION: [&str; 1] = ["transient-faults-heal"];

#[test]
fn every_other_invariant_breaks_without_some_guardrail() {
    let harness = HARNESS_INVARIANTS.map(|(name, _)| name);
    let mut broken = BTreeSet::new();
    for guardrail in ENTRY.to_entry().guardrails {
        let groups = explore(&mut without(&[guardrail.name.as_str()]), 0..1_000, usize::MAX).groups();
        broken.extend(groups.into_iter().map(|group| group.invariant));
    }
    broken.retain(|name| !harness.contains(&name.as_str()));
    let all = invariants::all().into_iter().map(|invariant| invariant.name().to_owned());
    let expected: BTreeSet<String> =
        all.filter(|name| !NEVER_BROKEN_BY_ABLATION.contains(&name.as_str())).collect();
    assert_eq!(broken, expected);
}
