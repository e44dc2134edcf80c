//! Every invariant can fail: planted facts violate it. A correct story violates none.

use super::without;
use crate::plants::{self, Plants, none};
use shakedown_model::Fact;
use shakedown_model::backbone::jobs::{Job, JobState, WorkItem};
use shakedown_model::booking::JOB;
use shakedown_model::booking::rows::{
    Ask, Attempt, Attention, Booking, Holding, Known, Quote, Standing, Status,
};
use shakedown_model::facts::{BookingFact, Code, EdgeFact, JobFact, PartnerFact, Request, Word};
use shakedown_scenarios::booking::ENTRY;
use shakedown_scenarios::booking::invariants;
use shakedown_sim::judge::HARNESS_INVARIANTS;
use shakedown_sim::search::explore;
use shakedown_sim::*;
use std::collections::{BTreeMap, BTreeSet};

const PLANTS: Plants = Plants::of("intent", invariants::all);

fn row(id: u32, status: Status, attention: Attention, version: u32) -> Booking {
    let reservation = (status == Status::Confirmed).then_some(1);
    Booking { attention, reservation, version, published: version, ..plants::booking(id, status) }
}

fn accepted() -> Fact {
    Fact::Booking(BookingFact::Booking { before: None, after: row(1, Status::Accepted, Attention::None, 1) })
}

fn accepted_of_another() -> Fact {
    let after = Booking { customer: 2, ..row(1, Status::Accepted, Attention::None, 1) };
    Fact::Booking(BookingFact::Booking { before: None, after })
}

fn moved(from: Status, to: Status) -> Fact {
    let (before, after) = (row(1, from, Attention::None, 1), row(1, to, Attention::None, 2));
    Fact::Booking(BookingFact::Booking { before: Some(before), after })
}

fn reviewed(status: Status) -> Fact {
    let (before, after) = (row(1, status, Attention::None, 1), row(1, status, Attention::Review, 2));
    Fact::Booking(BookingFact::Booking { before: Some(before), after })
}

fn confirmed() -> Fact {
    moved(Status::Accepted, Status::Confirmed)
}

fn reserved(reservation: u32) -> Fact {
    Fact::Partner(PartnerFact::Reserved { reservation, standing: Standing::Confirmed })
}

fn charged(reservation: u32) -> Fact {
    Fact::Partner(PartnerFact::Charged { reservation, amount: 100 })
}

fn ended(reservation: u32) -> Fact {
    Fact::Partner(PartnerFact::Ended { reservation, asked: false })
}

fn refunded(reservation: u32) -> Fact {
    Fact::Partner(PartnerFact::Refunded { reservation, amount: 100 })
}

fn entered(what: Request) -> Fact {
    Fact::Edge(EdgeFact::Entered { request: 1, what })
}

fn answered(code: Code, took_ms: u64) -> Fact {
    Fact::Edge(EdgeFact::Answered { request: 1, code, took_ms })
}

fn shown(version: u32, word: Word) -> Fact {
    Fact::Booking(BookingFact::Shown { customer: 1, fresh: false, booking: 1, version, word })
}

fn logged() -> Fact {
    let (known, sent, learnt) = (Known::Effect(1), Moment::START, Moment::START);
    let (id, booking, generation, ask, key, checks, late) = (1, 1, 1, Ask::Reserve, 1, 0, false);
    let after = Attempt { id, booking, generation, ask, key, known, sent, learnt, checks, late };
    Fact::Booking(BookingFact::Attempt { before: None, after })
}

fn dead_letter() -> Fact {
    let job = Job::queued(1, WorkItem { kind: JOB, row: 1 }, Moment::START, Scope::ROOT);
    Fact::Job(JobFact::Changed { before: None, after: Job { state: JobState::DeadLetter, ..job } })
}

fn outcome_outcome_can_be_known() -> Fact {
    Fact::Partner(PartnerFact::Terms { key_life_s: Some(86_400), lookup: true, statement_s: 86_400 })
}

fn outcome_outcome_cannot_be_known() -> Fact {
    Fact::Partner(PartnerFact::Terms { key_life_s: None, lookup: false, statement_s: 86_400 })
}

/// An attempt to reserve whose outcome is open is on record.
fn in_doubt() -> Fact {
    match logged() {
        Fact::Booking(BookingFact::Attempt { after, .. }) => {
            let after = Attempt { known: Known::Unknown, ..after };
            Fact::Booking(BookingFact::Attempt { before: None, after })
        }
        other => unreachable!("{other:?} is no attempt"),
    }
}

/// A cancellation that is reversed, after the partner refused to cancel or without that.
fn changed_back(refused: bool) -> Vec<Fact> {
    let held = refused.then_some(Fact::Partner(PartnerFact::Held { reservation: 1 }));
    let asked = [entered(Request::Cancel), moved(Status::Confirmed, Status::Cancelling)];
    let back = [moved(Status::Cancelling, Status::Confirmed), shown(2, Word::Confirmed)];
    asked.into_iter().chain(held).chain(back).collect()
}

