//! The clock that decides about expiry, age and promises.
//!
//! The platform uses the clock of the database, which all nodes share. The clocks of nodes may each be wrong in their
//! own way. Durations do not depend on these clocks: timers run on monotonic time.

use super::Backbone;
use shakedown_sim::{Env, Moment};

/// The clock that decides.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Clock {
    /// The database's clock, which is correct.
    #[default]
    OfTheStore,
    /// The clock of the node that runs the check: planted in a rehearsal to show why it must not be used.
    OfTheNode,
}

impl Backbone {
    /// Sets the clock that decides.
    pub fn with_clock(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }

    /// Returns the time by the clock that decides.
    pub(crate) fn now(&self, env: &Env) -> Moment {
        match self.clock {
            Clock::OfTheStore => env.now(),
            Clock::OfTheNode => env.moment_of(env.clock()),
        }
    }
}
