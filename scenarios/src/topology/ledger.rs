//! What judges keep of the facts: the work that was promised, and whether it was done in time.

use crate::judges::Memory;
use shakedown_model::Fact;
use shakedown_model::backbone::jobs::WorkItem;
use shakedown_model::booking::rows::Attention;
use shakedown_model::facts::{BookingFact, FilingFact};
use shakedown_model::filing::rows::FilingState;
use shakedown_model::settings::{BOOKING_PROMISE, CHECKING_PROMISE, FILING_PROMISE};
use shakedown_model::{booking, filing};
use shakedown_sim::{At, Duration, Moment};

/// A item of work, by the row that it is to see to.
#[derive(Clone, Copy, Debug)]
pub struct Work {
    /// Which.
    pub item: WorkItem,
    /// When it was accepted.
    pub accepted: Moment,
    /// How long after that it is promised; none if it is done.
    pub promise: Option<Duration>,
    /// Since when its present promise is over; none if it is not, or the work is done.
    pub late: Option<Moment>,
    /// Whether some promise was ever over before it was done.
    pub was_late: bool,
    /// The last fact about it.
    pub last: u32,
}

/// The facts so far, in the order in which they became true.
#[derive(Default)]
pub struct Ledger {
    /// All work that was taken on.
    pub works: Vec<Work>,
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
    /// Forgets everything.
    pub fn reset(&mut self) {
        self.works.clear();
    }

    /// Notes whose promise is over by now.
    pub fn advance(&mut self, now: Moment) {
        for work in &mut self.works {
            let until = work.promise.map(|promise| work.accepted + promise);
            work.late = work.late.or(until.filter(|until| *until <= now));
            work.was_late |= work.late.is_some();
        }
    }

    /// Takes one more fact; until then all was as it had been.
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
        let Some(work) = self.works.iter_mut().find(|work| work.item == item) else {
            self.works.push(Work { item, accepted, promise, late, was_late, last });
            return;
        };
        work.last = last;
        if work.promise != promise {
            // A shorter promise may be over at once, and is so from now on.
            let is_over = promise.is_some_and(|promise| accepted + promise <= at.time);
            (work.promise, work.late) = (promise, is_over.then_some(at.time));
            work.was_late |= is_over;
        }
    }

    /// Whether this was not done when its promise was over.
    pub fn was_late(&self, item: WorkItem) -> bool {
        self.works.iter().any(|work| work.item == item && work.was_late)
    }
}
