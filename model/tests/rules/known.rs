//! A short notation for the known facts of a booking.

use shakedown_model::PartnerTerms;
use shakedown_model::booking::booking_contract::{BookingContract, Rules};
use shakedown_model::booking::case::{Case, Step};
use shakedown_model::booking::rows::{Ask, Attempt, Attention, Booking, Holding, Known, Standing, Status};
use shakedown_model::booking::status_sync::{Recovery, StatusSync};
use shakedown_sim::{Duration, Moment, Scope};

/// Returns the moment this many seconds into the run.
pub(crate) fn at(seconds: u64) -> Moment {
    Moment::START + Duration::from_secs(seconds)
}

/// The time of all evidence, unless stated otherwise.
pub(crate) const NOW: u64 = 100_000;
pub(crate) const MINUTE: u64 = 60;
pub(crate) const HOUR: u64 = 3_600;

/// Returns a booking with this status and no other evidence; a confirmed one has R1.
pub(crate) fn booking(status: Status) -> Case {
    let reservation = matches!(status, Status::Confirmed).then_some(1);
    let (accepted, context) = (Moment::START, Scope::ROOT);
    let (id, quote, once, customer, price, generation, version) = (1, 1, Some(1), 1, 100, 1, 1);
    let attention = Attention::None;
    let booking = Booking {
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
    };
    let (attempts, holdings, news) = (Vec::new(), Vec::new(), Vec::new());
    Case { booking, attempts, holdings, news, terms: PartnerTerms::KEYS, now: at(NOW) }
}

/// Builds a case step by step.
pub(crate) trait More: Sized {
    fn with(self, change: impl FnOnce(&mut Case)) -> Self;

    /// Adds an attempt to reserve with this outcome, sent and last heard of this many seconds ago.
    fn attempt(self, known: Known, seconds_ago: u64) -> Self {
        self.asked(Ask::Reserve, known, seconds_ago)
    }

    /// Adds an attempt with this request.
    fn asked(self, ask: Ask, known: Known, seconds_ago: u64) -> Self {
        self.with(|case| {
            let when = at(NOW - seconds_ago);
            let (booking, generation, key, checks, late) = (1, 1, 1, 0, false);
            let id = case.attempts.len() as u32 + 1;
            case.attempts.push(Attempt {
                id,
                booking,
                generation,
                ask,
                key,
                known,
                sent: when,
                learnt: when,
                checks,
                late,
            });
        })
    }

    /// Adds a reservation in this state, as learned an hour ago.
    fn holds(self, reservation: u32, standing: Standing) -> Self {
        let (learnt, doubtful, checks) = (at(NOW - HOUR), false, 0);
        self.with(|case| {
            case.holdings.push(Holding { reservation, booking: 1, standing, doubtful, learnt, checks })
        })
    }

    /// Marks the last reservation as doubtful.
    fn doubtful(self) -> Self {
        self.with(|case| {
            case.holdings.iter_mut().last().into_iter().for_each(|holding| holding.doubtful = true)
        })
    }

    /// Sets how often the partner was asked about the last attempt, or the last reservation.
    fn checked(self, checks: u32) -> Self {
        self.with(|case| {
            case.attempts.iter_mut().last().into_iter().for_each(|attempt| attempt.checks = checks);
            case.holdings.iter_mut().last().into_iter().for_each(|holding| holding.checks = checks);
        })
    }

    /// Adds this many attempts, an hour apart, the last one an hour ago.
    fn attempts(mut self, count: u64, known: Known) -> Self {
        for number in (1..=count).rev() {
            self = self.attempt(known, number * HOUR);
        }
        self
    }
}

impl More for Case {
    fn with(mut self, change: impl FnOnce(&mut Case)) -> Self {
        change(&mut self);
        self
    }
}

pub(crate) const KEYS: PartnerTerms = PartnerTerms::KEYS;
pub(crate) const SHORT_KEYS: PartnerTerms = PartnerTerms::SHORT_KEYS;
pub(crate) const LOOKUP: PartnerTerms = PartnerTerms::LOOKUP;
pub(crate) const NEITHER: PartnerTerms = PartnerTerms::NEITHER;
pub(crate) const EVERY_KIND: [PartnerTerms; 4] = [KEYS, SHORT_KEYS, LOOKUP, NEITHER];

/// Returns the next status of the booking, and the next step.
pub(crate) fn decide(case: &Case, terms: PartnerTerms) -> (Status, Step) {
    let mut case = Case { terms, ..case.clone() };
    Rules.settle(&mut case);
    (case.booking.status, Recovery.next(&case))
}

/// The next step, without the text for a person.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Next {
    Reserve,
    Cancel(u32),
    Lookup,
    Read(u32),
    /// This many milliseconds from now.
    Wait(u64),
    Review,
    Done,
}

fn next(step: Step) -> Next {
    match step {
        Step::Reserve => Next::Reserve,
        Step::Cancel(reservation) => Next::Cancel(reservation),
        Step::Lookup => Next::Lookup,
        Step::Read(reservation) => Next::Read(reservation),
        Step::Wait(due) => Next::Wait(due.since(at(NOW)).as_millis() as u64),
        Step::Review(_) => Next::Review,
        Step::Done => Next::Done,
    }
}

/// Checks one line of a table: the result for these partners.
#[track_caller]
pub(crate) fn check(terms: &[PartnerTerms], case: Case, status: Status, step: Next) {
    for terms in terms {
        let (is, then) = decide(&case, *terms);
        assert_eq!((is, next(then)), (status, step), "{terms:?}: {case:#?}");
    }
}
