//! [`Sleep`]: a wait for a moment.

use super::{Duration, Instant};
use shakedown_sim::ambient::{Handle, Timer};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// As far as a sleep reaches; tokio's own limit is about 30 years too.
const FAR: Duration = Duration::from_secs(86_400 * 365 * 30);

/// A wait for a moment; made by [`sleep`].
#[derive(Debug)]
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct Sleep {
    timer: Timer,
    deadline: Instant,
}

/// Waits for a span of virtual time.
///
/// # Panics
/// Outside a simulation.
#[track_caller]
pub fn sleep(duration: Duration) -> Sleep {
    let duration = duration.min(FAR);
    Sleep { timer: Handle::current().sleep(duration), deadline: Instant::now() + duration }
}

/// Waits until a moment.
///
/// # Panics
/// Outside a simulation.
#[track_caller]
pub fn sleep_until(deadline: Instant) -> Sleep {
    let duration = deadline.saturating_duration_since(Instant::now()).min(FAR);
    Sleep { timer: Handle::current().sleep(duration), deadline }
}

impl Sleep {
    /// Returns the moment for which it waits.
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Returns whether the moment has passed.
    pub fn is_elapsed(&self) -> bool {
        self.timer.is_elapsed()
    }

    /// Waits for another moment instead.
    pub fn reset(mut self: Pin<&mut Self>, deadline: Instant) {
        let duration = deadline.saturating_duration_since(Instant::now()).min(FAR);
        let now = Handle::try_current().map(|handle| handle.now()).unwrap_or_default();
        self.timer.reset(now + duration);
        self.deadline = deadline;
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.timer).poll(context)
    }
}
