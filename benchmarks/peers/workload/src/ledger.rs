//! The state that outlives a crash: the worker's durable state, and the steps that the partner has executed.

use crate::{Call, INTENTS, Op, STEPS};

/// One intent on record.
#[derive(Clone, Copy, Default, Debug)]
pub struct Intent {
    accepted: bool,
    closed: bool,
    finished: [bool; STEPS],
    executed: [bool; STEPS],
    attempts: [u16; 1 + 2 * STEPS],
}

/// All intents of a run.
#[derive(Default, Debug)]
pub struct Ledger([Intent; INTENTS]);

impl Ledger {
    /// Counts and returns one more attempt at a call.
    pub fn attempt(&mut self, op: Op, intent: u8, step: u8) -> Call {
        let at = match op {
            Op::Submit => 0,
            Op::Step => 1 + usize::from(step),
            Op::Notify => 1 + STEPS + usize::from(step),
        };
        let attempts = &mut self.0[usize::from(intent)].attempts[at];
        *attempts += 1;
        Call { op, intent, step, attempt: *attempts - 1 }
    }

    /// Accepts an intent; returns whether it is new.
    pub fn accept(&mut self, intent: u8) -> bool {
        !std::mem::replace(&mut self.0[usize::from(intent)].accepted, true)
    }

    /// Executes a step; returns whether it is new.
    pub fn execute(&mut self, intent: u8, step: u8) -> bool {
        !std::mem::replace(&mut self.0[usize::from(intent)].executed[usize::from(step)], true)
    }

    /// Records that a step is finished.
    pub fn finish(&mut self, intent: u8, step: u8) {
        self.0[usize::from(intent)].finished[usize::from(step)] = true;
    }

    /// Returns whether a step is finished.
    pub fn is_finished(&self, intent: u8, step: u8) -> bool {
        self.0[usize::from(intent)].finished[usize::from(step)]
    }

    /// Returns the first step that is not finished.
    pub fn next_step(&self, intent: u8) -> Option<u8> {
        self.0[usize::from(intent)].finished.iter().position(|done| !done).map(|step| step as u8)
    }

    /// Records that an intent's job is over.
    pub fn close(&mut self, intent: u8) {
        self.0[usize::from(intent)].closed = true;
    }

    /// Returns the intents whose job is not over.
    pub fn open(&self) -> impl Iterator<Item = u8> + use<> {
        let open: u32 = (0..INTENTS)
            .filter(|at| self.0[*at].accepted && !self.0[*at].closed)
            .fold(0, |bits, at| bits | 1 << at);
        (0..INTENTS as u8).filter(move |at| open >> at & 1 == 1)
    }

    /// Returns the number of intents with every step finished.
    pub fn finished(&self) -> u64 {
        self.0.iter().filter(|intent| !intent.finished.contains(&false)).count() as u64
    }
}
