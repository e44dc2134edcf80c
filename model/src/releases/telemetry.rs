//! Telemetry: nodes count their work by release, and the manager of a rollout reads the counts.
//!
//! Counts are sent without waiting for a response, so a node that has crashed counts nothing. During an outage nothing is
//! received, and the counts of that time are lost.

use super::code::Code;
use shakedown_sim::{Alternatives, Env, Label, Moment, Site};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

const SILENCE: Site = Site::new(Label::new("telemetry"), Label::new("silence"));
const SILENCES: Alternatives =
    Alternatives::delays(&["none", "1 min", "5 min", "30 min"], (1_000, 1_800_000));

/// The counts of the nodes of a release.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// Completed orders.
    pub good: u32,
    /// Rejected orders.
    pub bad: u32,
    /// Texts that could not be read.
    pub unreadable: u32,
}

impl Counts {
    /// Returns the number of completed and rejected orders.
    pub fn completions(&self) -> u32 {
        self.good + self.bad
    }

    /// Adds other counts.
    #[must_use]
    pub fn and(self, other: Counts) -> Counts {
        Counts {
            good: self.good + other.good,
            bad: self.bad + other.bad,
            unreadable: self.unreadable + other.unreadable,
        }
    }

    /// Returns the percentage of rejected orders.
    pub fn failures_percent(&self) -> u32 {
        (self.bad * 100).checked_div(self.completions()).unwrap_or(0)
    }
}

/// A counted event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Count {
    /// An order was completed.
    Good,
    /// An order was rejected.
    Bad,
    /// A text could not be read.
    Unreadable,
}

/// The collector. Cheap to clone; all clones denote the same collector.
#[derive(Clone, Default)]
pub struct Telemetry(Rc<Inner>);

#[derive(Default)]
struct Inner {
    counts: RefCell<BTreeMap<Code, Counts>>,
    silent_until: Cell<Moment>,
}

impl Telemetry {
    /// Counts an event on a node of this release.
    pub fn count(&self, env: &Env, code: Code, what: Count) {
        if !env.is_alive() || env.now() < self.0.silent_until.get() {
            return;
        }
        let mut all = self.0.counts.borrow_mut();
        let counts = all.entry(code).or_default();
        match what {
            Count::Good => counts.good += 1,
            Count::Bad => counts.bad += 1,
            Count::Unreadable => counts.unreadable += 1,
        }
    }

    /// Returns the counts of each of these releases; `None` during an outage.
    pub fn read<const N: usize>(&self, env: &Env, codes: [Code; N]) -> Option<[Counts; N]> {
        if env.now() >= self.0.silent_until.get() {
            let silence = env.choose_delay(SILENCE, &SILENCES);
            self.0.silent_until.set(env.now() + silence);
        }
        if env.now() < self.0.silent_until.get() {
            return None;
        }
        let all = self.0.counts.borrow();
        Some(codes.map(|code| all.get(&code).copied().unwrap_or_default()))
    }
}
