//! [`Interval`]: ticks of a period.

use super::{Duration, Instant, MissedTickBehavior, Sleep, sleep_until};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};

/// Ticks of a period; made by [`interval`].
#[derive(Debug)]
pub struct Interval {
    delay: Sleep,
    period: Duration,
    behavior: MissedTickBehavior,
}

/// Ticks each `period`, the first time at once.
///
/// # Panics
/// If the period is zero, and outside a simulation.
#[track_caller]
pub fn interval(period: Duration) -> Interval {
    interval_at(Instant::now(), period)
}

/// Ticks each `period`, the first time at `start`.
///
/// # Panics
/// If the period is zero, and outside a simulation.
#[track_caller]
pub fn interval_at(start: Instant, period: Duration) -> Interval {
    assert!(!period.is_zero(), "`period` must be non-zero.");
    Interval { delay: sleep_until(start), period, behavior: MissedTickBehavior::default() }
}

impl Interval {
    /// Waits for the next tick.
    pub async fn tick(&mut self) -> Instant {
        poll_fn(|context| self.poll_tick(context)).await
    }

    /// Polls for the next tick.
    pub fn poll_tick(&mut self, context: &mut Context<'_>) -> Poll<Instant> {
        if Pin::new(&mut self.delay).poll(context).is_pending() {
            return Poll::Pending;
        }
        let (due, now) = (self.delay.deadline(), Instant::now());
        let is_late = now > due + Duration::from_millis(5);
        let next = if is_late { self.after_missing(due, now) } else { due + self.period };
        self.reset_at(next);
        Poll::Ready(due)
    }

    fn after_missing(&self, due: Instant, now: Instant) -> Instant {
        match self.behavior {
            MissedTickBehavior::Delay => now + self.period,
            MissedTickBehavior::Skip => {
                let into = (now - due).as_nanos() % self.period.as_nanos();
                now + self.period - Duration::from_nanos(u64::try_from(into).unwrap_or(u64::MAX))
            }
            _ => due + self.period,
        }
    }

    /// Sets the next tick to one period from now.
    pub fn reset(&mut self) {
        self.reset_at(Instant::now() + self.period);
    }

    /// Sets the next tick to now.
    pub fn reset_immediately(&mut self) {
        self.reset_at(Instant::now());
    }

    /// Sets the next tick to `after` from now.
    pub fn reset_after(&mut self, after: Duration) {
        self.reset_at(Instant::now() + after);
    }

    /// Sets the next tick to `deadline`.
    pub fn reset_at(&mut self, deadline: Instant) {
        Pin::new(&mut self.delay).reset(deadline);
    }

    /// Returns what happens when ticks were missed.
    pub fn missed_tick_behavior(&self) -> MissedTickBehavior {
        self.behavior
    }

    /// Sets what happens after missed ticks.
    pub fn set_missed_tick_behavior(&mut self, behavior: MissedTickBehavior) {
        self.behavior = behavior;
    }

    /// Returns the period.
    pub fn period(&self) -> Duration {
        self.period
    }
}
