//! Pollers: a loop that looks for work every period, without its idle turns.
//!
//! A poller in production wakes every period and mostly finds nothing. Here it sleeps until something could change the
//! result of its last turn, and then wakes at its next period. The idle turns in between are neither run nor counted.
//!
//! A turn records what it depends on: while the task of a poller runs a turn, each of its statements adds the table that
//! it uses, a lock that excluded it or that it would wait for, and the horizon of open transactions. A commit to one of these
//! tables, the release of a lock, or the end of a transaction or of a dead client's session wakes the poller. If a statement
//! of the turn failed for a temporary reason (a lost connection, a timeout, a serialization failure), the next turn runs when
//! the caller wants to try again (`due`), or at the next period if the caller does not say.
//!
//! In runs without deviations inside idle turns, commits and their times equal those of a loop that ticks. What is not
//! equivalent:
//!
//! - Idle turns have no crash points, and put no load on anything.
//! - Statements only are recorded. For calls, queues, logs, key-value stores, clocks, data outside a store, and statements of
//!   tasks that the turn spawns, there are the poller's signals and `due`.
//! - A turn sees what happens exactly at its period; in a loop that ticks, the turn may run first.

use crate::env::Env;
use crate::event::Kind;
use crate::signal::{Signal, any_changed};
use crate::time::{Duration, Moment};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// What the last turn of a poller depends on.
#[derive(Default)]
pub(crate) struct Turn {
    /// Each signal with the version that the turn has seen.
    looked_at: RefCell<Vec<(Signal, u64)>>,
    /// Whether a statement failed that may succeed the next time.
    has_failed: Cell<bool>,
}

impl Turn {
    /// Records that the turn depends on this signal, of which it has seen `version`.
    pub(crate) fn looks_at(&self, signal: &Signal, version: u64) {
        let mut looked_at = self.looked_at.borrow_mut();
        if looked_at.iter().all(|(other, _)| !other.is(signal)) {
            looked_at.push((signal.clone(), version));
        }
    }

    /// Records that a statement failed that may succeed the next time.
    pub(crate) fn fails(&self) {
        self.has_failed.set(true);
    }

    fn clear(&self) {
        self.looked_at.borrow_mut().clear();
        self.has_failed.set(false);
    }
}

/// Wakes at multiples of a period, but only if the last turn could now end differently; see the [module](self).
pub struct Poller {
    env: Env,
    /// Each with its version at the start of the last turn.
    signals: Vec<(Signal, u64)>,
    period: Duration,
    last_turn: Option<Moment>,
    turn: Rc<Turn>,
}

impl Poller {
    /// Creates a poller with this `period`, which also wakes when `signal` is raised. Its first turn runs at once.
    ///
    /// # Panics
    /// If `period` is zero.
    pub fn new(env: &Env, signal: &Signal, period: Duration) -> Self {
        assert!(!period.is_zero(), "a poller has a period");
        let (env, signals) = (env.clone(), vec![(signal.clone(), 0)]);
        Self { env, signals, period, last_turn: None, turn: Rc::default() }
    }

    /// Makes the poller wake when this signal is raised, too.
    pub fn also(mut self, signal: &Signal) -> Self {
        self.signals.push((signal.clone(), 0));
        self
    }

    /// Ends the last turn and waits for the next one: for the first period after a change of what the last turn depends
    /// on, after the signal was raised, or after `due` (the moment at which the earliest row falls due, or at which a turn
    /// that failed is tried again).
    pub async fn turn(&mut self, due: Option<Moment>) {
        self.env.end_turn(&self.turn);
        if let Some(last_turn) = self.last_turn {
            if due.is_some() || !self.turn.has_failed.get() {
                self.signals.iter().for_each(|(signal, seen)| self.turn.looks_at(signal, *seen));
                let looked_at = self.turn.looked_at.take();
                any_changed(&self.env, &looked_at, due.unwrap_or(Moment::NEVER)).await;
            }
            let period = self.period.as_nanos() as u64;
            let after_last = last_turn.nanos() / period + 1;
            let next = self.env.now().nanos().div_ceil(period).max(after_last) * period;
            self.env.sleep_until(Moment::from_nanos(next)).await;
            self.env.event(Kind::Wake, [next, 0], || "looks for work".to_owned());
        }
        self.last_turn = Some(self.env.now());
        self.signals.iter_mut().for_each(|(signal, seen)| *seen = signal.version());
        self.turn.clear();
        self.env.begin_turn(&self.turn);
    }
}

impl Drop for Poller {
    fn drop(&mut self) {
        self.env.end_turn(&self.turn);
    }
}

impl Env {
    /// Makes `turn` record the statements of the running task.
    fn begin_turn(&self, turn: &Rc<Turn>) {
        let mut core = self.world.core.borrow_mut();
        if core.is_alive(self.node, self.incarnation) {
            let task = core.user().task;
            core.turns.push((task, Rc::clone(turn)));
        }
    }

    fn end_turn(&self, turn: &Rc<Turn>) {
        self.world.core.borrow_mut().turns.retain(|(_, other)| !Rc::ptr_eq(other, turn));
    }

    /// Returns the turn of a poller that the running task runs, if there is one.
    #[inline]
    pub(crate) fn running_turn(&self) -> Option<Rc<Turn>> {
        let core = self.world.core.borrow();
        if core.turns.is_empty() {
            return None;
        }
        let task = core.user().task;
        core.turns.iter().find(|(of, _)| *of == task).map(|(_, turn)| Rc::clone(turn))
    }
}
