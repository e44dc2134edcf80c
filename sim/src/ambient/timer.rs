//! [`Timer`]: a wait for a moment. It is `Send`, because it refers to the engine's timer by number.

use super::Handle;
use crate::engine::Core;
use crate::env::has_passed;
use crate::time::Moment;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Waits for a moment of virtual time; created by [`Handle::sleep`]. Once its incarnation has crashed, the wait never ends.
#[derive(Debug)]
pub struct Timer {
    handle: Handle,
    deadline: Moment,
    /// The deadline, or [`Moment::START`] once the deadline has passed.
    pending: Moment,
    set: Option<(u32, u32)>,
}

impl Timer {
    pub(super) fn new(handle: Handle, deadline: Moment) -> Self {
        Self { handle, deadline, pending: deadline, set: None }
    }

    /// Returns the deadline.
    pub fn deadline(&self) -> Moment {
        self.deadline
    }

    /// Returns whether the deadline has passed.
    pub fn is_elapsed(&self) -> bool {
        self.handle.now() >= self.deadline
    }

    /// Replaces the deadline; the waiting task is woken for the new one after its next poll.
    pub fn reset(&mut self, deadline: Moment) {
        self.cancel();
        (self.deadline, self.pending) = (deadline, deadline);
    }

    fn cancel(&mut self) {
        if let Some(set) = self.set.take() {
            self.with_core(|core| core.cancel_timer(set));
        }
    }

    fn with_core<T>(&self, act: impl FnOnce(&mut Core) -> T) -> Option<T> {
        let world = self.handle.world()?;
        let mut core = world.core.try_borrow_mut().ok()?;
        Some(act(&mut core))
    }
}

impl Future for Timer {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let timer = &mut *self;
        let Some(env) = timer.handle.try_env() else { return Poll::Pending };
        let mut core = env.world.core.borrow_mut();
        if !core.is_alive(env.node, env.incarnation) {
            return Poll::Pending;
        }
        match has_passed(&mut core, &mut timer.pending, &mut timer.set, context, false) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        self.cancel();
    }
}
