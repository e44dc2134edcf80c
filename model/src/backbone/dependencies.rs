//! Dependencies: how a worker limits its load on an external service that its jobs need.
//!
//! For each dependency a worker has a pool (a bound on concurrent jobs), a retry budget (a share of its calls, and some per
//! minute) and a circuit breaker (it opens when half of the calls fail, and later sends one call as a probe). All of it is
//! memory of one incarnation, as in production: a restarted worker begins with an empty budget and a closed breaker. A job
//! that may not be claimed yet waits in the queue and uses up nothing.
//!
//! Sources: M. Nygard, "Release It!", chapter "Stability Patterns" (breaker, bulkheads); the retry budgets of
//! Finagle and gRPC (a share of calls with a reserve per time).

use super::jobs::{Job, JobKind};
use crate::settings::{
    BREAKER_CALLS, BREAKER_OPEN, BREAKER_WINDOW, RETRIES_BANKED, RETRY_EVERY, RETRY_SHARE,
};
use shakedown_sim::{Duration, Env, Moment, Signal};
use std::cell::RefCell;
use std::collections::VecDeque;

/// An external service that jobs of one or more kinds need, by name. Each flow declares its own dependencies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Dependency(pub &'static str);

/// What a run of a job learned about the health of its dependency.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Health {
    /// Nothing: it was not called.
    Unknown,
    /// It responded.
    Good,
    /// It did not respond, or reported an error of its own.
    Bad,
}

/// The time at which a job may be claimed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Opens {
    /// From this time on.
    At(Moment),
    /// When another job leaves the pool.
    WhenFreed,
}

/// The state of a worker's dependencies.
pub(crate) struct Gates {
    /// The kinds of jobs that need a dependency, each with the index of its gate.
    kinds: Vec<(JobKind, usize)>,
    gates: RefCell<Vec<Gate>>,
    /// Raised when a job leaves a pool.
    pub(crate) freed: Signal,
}

impl Gates {
    /// Creates gates for these kinds of jobs, with this much room in each pool; if `spares` is false, only the pools
    /// limit the load.
    pub(crate) fn new(needs: Vec<(JobKind, Dependency)>, room: u32, spares: bool, now: Moment) -> Self {
        let (mut dependencies, mut kinds) = (Vec::new(), Vec::new());
        for (kind, dependency) in needs {
            let known = dependencies.iter().position(|other| *other == dependency);
            kinds.push((kind, known.unwrap_or(dependencies.len())));
            if known.is_none() {
                dependencies.push(dependency);
            }
        }
        let gates = dependencies.iter().map(|_| Gate::new(room, spares, now)).collect();
        Self { kinds, gates: RefCell::new(gates), freed: Signal::new() }
    }

    fn with<T>(&self, kind: JobKind, act: impl FnOnce(&mut Gate) -> T) -> Option<T> {
        let (_, gate) = self.kinds.iter().find(|(other, _)| *other == kind)?;
        Some(act(&mut self.gates.borrow_mut()[*gate]))
    }

    /// Returns when this queued job may be claimed.
    pub(crate) fn opens(&self, job: &Job, now: Moment) -> Opens {
        self.with(job.kind, |gate| gate.opens(is_retry(job), now)).unwrap_or(Opens::At(job.due))
    }

    /// Records that the job was claimed.
    pub(crate) fn enter(&self, job: &Job, now: Moment) {
        self.with(job.kind, |gate| gate.enter(is_retry(job), now));
    }

    /// Records that work on the job has ended; `env` is the worker's handle.
    pub(crate) fn leave(&self, env: &Env, kind: JobKind, health: Health) {
        if self.with(kind, |gate| gate.leave(health, env.now())) == Some(true) {
            self.freed.raise(env);
        }
    }
}

/// Returns whether claiming this queued job is a retry.
fn is_retry(job: &Job) -> bool {
    job.attempts > 0
}

/// The state of one dependency in one worker.
struct Gate {
    room: u32,
    spares: bool,
    in_hand: u32,
    budget: Budget,
    breaker: Breaker,
}

