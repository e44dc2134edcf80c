//! The three nodes as ordinary `async` code, for engines that run such code: written once, so that the engines are
//! compared and not their ports.

use crate::draws::Draws;
use crate::ledger::Ledger;
use crate::tally::{Tally, What};
use crate::{BETWEEN_INTENTS, Call, INTENTS, Node, Op, RETRIES, TIMEOUT, backoff};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::future::Future;
use std::rc::Rc;
use std::time::Duration;
use tokio::sync::{Notify, oneshot};

/// The interface that the code of one node needs from an engine.
pub trait Machine: Clone + 'static {
    /// Returns the nanoseconds since the run began.
    fn now_ns(&self) -> u64;
    /// Waits.
    fn sleep(&self, span: Duration) -> impl Future<Output = ()>;
    /// Waits for `future`, at most for `timeout`; returns whether it completed.
    fn timeout(&self, timeout: Duration, future: impl Future) -> impl Future<Output = bool>;
    /// Spawns a task, which is dropped with this node.
    fn spawn(&self, task: impl Future<Output = ()> + 'static);
    /// Sends a packet, which arrives if its node is up.
    fn send(&self, to: Node, packet: u64) -> impl Future<Output = ()>;
}

/// The state that outlives the nodes of one run.
pub struct Run {
    draws: Draws,
    ledger: RefCell<Ledger>,
    tally: RefCell<Tally>,
    open: Cell<usize>,
    rest: Notify,
}

impl Run {
    /// Creates a run of this seed.
    pub fn of(seed: u64) -> Rc<Self> {
        let (ledger, tally) = Default::default();
        Rc::new(Self { draws: Draws::of(seed), ledger, tally, open: Cell::new(INTENTS), rest: Notify::new() })
    }

    /// Returns the times at which the worker crashes.
    pub fn crashes(&self) -> [Duration; 3] {
        self.draws.crashes()
    }

    /// Records that the worker crashed or restarted.
    pub fn crash(&self, now_ns: u64, what: What) {
        self.tally.borrow_mut().take(now_ns, Node::Worker, what, 0);
    }

    /// Waits until nothing is pending.
    pub async fn at_rest(&self) {
        self.rest.notified().await;
    }

    /// Returns whether nothing is pending.
    pub fn is_at_rest(&self) -> bool {
        self.open.get() == 0
    }

    /// Returns the counts of the run.
    pub fn tally(&self) -> Tally {
        Tally { finished: self.ledger.borrow().finished(), ..*self.tally.borrow() }
    }

    fn open(&self) {
        self.open.set(self.open.get() + 1);
    }

    fn close(&self) {
        self.open.set(self.open.get() - 1);
        if self.open.get() == 0 {
            self.rest.notify_one();
        }
    }
}

/// The flag of a packet that is a response.
const ANSWER: u64 = 1 << 40;

/// One incarnation of a node: its memory.
pub struct Process<M> {
    node: Node,
    machine: M,
    run: Rc<Run>,
    waiting: Rc<RefCell<HashMap<u64, oneshot::Sender<()>>>>,
}

impl<M: Clone> Clone for Process<M> {
    fn clone(&self) -> Self {
        let Self { node, machine, run, waiting } = self;
        Self { node: *node, machine: machine.clone(), run: Rc::clone(run), waiting: Rc::clone(waiting) }
    }
}

impl<M: Machine> Process<M> {
    /// Starts a node: the client submits, the worker resumes open jobs.
    pub fn start(node: Node, machine: M, run: Rc<Run>) -> Self {
        let process = Self { node, machine, run, waiting: Rc::default() };
        match node {
            Node::Client => (0..INTENTS as u8).for_each(|intent| process.spawn(|own| own.submit(intent))),
            Node::Worker => {
                let open = process.run.ledger.borrow().open();
                open.for_each(|intent| process.spawn(|own| own.job(intent)));
            }
            Node::Partner => {}
        }
        process
    }

    /// Handles a packet that has arrived.
    pub fn take(&self, packet: u64) {
        if packet & ANSWER == 0 {
            return self.spawn(|own| own.serve(Call::from_word(packet)));
        }
        if let Some(waiting) = self.waiting.borrow_mut().remove(&(packet & !ANSWER)) {
            let _given_up = waiting.send(());
        }
    }

    fn spawn<F: Future<Output = ()> + 'static>(&self, task: impl FnOnce(Self) -> F) {
        self.machine.spawn(task(self.clone()));
    }

    fn note(&self, what: What, call: Call) {
        self.run.tally.borrow_mut().call(self.machine.now_ns(), self.node, what, call);
    }

    async fn submit(self, intent: u8) {
        self.machine.sleep(BETWEEN_INTENTS * u32::from(intent)).await;
        self.call(Op::Submit, intent, 0).await;
        self.run.close();
    }

    async fn job(self, intent: u8) {
        loop {
            let Some(step) = self.run.ledger.borrow().next_step(intent) else { break };
            if !self.call(Op::Step, intent, step).await {
                break;
            }
            self.run.ledger.borrow_mut().finish(intent, step);
        }
        self.run.ledger.borrow_mut().close(intent);
        self.run.close();
    }

    async fn report(self, at: Call) {
        self.machine.sleep(self.run.draws.lateness(at)).await;
        self.call(Op::Notify, at.intent, at.step).await;
        self.run.close();
    }

    /// Calls until a response arrives; returns whether one did.
    async fn call(&self, op: Op, intent: u8, step: u8) -> bool {
        for tried in 0..=RETRIES {
            let needless = op == Op::Step && self.run.ledger.borrow().is_finished(intent, step);
            if needless || self.attempt(op, intent, step).await {
                return true;
            }
            if tried < RETRIES {
                self.machine.sleep(backoff(tried)).await;
            }
        }
        false
    }

    async fn attempt(&self, op: Op, intent: u8, step: u8) -> bool {
        let call = self.run.ledger.borrow_mut().attempt(op, intent, step);
        self.note(What::Called, call);
        let (tell, told) = oneshot::channel();
        self.waiting.borrow_mut().insert(call.word(), tell);
        if !self.run.draws.loses_request(call) {
            self.machine.send(op.server(), call.word()).await;
            if op == Op::Step {
                self.run.open();
            }
        }
        let answered = self.machine.timeout(TIMEOUT, told).await;
        self.waiting.borrow_mut().remove(&call.word());
        self.note(if answered { What::Learnt } else { What::GaveUp }, call);
        answered
    }

    async fn serve(self, call: Call) {
        self.note(What::Arrived, call);
        match call.op {
            Op::Submit => {
                if self.run.ledger.borrow_mut().accept(call.intent) {
                    self.run.open();
                    self.spawn(|own| own.job(call.intent));
                }
            }
            Op::Step => {
                self.machine.sleep(self.run.draws.latency(call)).await;
                if self.run.ledger.borrow_mut().execute(call.intent, call.step) {
                    self.run.open();
                    self.spawn(|own| own.report(call));
                }
            }
            Op::Notify => self.run.ledger.borrow_mut().finish(call.intent, call.step),
        }
        self.note(What::Answered, call);
        if !self.run.draws.loses_answer(call) {
            self.machine.send(call.op.caller(), call.word() | ANSWER).await;
        }
        if call.op == Op::Step {
            self.run.close();
        }
    }
}
