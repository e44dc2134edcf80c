//! What every flow stands on: the store, durable jobs, mail, and the design that all of it is built with.
//!
//! A flow (booking, visits) keeps its own tables and rules and knows the backbone; the backbone knows no flow.

pub mod admission;
pub mod audit;
pub mod claims;
pub mod clock;
pub mod dependencies;
pub mod events;
pub mod jobs;
pub mod mail;
pub mod monitor;
pub mod outbox;
mod reply;
pub(crate) mod retry;
pub mod threads;
pub mod topic;
pub mod workers;

pub use reply::Reply;

use crate::facts::Fact;
use crate::terms::Jitter;
use crate::wiring::Design;
use admission::Capacity;
use audit::JobAttempt;
use clock::Clock;
use jobs::{Job, Replay};
use mail::Mail;
use outbox::Outbox;
use shakedown_sim::{Change, Env, Facts, Row, Signal, Store, Table};
use std::cell::Cell;
use topic::Topic;

/// What all nodes of the platform share: durable state and settings, no memory.
pub struct Backbone {
    /// The database.
    pub store: Store,
    /// Jobs of every kind.
    pub jobs: Table<Job>,
    /// Who had which dead letter replayed, and why.
    pub replays: Table<Replay>,
    /// Events that wait to be told, where somebody acts on them.
    pub outbox: Option<Outbox>,
    /// The part that sends mail, where there is one.
    pub mail: Option<Mail>,
    /// Raised when a row changes that a screen may show: one that asked in between would have been told nothing
    /// new.
    pub news: Signal,
    /// Where events are published, if they are.
    pub topic: Option<Topic>,
    /// What each attempt of a job did, if that is kept.
    pub audit: Option<Table<JobAttempt>>,
    pub(crate) capacity: Capacity,
    pub(crate) release: u32,
    clock: Clock,
    jitter: Jitter,
    pub(crate) design: Design,
    outbox_numbers: Sequence,
    job_numbers: Sequence,
}

impl Backbone {
    /// A backbone with empty tables.
    pub fn new(store: Store, design: Design, facts: &Facts<Fact>) -> Self {
        let news = Signal::new();
        let jobs = telling(facts, &news, |before, after| Fact::Job { before, after });
        let replays = stating(facts, |_, after| Fact::Replay(after));
        let (job_numbers, outbox_numbers) = (Sequence::default(), Sequence::default());
        Self {
            store,
            jobs,
            replays,
            outbox: None,
            topic: None,
            mail: None,
            news,
            audit: None,
            capacity: Capacity::default(),
            release: 1,
            clock: Clock::default(),
            jitter: Jitter::default(),
            design,
            outbox_numbers,
            job_numbers,
        }
    }

    /// With a record of what each attempt of a job did.
    pub fn with_audit(self, facts: &Facts<Fact>) -> Self {
        Self { audit: Some(stating(facts, |_, after| Fact::JobAttempt(after))), ..self }
    }

    /// For a platform that can have so much in hand.
    pub fn with_capacity(self, capacity: Capacity) -> Self {
        Self { capacity, ..self }
    }

    /// With waits of failed jobs of which chance makes this.
    pub fn with_jitter(self, jitter: Jitter) -> Self {
        Self { jitter, ..self }
    }

    /// With an outbox, whose events a relay tells.
    pub fn with_outbox(self, facts: &Facts<Fact>) -> Self {
        Self { outbox: Some(Outbox::stating(facts)), ..self }
    }

    /// With mail: those whom an event concerns are told.
    pub fn with_mail(self, mail: Mail) -> Self {
        Self { mail: Some(mail), ..self }
    }

    /// With a topic on which events are published.
    pub fn with_topic(self, topic: Topic) -> Self {
        Self { topic: Some(topic), ..self }
    }
}

/// A sequence of the database: a number that is taken is gone, whether its transaction commits or not.
#[derive(Default)]
pub(crate) struct Sequence(Cell<u32>);

impl Sequence {
    pub(crate) fn next(&self) -> u32 {
        self.0.set(self.0.get() + 1);
        self.0.get()
    }
}

/// A table whose commits are stated as facts, one for each row.
pub(crate) fn stating<R: Row>(
    facts: &Facts<Fact>,
    fact: impl Fn(Option<R>, R) -> Fact + 'static,
) -> Table<R> {
    telling(facts, &Signal::new(), fact)
}

/// A table whose commits are stated as facts, one for each row, and told to whoever waits for news.
pub(crate) fn telling<R: Row>(
    facts: &Facts<Fact>,
    news: &Signal,
    fact: impl Fn(Option<R>, R) -> Fact + 'static,
) -> Table<R> {
    let (facts, news) = (facts.clone(), news.clone());
    Table::new(move |env: &Env, change: &Change<R>| {
        if let Some(after) = change.after.clone() {
            facts.state(env, &fact(change.before.clone(), after));
        }
        news.raise(env);
    })
}
