//! Time: the simulation's. [`Instant`] is tokio's own, on the process's clock, which shows simulated time.

pub mod error;
mod interval;
mod sleep;
mod timeout;

pub use interval::{Interval, interval, interval_at};
pub use real::time::{Instant, MissedTickBehavior};
pub use sleep::{Sleep, sleep, sleep_until};
pub use std::time::Duration;
pub use timeout::{Timeout, timeout, timeout_at};

/// Does nothing: time is always virtual.
pub fn pause() {}

/// Does nothing: time is always virtual.
pub fn resume() {}

/// Waits for a span of virtual time.
pub async fn advance(duration: Duration) {
    sleep(duration).await;
}
