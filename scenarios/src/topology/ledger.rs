//! The state that judges accumulate: accepted work, its promises, and whether they were met.

use crate::judges::Memory;
use shakedown_model::Fact;
use shakedown_model::backbone::jobs::WorkItem;
use shakedown_model::booking::rows::Attention;
use shakedown_model::facts::{BookingFact, FilingFact};
use shakedown_model::filing::rows::FilingState;
use shakedown_model::settings::{BOOKING_PROMISE, CHECKING_PROMISE, FILING_PROMISE};
use shakedown_model::{booking, filing};
use shakedown_sim::{At, Duration, Moment};

/// An item of accepted work: a booking or a filing.
#[derive(Clone, Copy, Debug)]
pub struct PromisedWork {
    /// Its kind and number.
    pub item: WorkItem,
    /// The time of its acceptance.
    pub accepted: Moment,
    /// The promised time from acceptance to completion; `None` if it is done.
    pub promise: Option<Duration>,
    /// The time since which its current promise is overdue; `None` if it is not.
    pub late: Option<Moment>,
    /// Whether it was ever overdue.
    pub was_late: bool,
    /// The last event about it.
    pub last: u32,
}

/// The state according to the facts so far.
#[derive(Default)]
pub struct Ledger {
    /// All accepted work.
    pub items: Vec<PromisedWork>,
}

impl Memory for Ledger {
    fn observe(&mut self, at: &At<'_>, fact: &Fact) {
        Ledger::observe(self, at, fact);
    }
    fn reset(&mut self) {
        Ledger::reset(self);
    }
}

impl Ledger {
    /// Clears the state.
    pub fn reset(&mut self) {
        self.items.clear();
    }

    /// Marks the work that is overdue by `now`.
    pub fn advance(&mut self, now: Moment) {
        for promised in &mut self.items {
            let until = promised.promise.map(|promise| promised.accepted + promise);
            promised.late = promised.late.or(until.filter(|until| *until <= now));
            promised.was_late |= promised.late.is_some();
        }
    }

    /// Updates the state with one fact. Nothing changed before its time.
    pub fn observe(&mut self, at: &At<'_>, fact: &Fact) {
        self.advance(at.time);
        match fact {
            Fact::Booking(BookingFact::Booking { after, .. }) => {
                let promise = match after.attention {
                    _ if !after.status.is_open() => None,
                    Attention::None => Some(BOOKING_PROMISE),
                    Attention::Checking | Attention::Review => Some(CHECKING_PROMISE),
                };
                self.keep(at, WorkItem { kind: booking::JOB, row: after.id }, after.accepted, promise);
            }
            Fact::Filing(FilingFact::Filing { after, .. }) => {
                let is_over = matches!(after.state, FilingState::Filed(_) | FilingState::Rejected);
                let promise = (!is_over).then_some(FILING_PROMISE);
                self.keep(at, WorkItem { kind: filing::JOB, row: after.id }, after.accepted, promise);
            }
            _ => {}
        }
    }

    fn keep(&mut self, at: &At<'_>, item: WorkItem, accepted: Moment, promise: Option<Duration>) {
        let (late, was_late, last) = (None, false, at.event);
        let Some(promised) = self.items.iter_mut().find(|promised| promised.item == item) else {
            self.items.push(PromisedWork { item, accepted, promise, late, was_late, last });
            return;
        };
        promised.last = last;
        if promised.promise != promise {
            // A shorter promise may be overdue at once; it counts from now.
            let is_over = promise.is_some_and(|promise| accepted + promise <= at.time);
            (promised.promise, promised.late) = (promise, is_over.then_some(at.time));
            promised.was_late |= is_over;
        }
    }

    /// Returns whether this work was ever overdue.
    pub fn was_late(&self, item: WorkItem) -> bool {
        self.items.iter().any(|promised| promised.item == item && promised.was_late)
    }
}
