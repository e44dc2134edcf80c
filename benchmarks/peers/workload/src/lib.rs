//! Booking-lite, the workload for comparing engines: its definition, its draws, and its ports.
//!
//! **Nodes.** Three: `client`, `worker`, `partner`. Durable state (accepted intents, finished steps, executed steps,
//! attempt numbers) outlives a crash of the worker; its other state does not.
//!
//! **Calls.** A request, a link of 5 ms each way, a response. A request is lost in one of 10 cases, a response in one
//! of 10. A caller waits 2 s, then retries at most 8 times, after 100 ms doubled for each retry.
//!
//! **Intents.** The client submits intent `k` (of 20) at `3 k` seconds: a call `submit` to the worker, which accepts
//! it and starts its job. A job takes three steps in order, each a call `step` to the partner; after each response,
//! and before each attempt, it checks whether the step is finished. When its retries are used up, it abandons the
//! intent.
//!
//! **Partner.** Takes 10–3000 ms for a `step`, evenly drawn; executes it if it is new; responds. It also reports each
//! executed step to the worker, 0–10 s later, by a call `notify`, which finishes the step.
//!
//! **Crashes.** The worker crashes three times, 1–16 s into each span of 20 s, evenly drawn; its pending waits are lost, and so
//! are the messages that reach it meanwhile. It restarts after 1 s and resumes the job of every intent with an open job.
//!
//! **End.** At rest: no job, no submission and no notification is pending.
//!
//! **Counts.** *Attempts* are calls; *messages* are requests and responses sent, lost ones included; *application
//! events* are a call made, a request arrived, a response sent, a response received, a call timed out, a crash and a
//! restart. Each event enters a digest with its time, node, call and attempt.
//!
//! **Draws** are keyed by (seed, call, attempt, purpose), as in [`draws`], so that every port that uses them does the same
//! work, up to the granularity of its clock. The port to `sim` draws by the engine's own choices; see [`on_sim`].

pub mod bare;
pub mod draws;
pub mod ledger;
pub mod nodes;
pub mod on_sim;
pub mod paths;
pub mod queue;
pub mod round;
pub mod tally;

use std::time::Duration;

/// Intents in a run.
pub const INTENTS: usize = 20;
/// Steps of a job.
pub const STEPS: usize = 3;
/// The time between two submissions.
pub const BETWEEN_INTENTS: Duration = Duration::from_secs(3);
/// The one-way latency of a link.
pub const LINK: Duration = Duration::from_millis(5);
/// The timeout of a caller.
pub const TIMEOUT: Duration = Duration::from_secs(2);
/// The number of retries of a call.
pub const RETRIES: u32 = 8;
/// The time that a worker is down after a crash.
pub const AWAY: Duration = Duration::from_secs(1);

/// Returns the wait of a caller before it retries, after `tried` tries.
pub fn backoff(tried: u32) -> Duration {
    Duration::from_millis(100 << tried)
}

/// A process of the system.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Node {
    /// Submits intents.
    Client,
    /// Processes the jobs of intents; crashes.
    Worker,
    /// Executes their steps.
    Partner,
}

impl Node {
    /// All nodes.
    pub const ALL: [Node; 3] = [Node::Client, Node::Worker, Node::Partner];
}

/// The operation of a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Op {
    /// The client asks the worker to take an intent.
    Submit,
    /// The worker asks the partner to execute a step.
    Step,
    /// The partner reports an executed step to the worker.
    Notify,
}

impl Op {
    const ALL: [Op; 3] = [Op::Submit, Op::Step, Op::Notify];

    /// Returns the node that serves it.
    pub fn server(self) -> Node {
        if self == Op::Step { Node::Partner } else { Node::Worker }
    }

    /// Returns the node that calls it.
    pub fn caller(self) -> Node {
        match self {
            Op::Submit => Node::Client,
            Op::Step => Node::Worker,
            Op::Notify => Node::Partner,
        }
    }
}

/// One attempt at one call. It fits a word, as messages carry it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Call {
    /// The operation.
    pub op: Op,
    /// The intent.
    pub intent: u8,
    /// The step; 0 for a submission.
    pub step: u8,
    /// The number of earlier attempts at this call, over all crashes.
    pub attempt: u16,
}

impl Call {
    /// Returns the call as a word.
    pub fn word(self) -> u64 {
        (self.op as u64) << 32
            | u64::from(self.intent) << 24
            | u64::from(self.step) << 16
            | u64::from(self.attempt)
    }

    /// Returns the call of a word that [`Call::word`] returned.
    ///
    /// # Panics
    /// If the word is not a call.
    pub fn from_word(word: u64) -> Self {
        let op = Op::ALL[(word >> 32) as usize & 3];
        Self { op, intent: (word >> 24) as u8, step: (word >> 16) as u8, attempt: word as u16 }
    }
}
