//! The bare event loop: no tasks, no futures, no wakers; as one would write it by hand for this workload alone.

use crate::draws::Draws;
use crate::ledger::Ledger;
use crate::queue::Queue;
use crate::tally::{Tally, What};
use crate::{AWAY, BETWEEN_INTENTS, Call, INTENTS, LINK, Node, Op, RETRIES, STEPS, TIMEOUT, backoff};
use std::time::Duration;

/// An entry of the queue.
#[derive(Clone, Copy, Debug)]
pub struct Due(Happening);

#[derive(Clone, Copy, Debug)]
enum Happening {
    Try { op: Op, intent: u8, step: u8, tried: u8, life: u8 },
    Arrive(Call),
    Executed(Call),
    Return(Call),
    Expire { call: Call, tried: u8 },
    Crash,
    Restart,
}

/// A loop over this kind of queue.
pub struct Bare<Q> {
    queue: Q,
    now: u64,
    draws: Draws,
    ledger: Ledger,
    tally: Tally,
    /// The waiting attempt of each call that can be in progress.
    waiting: [[u16; INTENTS]; 1 + 2 * STEPS],
    up: bool,
    life: u8,
}

const NOBODY: u16 = u16::MAX;

fn place(op: Op, step: u8) -> usize {
    match op {
        Op::Submit => 0,
        Op::Step => 1 + usize::from(step),
        Op::Notify => 1 + STEPS + usize::from(step),
    }
}

impl<Q: Queue<Due>> Default for Bare<Q> {
    fn default() -> Self {
        Self::new()
    }
}

impl<Q: Queue<Due>> Bare<Q> {
    /// Creates a loop.
    pub fn new() -> Self {
        Self {
            queue: Q::default(),
            now: 0,
            draws: Draws::of(0),
            ledger: Ledger::default(),
            tally: Tally::default(),
            waiting: [[NOBODY; INTENTS]; 1 + 2 * STEPS],
            up: true,
            life: 0,
        }
    }

    /// Runs a seed.
    pub fn run(&mut self, seed: u64) -> Tally {
        self.queue.clear();
        *self = Self { queue: std::mem::take(&mut self.queue), draws: Draws::of(seed), ..Self::new() };
        for intent in 0..INTENTS as u8 {
            self.after(
                BETWEEN_INTENTS * u32::from(intent),
                Happening::Try { op: Op::Submit, intent, step: 0, tried: 0, life: 0 },
            );
        }
        for crash in self.draws.crashes() {
            self.after(crash, Happening::Crash);
            self.after(crash + AWAY, Happening::Restart);
        }
        while let Some((time, Due(due))) = self.queue.take() {
            self.now = time;
            self.happen(due);
        }
        Tally { finished: self.ledger.finished(), ..self.tally }
    }

    fn after(&mut self, span: Duration, due: Happening) {
        self.queue.put(self.now + span.as_nanos() as u64, Due(due));
    }

    fn happen(&mut self, due: Happening) {
        match due {
            Happening::Try { op, intent, step, tried, life } => {
                if op != Op::Step || life == self.life {
                    self.attempt((op, intent, step), tried);
                }
            }
            Happening::Arrive(call) => self.arrive(call),
            Happening::Executed(call) => {
                if self.ledger.execute(call.intent, call.step) {
                    let (intent, step) = (call.intent, call.step);
                    let report = Happening::Try { op: Op::Notify, intent, step, tried: 0, life: 0 };
                    self.after(self.draws.lateness(call), report);
                }
                self.answer(call);
            }
            Happening::Return(call) => self.learn(call),
            Happening::Expire { call, tried } => self.expire(call, tried),
            Happening::Crash => {
                self.tally.take(self.now, Node::Worker, What::Crashed, 0);
                self.up = false;
                self.life += 1;
                self.waiting[1..=STEPS].fill([NOBODY; INTENTS]);
            }
            Happening::Restart => {
                self.tally.take(self.now, Node::Worker, What::Restarted, 0);
                self.up = true;
                self.ledger.open().for_each(|intent| self.proceed(intent));
            }
        }
    }

    /// Starts the next step of a job, if there is one.
    fn proceed(&mut self, intent: u8) {
        match self.ledger.next_step(intent) {
            Some(step) => self.attempt((Op::Step, intent, step), 0),
            None => self.ledger.close(intent),
        }
    }

    fn attempt(&mut self, (op, intent, step): (Op, u8, u8), tried: u8) {
        if op == Op::Step && self.ledger.is_finished(intent, step) {
            return self.proceed(intent);
        }
        let call = self.ledger.attempt(op, intent, step);
        self.tally.call(self.now, op.caller(), What::Called, call);
        self.waiting[place(op, step)][usize::from(intent)] = call.attempt;
        if !self.draws.loses_request(call) {
            self.after(LINK, Happening::Arrive(call));
        }
        self.after(TIMEOUT, Happening::Expire { call, tried });
    }

    fn arrive(&mut self, call: Call) {
        if call.op.server() == Node::Worker && !self.up {
            return;
        }
        self.tally.call(self.now, call.op.server(), What::Arrived, call);
        match call.op {
            Op::Step => self.after(self.draws.latency(call), Happening::Executed(call)),
            Op::Notify => {
                self.ledger.finish(call.intent, call.step);
                self.answer(call);
            }
            Op::Submit => {
                let new = self.ledger.accept(call.intent);
                self.answer(call);
                if new {
                    self.proceed(call.intent);
                }
            }
        }
    }

    fn answer(&mut self, call: Call) {
        self.tally.call(self.now, call.op.server(), What::Answered, call);
        if !self.draws.loses_answer(call) {
            self.after(LINK, Happening::Return(call));
        }
    }

    fn learn(&mut self, call: Call) {
        let waiting = &mut self.waiting[place(call.op, call.step)][usize::from(call.intent)];
        if *waiting != call.attempt {
            return;
        }
        *waiting = NOBODY;
        self.tally.call(self.now, call.op.caller(), What::Learnt, call);
        if call.op == Op::Step {
            self.ledger.finish(call.intent, call.step);
            self.proceed(call.intent);
        }
    }

    fn expire(&mut self, call: Call, tried: u8) {
        let waiting = &mut self.waiting[place(call.op, call.step)][usize::from(call.intent)];
        if *waiting != call.attempt {
            return;
        }
        *waiting = NOBODY;
        self.tally.call(self.now, call.op.caller(), What::GaveUp, call);
        let (Call { op, intent, step, .. }, life) = (call, self.life);
        if u32::from(tried) < RETRIES {
            self.after(
                backoff(u32::from(tried)),
                Happening::Try { op, intent, step, tried: tried + 1, life },
            );
        } else if op == Op::Step {
            self.ledger.close(intent);
        }
    }
}
