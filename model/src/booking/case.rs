//! A booking's case: all that is known of it, read in one transaction, and what to do next.

use super::rows::{Ask, Attempt, Attention, Booking, Holding, Known, Standing, Status};
use crate::settings::{MAX_ATTEMPTS, PartnerTerms, backoff};
use shakedown_sim::{Duration, Moment};

/// All that is known of a booking.
#[derive(Clone, Debug)]
pub struct Case {
    /// The booking.
    pub booking: Booking,
    /// Its attempts, oldest first.
    pub attempts: Vec<Attempt>,
    /// What is known of its reservations.
    pub holdings: Vec<Holding>,
    /// What came in since it was last looked at, oldest first.
    pub news: Vec<Evidence>,
    /// How the partner can be asked.
    pub terms: PartnerTerms,
    /// The store's clock.
    pub now: Moment,
}

/// Something learnt of a booking's dealings with the partner.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Evidence {
    /// A reservation stands like this.
    Standing(u32, Standing),
    /// An attempt was refused.
    Refused,
    /// An attempt had no effect.
    NoEffect,
    /// An attempt's outcome is unknown.
    Unknown,
}

/// What a callback is worth.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Heard {
    /// It says what we know.
    Nothing,
    /// It is a hint: the partner is to be asked.
    Doubt,
    /// It is believed.
    Believed,
}

/// What to do next for a booking.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// Ask the partner for a reservation.
    Reserve,
    /// Ask the partner to end a reservation.
    Cancel(u32),
    /// Ask the partner what it has for this booking.
    Lookup,
    /// Ask the partner where a reservation stands.
    Read(u32),
    /// Look again then.
    Wait(Moment),
    /// Leave it to a person, for this reason.
    Review(&'static str),
    /// Nothing.
    Done,
}

impl Case {
    /// Attempts of the present generation to reserve.
    pub fn reserving(&self) -> impl Iterator<Item = &Attempt> {
        let generation = self.booking.generation;
        self.attempts
            .iter()
            .filter(move |attempt| attempt.ask == Ask::Reserve && attempt.generation == generation)
    }

    /// Attempts to reserve whose outcome is open, of whatever generation.
    pub fn in_doubt(&self) -> impl Iterator<Item = &Attempt> {
        self.attempts.iter().filter(|attempt| attempt.ask == Ask::Reserve && attempt.known.is_open())
    }

    /// Reservations that stand or may come to stand.
    pub fn live(&self) -> impl Iterator<Item = &Holding> {
        self.holdings.iter().filter(|holding| holding.standing != Standing::Ended)
    }

    /// Whether no further attempt of this generation may be made.
    pub fn is_spent(&self) -> bool {
        self.reserving().count() as u32 >= MAX_ATTEMPTS
    }

    /// Whether some attempt of this generation was refused.
    pub fn was_refused(&self) -> bool {
        self.reserving().any(|attempt| attempt.known == Known::Refused)
    }

    /// A live reservation that must not stand: the booking is over or being cancelled, or another stands.
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

    /// When the next attempt to reserve may go out: its wait after the last one has passed.
    pub fn next_attempt(&self) -> Moment {
        let last = self.reserving().map(|attempt| attempt.learnt).max();
        last.map_or(self.now, |last| last + self.wait())
    }

    fn wait(&self) -> Duration {
        backoff(self.reserving().count() as u32)
    }

    /// `step` if its time has come, else a wait for it.
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