fn quoted() -> Fact {
    let (made, open_until) = (Moment::START, Moment::START + plants::minutes(30));
    let quote = Quote { id: 1, customer: 1, offer: 1, round: 1, price: 100, made, open_until };
    Fact::Booking(BookingFact::Quoted(quote))
}

fn refused() -> Fact {
    Fact::Booking(BookingFact::TurnedAway { customer: 1, quote: 1 })
}

fn asked_by(attempt: u32) -> Fact {
    Fact::Partner(PartnerFact::Asked { attempt })
}

/// An attempt to reserve is on record.
fn attempted(id: u32) -> Fact {
    match logged() {
        Fact::Booking(BookingFact::Attempt { after, .. }) => {
            Fact::Booking(BookingFact::Attempt { before: None, after: Attempt { id, ..after } })
        }
        other => unreachable!("{other:?} is no attempt"),
    }
}

/// Our record of a reservation.
fn held(standing: Standing) -> Fact {
    let (reservation, booking, doubtful, learnt, checks) = (1, 1, false, Moment::START, 0);
    let after = Holding { reservation, booking, standing, doubtful, learnt, checks };
    Fact::Booking(BookingFact::Holding { before: None, after })
}

/// A correct story from intent to screen.
fn correct_story() -> Vec<Fact> {
    let begin = [
        outcome_outcome_can_be_known(),
        Fact::Booking(BookingFact::Wanted { customer: 1 }),
        entered(Request::Submit),
        accepted(),
    ];
    let middle = [
        answered(Code::Accepted, 30),
        logged(),
        Fact::Partner(PartnerFact::Asked { attempt: 1 }),
        reserved(1),
        charged(1),
        held(Standing::Confirmed),
    ];
    let end = [confirmed(), shown(2, Word::Confirmed)];
    [&begin[..], &middle, &end].concat()
}

#[test]
fn a_correct_story_violates_nothing() {
    let story = correct_story();
    assert_eq!(PLANTS.violated(&story), none());
    let withdrawn = [
        ended(1),
        refunded(1),
        held(Standing::Ended),
        moved(Status::Confirmed, Status::Withdrawn),
        shown(2, Word::Withdrawn),
    ];
    assert_eq!(PLANTS.violated(&[story, withdrawn.to_vec()].concat()), none());
    let kept = [correct_story(), changed_back(true)].concat();
    assert_eq!(PLANTS.violated(&kept), none(), "the partner holds the customer to it");
    for listed in [reviewed(Status::Accepted), dead_letter()] {
        let doubt = in_doubt();
        let parked = [outcome_outcome_cannot_be_known(), accepted(), doubt, reserved(1), charged(1), listed];
        assert_eq!(PLANTS.violated(&parked), none(), "what a person is told to look at may be left");
    }
}

#[test]
fn a_quote_may_be_refused_only_after_it_has_expired_and_accepted_only_before() {
    let judged = |minute: u64, last: Fact| {
        let story =
            [(0, entered(Request::Quote)), (0, quoted()), (minute, entered(Request::Submit)), (minute, last)];
        PLANTS.violated(&story).contains("nobody-judged-early-or-late")
    };
    assert!(!judged(29, accepted()) && judged(29, refused()));
    assert!(judged(31, accepted()) && !judged(31, refused()));
}