impl Gate {
    fn new(room: u32, spares: bool, now: Moment) -> Self {
        Self { room, spares, in_hand: 0, budget: Budget { bank: 0, at: now }, breaker: Breaker::default() }
    }

    fn opens(&self, is_retry: bool, now: Moment) -> Opens {
        if self.in_hand >= self.room {
            return Opens::WhenFreed;
        }
        if !self.spares {
            return Opens::At(now);
        }
        let within_budget = if is_retry { self.budget.affords(now) } else { now };
        match self.breaker.lets() {
            Opens::At(moment) => Opens::At(moment.max(within_budget)),
            Opens::WhenFreed => Opens::WhenFreed,
        }
    }

    fn enter(&mut self, is_retry: bool, now: Moment) {
        self.in_hand += 1;
        self.budget.count(is_retry, now);
        self.breaker.probe(now);
    }

    /// Records the end of a job's work; returns whether other jobs may have waited for it.
    fn leave(&mut self, health: Health, now: Moment) -> bool {
        let full = self.in_hand >= self.room || self.breaker.lets() == Opens::WhenFreed;
        self.in_hand -= 1;
        self.breaker.record(health, now);
        full
    }
}

/// The cost of a retry, in the budget's units.
const RETRY: u64 = RETRY_EVERY.as_millis() as u64;

/// The budget for retries: one per period, and one for a number of calls; only a few can be saved.
struct Budget {
    bank: u64,
    at: Moment,
}

impl Budget {
    fn bank(&self, now: Moment) -> u64 {
        (self.bank + now.since(self.at).as_millis() as u64).min(RETRY * u64::from(RETRIES_BANKED))
    }

    fn affords(&self, now: Moment) -> Moment {
        now + Duration::from_millis(RETRY.saturating_sub(self.bank(now)))
    }

    fn count(&mut self, is_retry: bool, now: Moment) {
        let earned = self.bank(now) + RETRY / u64::from(RETRY_SHARE);
        (self.bank, self.at) = (earned.saturating_sub(if is_retry { RETRY } else { 0 }), now);
    }
}

/// A circuit breaker, which opens when half of the calls fail.
#[derive(Default)]
struct Breaker {
    calls: VecDeque<(Moment, bool)>,
    open: Option<Open>,
}

#[derive(Clone, Copy)]
struct Open {
    until: Moment,
    probing: bool,
}

impl Breaker {
    fn lets(&self) -> Opens {
        match self.open {
            None => Opens::At(Moment::START),
            Some(Open { probing: true, .. }) => Opens::WhenFreed,
            Some(Open { until, probing: false }) => Opens::At(until),
        }
    }

    fn probe(&mut self, now: Moment) {
        if let Some(open) = &mut self.open {
            open.probing = open.until <= now;
        }
    }

    fn record(&mut self, health: Health, now: Moment) {
        let probed = self.open.is_some_and(|open| open.probing);
        match (health, probed) {
            (Health::Unknown, false) => {}
            (Health::Unknown, true) => self.open = Some(Open { until: now, probing: false }),
            (Health::Good, true) => *self = Self::default(),
            (Health::Bad, true) => self.open = Some(Open { until: now + BREAKER_OPEN, probing: false }),
            (Health::Good | Health::Bad, false) => self.count(health == Health::Bad, now),
        }
    }

