//! The base of every flow: the store, durable jobs, events, mail, the monitor.
//!
//! A flow (booking, visits) keeps its own tables and rules and imports the backbone. The backbone imports no flow.
//!
//! Reading order: jobs ([`jobs`], [`leases`], [`workers`], [`dependencies`], [`admission`], [`audit`]), events
//! ([`events`], [`relay`], [`topic`]), mail ([`mail`]), the monitor ([`monitor`]), and shared parts ([`clock`],
//! `retry`, `tables`, [`threads`]). The `guardrails!` table lists the guardrails of the backbone.

pub mod admission;
pub mod audit;
pub mod clock;
pub mod dependencies;
pub mod events;
pub mod facts;
pub mod jobs;
pub mod leases;
pub mod mail;
pub mod monitor;
pub mod relay;
mod reply;
pub(crate) mod retry;
pub(crate) mod tables;
pub mod threads;
pub mod topic;
pub mod workers;

guardrails! {
    atomic_write: AtomicWrite = OneTransaction | RowThenEvent | EventThenRow;
    outbox: Outbox = Relayed | PublishedAfterCommit;
    worker_services: WorkerServices = OwnNodes | WebThreads;
    completion_monitoring: CompletionMonitoring = AgeAgainstPromise | HealthAndErrors;
    audit_log: AuditLog = RecordPerAttempt | LastResult;
    queued_state: QueuedState = Waits | FreeWorkerOrError;
    bounded_retry: BoundedRetry = Bounded | AtOnceForEver | Never;
    dead_letter: DeadLetter = Parked | Deleted | ReturnedByTimer;
}

pub use reply::{Code, Reply};

use crate::guardrail::guardrails;
use crate::settings::Jitter;
use admission::Capacity;
use audit::JobAttempt;
use clock::Clock;
use facts::JobFact;
use jobs::{Job, Replay};
use relay::{Outbox, Posted};
use shakedown_sim::{Fact, Facts, Signal, Store, Table};
use std::cell::Cell;
use std::rc::Rc;
use tables::{raising, stating};
use topic::Topic;

/// The state that all nodes of the platform share: durable data and settings, no memory.
pub struct Backbone {
    /// The database.
    pub store: Store,
    /// Jobs of every kind.
    pub jobs: Table<Job>,
    /// The records of replayed dead letters, with their reasons.
    pub replays: Table<Replay>,
    /// Events that wait to be published, if there are consumers.
    pub outbox: Option<Outbox>,
    /// Raised when a row changes that a screen may show: a screen that polled in between would have seen no change.
    pub news: Signal,
    /// The topic on which events are published, if there is one.
    pub topic: Option<Topic>,
    /// The audit log of job attempts, if it is kept.
    pub audit: Option<Table<JobAttempt>>,
    pub(crate) capacity: Capacity,
    pub(crate) release: u32,
    listener: Option<Rc<dyn events::Listener>>,
    clock: Clock,
    jitter: Jitter,
    pub(crate) design: Design,
    outbox_numbers: RowNumbers,
    job_numbers: RowNumbers,
}

impl Backbone {
    /// Creates a backbone with empty tables.
    pub fn new<F>(store: Store, design: Design, facts: &Facts<F>) -> Self
    where
        F: Fact + From<JobFact> + 'static,
    {
        let news = Signal::new();
        let jobs = raising(facts, &news, |before, after| JobFact::Changed { before, after });
        let replays = stating(facts, |_, after| JobFact::Replayed(after));
        let (job_numbers, outbox_numbers) = (RowNumbers::default(), RowNumbers::default());
        Self {
            store,
            jobs,
            replays,
            outbox: None,
            topic: None,
            news,
            audit: None,
            capacity: Capacity::default(),
            release: 1,
            listener: None,
            clock: Clock::default(),
            jitter: Jitter::default(),
            design,
            outbox_numbers,
            job_numbers,
        }
    }

    /// Adds an audit log of job attempts.
    pub fn with_audit<F: Fact + From<JobFact> + 'static>(self, facts: &Facts<F>) -> Self {
        Self { audit: Some(stating(facts, |_, after| JobFact::Attempt(after))), ..self }
    }

    /// Sets the capacity.
    pub fn with_capacity(self, capacity: Capacity) -> Self {
        Self { capacity, ..self }
    }

    /// Sets the jitter of the waits of failed jobs.
    pub fn with_jitter(self, jitter: Jitter) -> Self {
        Self { jitter, ..self }
    }

    /// Adds an outbox, whose events a relay publishes.
    pub fn with_outbox<F: Fact + From<Posted> + 'static>(self, facts: &Facts<F>) -> Self {
        Self { outbox: Some(Outbox::stating(facts)), ..self }
    }

    /// Adds a part that acts on events within their transactions, such as [`mail`].
    pub fn with_listener(self, listener: Rc<dyn events::Listener>) -> Self {
        Self { listener: Some(listener), ..self }
    }

    /// Adds a topic on which events are published.
    pub fn with_topic(self, topic: Topic) -> Self {
        Self { topic: Some(topic), ..self }
    }
}

/// Hands out the numbers of new rows. A number is never returned, whether its transaction commits or not.
///
/// This is not the engine's `Sequence`: a draw there is a statement, with a round trip, faults and choices of its own.
/// The flows insert with numbers that cost no statement, so scripts and certificates need not cover such faults.
#[derive(Default)]
pub(crate) struct RowNumbers(Cell<u32>);

impl RowNumbers {
    pub(crate) fn next(&self) -> u32 {
        self.0.set(self.0.get() + 1);
        self.0.get()
    }
}
