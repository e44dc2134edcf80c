//! A booking's case: all that is known about it, read in one transaction, and the next step.

use super::rows::{Ask, Attempt, Attention, Booking, Holding, Known, Standing, Status};
use crate::settings::{MAX_ATTEMPTS, PartnerTerms, backoff};
use shakedown_sim::{Duration, Moment};

/// All that is known about a booking.
#[derive(Clone, Debug)]
pub struct Case {
    /// The booking.
    pub booking: Booking,
    /// Its attempts, oldest first.
    pub attempts: Vec<Attempt>,
    /// What is known about its reservations.
    pub holdings: Vec<Holding>,
    /// The evidence since the last turn, oldest first.
    pub news: Vec<Evidence>,
    /// The partner's terms.
    pub terms: PartnerTerms,
    /// The store's clock.
    pub now: Moment,
}

/// Evidence about a booking's requests to the partner.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Evidence {
    /// A reservation is in this state.
    Standing(u32, Standing),
    /// An attempt was refused.
    Refused,
    /// An attempt had no effect.
    NoEffect,
    /// An attempt's outcome is unknown.
    Unknown,
}

/// The effect of a callback.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CallbackEffect {
    /// It repeats what we know.
    Ignored,
    /// It is a hint: the partner must be asked.
    Doubt,
    /// It is believed.
    Believed,
}

/// The next step for a booking.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// Request a reservation.
    Reserve,
    /// Request the end of a reservation.
    Cancel(u32),
    /// Look up the booking's reservations at the partner.
    Lookup,
    /// Read the state of a reservation at the partner.
    Read(u32),
    /// Check again at this time.
    Wait(Moment),
    /// Leave it to a person, for this reason.
    Review(&'static str),
    /// Nothing.
    Done,
}

impl Case {
    /// Returns the attempts of the current generation to reserve.
    pub fn reserving(&self) -> impl Iterator<Item = &Attempt> {
        let generation = self.booking.generation;
        self.attempts
            .iter()
            .filter(move |attempt| attempt.ask == Ask::Reserve && attempt.generation == generation)
    }

    /// Returns the attempts to reserve whose outcome is open, of any generation.
    pub fn in_doubt(&self) -> impl Iterator<Item = &Attempt> {
        self.attempts.iter().filter(|attempt| attempt.ask == Ask::Reserve && attempt.known.is_open())
    }

    /// Returns the reservations that are confirmed or may become so.
    pub fn live(&self) -> impl Iterator<Item = &Holding> {
        self.holdings.iter().filter(|holding| holding.standing != Standing::Ended)
    }

    /// Returns whether the attempts of this generation are used up.
    pub fn is_spent(&self) -> bool {
        self.reserving().count() as u32 >= MAX_ATTEMPTS
    }

    /// Returns whether some attempt of this generation was refused.
    pub fn was_refused(&self) -> bool {
        self.reserving().any(|attempt| attempt.known == Known::Refused)
    }

    /// Returns a live reservation that must end: the booking is over or being cancelled, or another one is confirmed.
    pub fn surplus(&self) -> Option<&Holding> {
        let keeps = |holding: &&Holding| match self.booking.status {
            Status::Confirmed => self.booking.reservation == Some(holding.reservation),
            Status::Accepted | Status::OnRequest => {
                self.live().map(|other| other.reservation).min() == Some(holding.reservation)
            }
            _ => false,
        };
        self.live().find(|holding| !keeps(holding) && !holding.doubtful)
    }

    /// Returns when the next attempt to reserve may be sent: when its wait after the last one has passed.
    pub fn next_attempt(&self) -> Moment {
        let last = self.reserving().map(|attempt| attempt.learnt).max();
        last.map_or(self.now, |last| last + self.wait())
    }

    fn wait(&self) -> Duration {
        backoff(self.reserving().count() as u32)
    }

    /// Returns `step` if it is due, otherwise a wait for it.
    pub fn when(&self, due: Moment, step: Step) -> Step {
        if due <= self.now { step } else { Step::Wait(due) }
    }

    /// Moves the booking: a new version of its row.
    pub fn moved(&mut self, status: Status) {
        if self.booking.status != status {
            self.booking.status = status;
            self.booking.attention = Attention::None;
        }
    }
}