/// For each invariant, facts that violate it.
fn planted() -> Vec<(&'static str, Vec<Fact>)> {
    use Status::{Accepted, Cancelled, Confirmed, Failed, OnRequest, Withdrawn};
    let pending = Fact::Partner(PartnerFact::Reserved { reservation: 2, standing: Standing::Pending });
    let over = [ended(1), refunded(1)];
    vec![
        ("exactly-one-reservation-per-intent", vec![reserved(1), reserved(2)]),
        ("exactly-one-reservation-per-intent", vec![reserved(1), pending]),
        ("exactly-one-reservation-per-intent", [&correct_story()[..], &over].concat()),
        ("charged-at-most-once", vec![accepted(), reserved(1), charged(1), charged(1)]),
        (
            "charged-at-most-once",
            vec![accepted(), reserved(1), charged(1), ended(1), moved(Accepted, Withdrawn)],
        ),
        ("no-orphan-reservation", vec![reserved(1)]),
        ("no-orphan-reservation", vec![accepted(), moved(Accepted, Failed), reserved(1)]),
        ("local-and-partner-agree", [&correct_story()[..], &over].concat()),
        (
            "local-and-partner-agree",
            vec![outcome_outcome_cannot_be_known(), accepted(), reserved(1), reserved(2), reviewed(Accepted)],
        ),
        (
            "booked-is-not-refused",
            vec![accepted(), Fact::Booking(BookingFact::TurnedAway { customer: 1, quote: 1 })],
        ),
        (
            "one-booking-per-intent",
            vec![
                accepted(),
                Fact::Booking(BookingFact::Booking {
                    before: None,
                    after: row(2, Accepted, Attention::None, 1),
                }),
            ],
        ),
        ("accepted-means-durable", vec![entered(Request::Submit), answered(Code::Accepted, 30)]),
        ("accepted-work-finishes", vec![accepted()]),
        ("accepted-work-finishes", vec![accepted(), reserved(1), moved(Accepted, OnRequest)]),
        ("transient-faults-heal", vec![outcome_outcome_can_be_known(), accepted(), reviewed(Accepted)]),
        ("transient-faults-heal", vec![outcome_outcome_can_be_known(), accepted(), dead_letter()]),
        ("legal-transitions-only", vec![accepted(), confirmed()]),
        ("legal-transitions-only", vec![accepted(), moved(Accepted, Cancelled)]),
        ("legal-transitions-only", vec![accepted(), moved(Accepted, Withdrawn)]),
        ("legal-transitions-only", [&correct_story()[..], &[moved(Confirmed, Failed)]].concat()),
        (
            "legal-transitions-only",
            vec![accepted(), moved(Accepted, Failed), reserved(1), moved(Failed, Confirmed)],
        ),
        ("legal-transitions-only", [&correct_story()[..], &changed_back(false)].concat()),
        ("requests-answer-in-time", vec![entered(Request::Status), answered(Code::Ok, 2_001)]),
        ("requests-answer-in-time", vec![entered(Request::Status), answered(Code::Unavailable, 10)]),
        ("requests-answer-in-time", vec![entered(Request::Status), answered(Code::NoResponse, 10)]),
        ("no-dependency-failure-shown", vec![entered(Request::Submit), answered(Code::BadGateway, 10)]),
        ("no-premature-success", vec![accepted(), shown(1, Word::Confirmed)]),
        ("screens-agree-at-rest", [&correct_story()[..], &[shown(2, Word::Received)]].concat()),
        ("screens-agree-at-rest", [&correct_story()[..], &[shown(1, Word::Confirmed)]].concat()),
        ("every-side-effect-accounted", vec![Fact::Partner(PartnerFact::Asked { attempt: 1 })]),
        ("attempts-bounded", vec![logged(), asked_by(1), asked_by(1)]),
        ("attempts-bounded", (1..=9).flat_map(|attempt| [attempted(attempt), asked_by(attempt)]).collect()),
        ("nobody-judged-early-or-late", vec![entered(Request::Quote), quoted(), refused()]),
        ("quote-is-personal", vec![quoted(), accepted_of_another()]),
        ("ledger-is-on-record", vec![outcome_outcome_can_be_known(), reserved(1)]),
        ("ledger-is-on-record", vec![reserved(1), held(Standing::Pending)]),
        ("reviews-have-a-question", vec![accepted(), logged(), reviewed(Accepted)]),
        (
            "acknowledged-callback-is-stored",
            vec![Fact::Partner(PartnerFact::CallbackTaken { event: 1, reservation: 1 })],
        ),
    ]
}

#[test]
fn each_invariant_is_violated_by_a_planted_fact() {
    PLANTS.check(&planted(), &[&plants::SHARED[..], &["statement-is-taken-in"]].concat());
}

#[test]
fn what_a_statement_shows_is_on_record_a_day_later() {
    const LATE: Plants = Plants { settle: plants::minutes(30 * 60), ..PLANTS };
    let judged = |known: Option<(u64, Fact)>| {
        let story = [(0, outcome_outcome_can_be_known()), (1, reserved(1))];
        let end = (26 * 60, ended(2));
        LATE.violated(&story.into_iter().chain(known).chain([end]).collect::<Vec<_>>())
    };
    let late = |violated: BTreeSet<String>| violated.contains("statement-is-taken-in");
    assert!(late(judged(None)));
    assert!(late(judged(Some((2, held(Standing::Pending))))), "an older state");
    assert!(!late(judged(Some((24 * 60, held(Standing::Confirmed))))));
}

/// Invariants that no ablation of this scenario violates; only planted facts do.
const NEVER_BROKEN_BY_ABLATION: [&str; 8] = [
    "attempts-bounded",
    "nobody-judged-early-or-late",
    "quote-is-personal",
    "accepted-means-durable",
    "booked-is-not-refused",
    "only-the-holder-acts",
    "parked-work-is-unfinished",
    "acknowledged-callback-is-stored",
];

#[test]
fn every_other_invariant_is_violated_without_some_guardrail() {
    let mut table: BTreeMap<String, BTreeMap<String, u64>> = BTreeMap::new();
    for form in ENTRY.to_entry().canaries() {
        let names: Vec<&str> = form.iter().map(String::as_str).collect();
        for group in explore(without(&names).as_mut(), 0..3_000, usize::MAX).groups() {
            *table.entry(group.invariant).or_default().entry(form.join(" ")).or_default() += group.count;
        }
    }
    println!("{table:#?}");
    let harness = HARNESS_INVARIANTS.map(|(name, _)| name);
    let broken: BTreeSet<&str> =
        table.keys().map(String::as_str).filter(|name| !harness.contains(name)).collect();
    let expected = invariants::all().iter().map(|invariant| invariant.name()).collect::<BTreeSet<_>>();
    let expected = expected.into_iter().filter(|name| !NEVER_BROKEN_BY_ABLATION.contains(name));
    assert_eq!(broken, expected.collect());
}
