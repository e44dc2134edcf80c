//! Signals: waiting for data to change without a tick.

use crate::engine::Core;
use crate::engine::effects::Reach;
use crate::env::Env;
use crate::task::Waiter;
use crate::time::Moment;
use crate::world::World;
use std::cell::RefCell;
use std::future::{Future, pending, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;

#[derive(Default)]
struct State {
    version: u64,
    cause: Option<u32>,
    waiters: Vec<Waiter>,
}

impl State {
    /// Registers a waiting task once, or removes it if its wait is over.
    fn register(&mut self, waiter: Option<Waiter>, is_over: bool) {
        let Some(waiter) = waiter else { return };
        let same = |other: &Waiter| (other.slot, other.generation) == (waiter.slot, waiter.generation);
        self.waiters.retain(|other| !same(other) || other.waker.is_some());
        if !is_over {
            self.waiters.push(waiter);
        }
    }
}

/// Tells that some data has changed.
#[derive(Clone, Default)]
pub struct Signal(Rc<RefCell<State>>);

impl Signal {
    /// A signal that has not been raised.
    pub fn new() -> Self {
        Self::default()
    }

    /// How often it was raised.
    pub fn version(&self) -> u64 {
        self.0.borrow().version
    }

    /// Whether both are one signal.
    pub(crate) fn is(&self, other: &Signal) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }

    /// Whether there is a second handle to it, whose holder may wait for it.
    pub(crate) fn is_held(&self) -> bool {
        Rc::strong_count(&self.0) > 1
    }

    pub(crate) fn raise_in(&self, world: &World) {
        self.raise_at(&mut world.core.borrow_mut());
    }

    pub(crate) fn raise_at(&self, core: &mut Core) {
        let mut state = self.0.borrow_mut();
        state.version += 1;
        core.touch(Reach::Signal, state.version);
        state.cause = core.current_event();
        let cause = state.cause;
        for waiter in state.waiters.drain(..) {
            core.wake(waiter, cause);
        }
    }

    /// Raises it: every task that waits for the data wakes.
    pub fn raise(&self, env: &Env) {
        if env.is_alive() {
            self.raise_in(&env.world);
        }
    }

    /// Waits until it has been raised after `seen`, or `due` is reached.
    pub(crate) async fn changed(&self, env: &Env, seen: u64, due: Moment) {
        if !env.is_alive() {
            pending::<()>().await;
        }
        let mut sleep = env.sleep_alive(due);
        poll_fn(|context| {
            let mut state = self.0.borrow_mut();
            if state.version != seen {
                if let Some(cause) = state.cause {
                    env.world.core.borrow_mut().follows_from(cause);
                }
                return Poll::Ready(());
            }
            if Pin::new(&mut sleep).poll(context).is_ready() {
                return Poll::Ready(());
            }
            state.register(env.world.core.borrow().waiter(context), false);
            Poll::Pending
        })
        .await;
    }
}

/// Waits until one of the signals has been raised after the version given with it, or `due` is reached.
pub(crate) async fn any_changed(env: &Env, signals: &[(Signal, u64)], due: Moment) {
    if let [(signal, seen)] = signals {
        return signal.changed(env, *seen, due).await;
    }
    if !env.is_alive() {
        pending::<()>().await;
    }
    let mut sleep = env.sleep_alive(due);
    poll_fn(|context| {
        let changed = signals.iter().find(|(signal, seen)| signal.version() != *seen);
        let is_over = changed.is_some() || Pin::new(&mut sleep).poll(context).is_ready();
        if let Some((signal, _)) = changed
            && let Some(cause) = signal.0.borrow().cause
        {
            env.world.core.borrow_mut().follows_from(cause);
        }
        for (signal, _) in signals {
            let waiter = env.world.core.borrow().waiter(context);
            signal.0.borrow_mut().register(waiter, is_over);
        }
        if is_over { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}
