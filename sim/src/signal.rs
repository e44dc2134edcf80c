//! Signals and pollers: waiting for data to change without a tick.
//!
//! A poller in production wakes every period and mostly finds nothing. Here it sleeps until its data
//! changes or a row falls due, and then wakes at its next period, as it would have; the idle polls between
//! are neither run nor counted.

use crate::engine::Core;
use crate::engine::effects::Reach;
use crate::env::Env;
use crate::event::Kind;
use crate::task::Waiter;
use crate::time::{Duration, Moment};
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
            if let Some(waiter) = env.world.core.borrow().waiter(context) {
                let same =
                    |other: &Waiter| (other.slot, other.generation) == (waiter.slot, waiter.generation);
                state.waiters.retain(|other| !same(other) || other.waker.is_some());
                state.waiters.push(waiter);
            }
            Poll::Pending
        })
        .await;
    }
}

/// Wakes at multiples of a period, but only when its signal was raised or something is due.
pub struct Poller {
    env: Env,
    signal: Signal,
    period: Duration,
    seen: Option<u64>,
    last_turn: Moment,
}

impl Poller {
    /// A poller that looks each `period` at what `signal` tells of. Its first turn is at once.
    ///
    /// # Panics
    /// If `period` is zero.
    pub fn new(env: &Env, signal: &Signal, period: Duration) -> Self {
        assert!(!period.is_zero(), "a poller has a period");
        Self { env: env.clone(), signal: signal.clone(), period, seen: None, last_turn: env.now() }
    }

    /// The same, without a first turn at once: nothing can have changed yet.
    ///
    /// # Panics
    /// If `period` is zero.
    pub fn later(env: &Env, signal: &Signal, period: Duration) -> Self {
        Self { seen: Some(signal.version()), ..Self::new(env, signal, period) }
    }

    /// Waits for the next turn at which a look is worth it: the data changed since the last turn, or `due`
    /// (the moment at which the earliest row falls due, if there is one) has come.
    pub async fn turn(&mut self, due: Option<Moment>) {
        let env = &self.env;
        if let Some(seen) = self.seen {
            self.signal.changed(env, seen, due.unwrap_or(Moment::NEVER)).await;
            let period = self.period.as_nanos() as u64;
            let after_last = self.last_turn.nanos() / period + 1;
            let next = env.now().nanos().div_ceil(period).max(after_last) * period;
            env.sleep_until(Moment::from_nanos(next)).await;
            env.event(Kind::Wake, [next, 0], || "looks for work".to_owned());
        }
        self.last_turn = env.now();
        self.seen = Some(self.signal.version());
    }
}
