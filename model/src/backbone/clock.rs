//! By whose clock expiry, age and promise are judged.
//!
//! The platform asks the database, whose one clock all nodes share; nodes' own clocks may be wrong, and not by
//! the same. How long something takes is no matter of a clock: timers run by themselves.

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
            Clock::OfTheNode => env.clock(),
        }
    }
}
