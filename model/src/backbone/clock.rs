//! Which clock decides about expiry, age and promises.
//!
//! The platform uses the clock of the database, which all nodes share. The clocks of nodes may be wrong, each in its own
//! way. Durations do not depend on a clock: timers run on their own.

use super::Backbone;
use shakedown_sim::{Env, Moment};

/// A clock to judge by.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Clock {
    /// The database's, which is sound.
    #[default]
    OfTheStore,
    /// That of whichever node asks: what a rehearsal plants to show why it must not be.
    OfTheNode,
}

impl Backbone {
    /// Judging by another clock.
    pub fn with_clock(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }

    /// What time it is, by the clock that counts.
    pub(crate) fn now(&self, env: &Env) -> Moment {
        match self.clock {
            Clock::OfTheStore => env.now(),
            Clock::OfTheNode => env.clock().moment(),
        }
    }
}