    fn count(&mut self, failed: bool, now: Moment) {
        self.calls.push_back((now, failed));
        while self.calls.front().is_some_and(|(at, _)| *at + BREAKER_WINDOW < now) {
            self.calls.pop_front();
        }
        let failures = self.calls.iter().filter(|(_, failed)| *failed).count();
        if self.open.is_none() && self.calls.len() >= BREAKER_CALLS && failures * 2 >= self.calls.len() {
            self.open = Some(Open { until: now + BREAKER_OPEN, probing: false });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backbone::jobs::{JobKindWords, WorkItem};
    use crate::settings::POOL;

    fn at(seconds: u64) -> Moment {
        Moment::START + Duration::from_secs(seconds)
    }

    #[test]
    fn a_pool_holds_four_and_the_next_waits_for_one_to_leave() {
        let mut gate = Gate::new(POOL, true, at(0));
        for _ in 0..POOL {
            assert_eq!(gate.opens(false, at(1)), Opens::At(at(1)));
            gate.enter(false, at(1));
        }
        assert_eq!(gate.opens(false, at(1)), Opens::WhenFreed);
        assert!(gate.leave(Health::Good, at(2)), "another job may have waited");
        assert_eq!(gate.opens(false, at(2)), Opens::At(at(2)));
        assert!(!gate.leave(Health::Good, at(2)), "no other job can have waited");
    }

    #[test]
    fn a_full_pool_delays_no_job_that_needs_another_dependency() {
        const BOOK: JobKind = JobKind::new(&JobKindWords { name: "book", row: "B" });
        const FILE: JobKind = JobKind::new(&JobKindWords { name: "file", row: "F" });
        let needs = vec![(BOOK, Dependency("partner")), (FILE, Dependency("registry"))];
        let gates = Gates::new(needs, POOL, true, at(0));
        let job = |kind| Job::queued(1, WorkItem { kind, row: 1 }, at(0), shakedown_sim::Scope::ROOT);
        for _ in 0..POOL {
            gates.enter(&job(FILE), at(1));
        }
        assert_eq!(gates.opens(&job(FILE), at(1)), Opens::WhenFreed);
        assert_eq!(gates.opens(&job(BOOK), at(1)), Opens::At(at(1)));
    }

    #[test]
    fn a_minute_of_retries_is_ten_and_what_was_saved_up_and_a_tenth_of_the_calls() {
        let mut budget = Budget { bank: 0, at: at(0) };
        assert_eq!(budget.affords(at(0)), at(6));
        let (mut now, mut retries) = (at(600), 0);
        while now < at(660) {
            budget.count(true, now);
            retries += 1;
            now = budget.affords(now);
        }
        // Ten were saved, ten were earned over time; each retry is a call and earns a tenth of one.
        assert_eq!(retries, 22);
        for _ in 0..RETRY_SHARE * 5 {
            budget.count(false, at(660));
        }
        assert_eq!(budget.bank(at(660)) / RETRY, 5);
    }

    #[test]
    fn a_breaker_opens_at_half_of_twenty_calls_and_closes_after_a_probe_that_succeeds() {
        let mut breaker = Breaker::default();
        let record = |breaker: &mut Breaker, health, times: u64, from| {
            (from..from + times).for_each(|second| breaker.record(health, at(second)));
        };
        record(&mut breaker, Health::Bad, 19, 0);
        assert_eq!(breaker.lets(), Opens::At(at(0)), "nineteen calls are too few");
        record(&mut breaker, Health::Bad, 1, 19);
        assert_eq!(breaker.lets(), Opens::At(at(49)));
        breaker.probe(at(49));
        assert_eq!(breaker.lets(), Opens::WhenFreed, "one at a time");
        breaker.record(Health::Bad, at(54));
        assert_eq!(breaker.lets(), Opens::At(at(84)));
        breaker.probe(at(84));
        breaker.record(Health::Good, at(85));
        assert_eq!(breaker.lets(), Opens::At(at(0)));
        record(&mut breaker, Health::Bad, 9, 100);
        record(&mut breaker, Health::Good, 11, 110);
        assert_eq!(breaker.lets(), Opens::At(at(0)), "less than half failed");
    }

    #[test]
    fn what_failed_a_minute_ago_counts_no_more() {
        let mut breaker = Breaker::default();
        (0..15).for_each(|second| breaker.record(Health::Bad, at(second)));
        (80..90).for_each(|second| breaker.record(Health::Bad, at(second)));
        assert_eq!(breaker.lets(), Opens::At(at(0)));
    }
}
