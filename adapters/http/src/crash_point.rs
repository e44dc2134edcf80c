//! A crash point as a future that is `Send`.

use shakedown_sim::ambient::Handle;
use shakedown_sim::{Label, Side};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Meets a crash point once. A paused node returns to it when it continues.
pub(crate) struct CrashPoint {
    owner: Handle,
    side: Side,
    effect: Label,
    was_met: bool,
}

/// Returns the crash point beside `effect`.
pub(crate) fn crash_point(owner: Handle, side: Side, effect: Label) -> CrashPoint {
    CrashPoint { owner, side, effect, was_met: false }
}

impl Future for CrashPoint {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if !self.owner.is_alive() {
            return Poll::Pending;
        }
        if std::mem::replace(&mut self.was_met, true) {
            return Poll::Ready(());
        }
        self.owner.poll_crash_point(self.side, self.effect)
    }
}
