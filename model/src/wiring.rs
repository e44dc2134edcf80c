//! Which form of each guardrail a platform is built with: the one table that names them.

use crate::guardrails::async_worker::{AfterTheAnswer, AsyncWorker, WithinTheRequest};
use crate::guardrails::atomic_write::{AtomicWrite, EventThenRow, OneTransaction, RowThenEvent};
use crate::guardrails::audit_log::{AuditLog, LastResult, RecordPerAttempt};
use crate::guardrails::background_sync::{BackgroundSync, InTheRequest, Workers};
use crate::guardrails::booking_contract::{BookingContract, LastWriterWins, Rules};
use crate::guardrails::bounded_retry::{AtOnceForEver, Bounded, BoundedRetry, Never};
use crate::guardrails::dead_letter::{DeadLetter, Deleted, Parked, ReturnedByTimer};
use crate::guardrails::delivery_queue::{DeliveryQueue, InTheAction, Queued};
use crate::guardrails::durable_acceptance::{AnswerFirst, CommitFirst, DurableAcceptance};
use crate::guardrails::execution_log::{ExecutionLog, RowAfterCall, RowBeforeCall};
use crate::guardrails::freshness_policy::{FreshnessPolicy, LockedRow, WhatTheCacheHas};
use crate::guardrails::idempotency_store::{EachSubmitNew, IdempotencyStore, QuoteOnce};
use crate::guardrails::invalidation::{DeletedAndLeased, FilledAtWill, Invalidation, TimeToLive};
use crate::guardrails::job_queue::{InProcess, JobQueue, Rows};
use crate::guardrails::notification_log::{NotificationLog, RowAfterSend, RowBeforeSend};
use crate::guardrails::notification_service::{EachCaller, NotificationService, PlanOfEvent};
use crate::guardrails::operational_status_view::{OperationalStatusView, TheRowAlone, WhatHappened};
use crate::guardrails::outbox::{Outbox, PublishedAfterCommit, Relayed};
use crate::guardrails::queued_state::{FreeWorkerOrError, QueuedState, Waits};
use crate::guardrails::read_cache::{AllAtPrimary, ReadCache, ThroughCache};
use crate::guardrails::read_model::{Projection, ReadModel, Stitched};
use crate::guardrails::retry_safe_job::{FirstErrorFinal, KeyOfAttempt, KeyOfBooking, RetrySafeJob};
use crate::guardrails::status_sync::{Recovery, ResendAndBelieve, StatusSync};
use crate::guardrails::workflow_service::{EachItsOwn, OneFunction, WorkflowService};

/// A component that can be taken out.
#[derive(Clone, Copy, Debug)]
pub struct Guardrail {
    /// Its name, as `--without` takes it.
    pub name: &'static str,
    /// The system that it belongs to.
    pub system: &'static str,
    /// What it does.
    pub guarded: &'static str,
    /// What is built instead where it is missing: one or two forms, `NAME:a` and `NAME:b`.
    pub naive: &'static [Naive],
}

/// What teams ship in place of a guardrail.
#[derive(Clone, Copy, Debug)]
pub struct Naive {
    /// What it does.
    pub what: &'static str,
    /// The claims about the whole platform that no longer hold: it is caught when one of them is broken.
    pub breaks: &'static [&'static str],
    /// Guardrails that repair the damage: they are taken out with it where it is to be shown.
    pub masked_by: &'static [&'static str],
}

impl Guardrail {
    /// The names of its forms, as `--without` takes them: `NAME`, or `NAME:a` and `NAME:b`.
    pub fn forms(&self) -> impl Iterator<Item = (String, &'static Naive)> + '_ {
        let several = self.naive.len() > 1;
        let name = self.name;
        self.naive.iter().zip(["a", "b"]).map(move |(naive, form)| {
            (if several { format!("{name}:{form}") } else { name.to_owned() }, naive)
        })
    }
}

/// All of them, in the order of the systems.
pub const GUARDRAILS: &[Guardrail] = &[
    Guardrail {
        name: "booking-contract",
        system: "booking",
        guarded: "one set of statuses, one translation per partner, rules for every move",
        naive: &[Naive {
            what: "connector, callback and client each map words; the last writer wins",
            breaks: &["legal-transitions-only", "screens-agree-at-rest"],
            masked_by: &[],
        }],
    },
    Guardrail {
        name: "background-sync",
        system: "booking",
        guarded: "the order is committed and answered; workers call the partner",
        naive: &[Naive {
            what: "the partner is called within the request",
            breaks: &["requests-answer-in-time", "no-dependency-failure-shown"],
            masked_by: &[],
        }],
    },
    Guardrail {
        name: "status-sync",
        system: "booking",
        guarded: "lookups, callbacks as hints, the partner's statement, compensation",
        naive: &[Naive {
            what: "sends again after a timeout, believes callbacks",
            breaks: &["no-orphan-reservation", "charged-at-most-once", "local-and-partner-agree"],
            masked_by: &[],
        }],
    },
    Guardrail {
        name: "workflow-service",
        system: "visit",
        guarded: "one function moves a visit, by one set of rules, from the state that it holds",
        naive: &[Naive {
            what: "controller, importer and nightly job each load, check and save",
            breaks: &["legal-transitions-only"],
            masked_by: &[],
        }],
    },
    Guardrail {
        name: "async-worker",
        system: "visit",
        guarded: "the visit is committed and answered; workers make its documents",
        naive: &[Naive {
            what: "the document is made within the request",
            breaks: &["requests-answer-in-time", "no-dependency-failure-shown"],
            masked_by: &[],
        }],
    },
    Guardrail {
        name: "operational-status-view",
        system: "visit",
        guarded: "shows transition, report, message and attempts; a replay does what lacks",
        naive: &[Naive {
            what: "shows the visit's row; a replay runs all of it again",
            breaks: &["no-premature-success", "replay-is-safe"],
            masked_by: &[],
        }],
    },
    Guardrail {
        name: "idempotency-store",
        system: "idempotency",
        guarded: "a quote can be accepted once, for good; another payload is refused",
        naive: &[Naive {
            what: "each submission is a new order",
            breaks: &["one-booking-per-intent", "exactly-one-reservation-per-intent"],
            masked_by: &[],
        }],
    },
    Guardrail {
        name: "retry-safe-job",
        system: "idempotency",
        guarded: "the key is the booking's and its generation's",
        naive: &[
            Naive {
                what: "a new key for each attempt",
                breaks: &["exactly-one-reservation-per-intent"],
                masked_by: &[],
            },
            Naive { what: "the first error is final", breaks: &["transient-faults-heal"], masked_by: &[] },
        ],
    },
    Guardrail {
        name: "execution-log",
        system: "idempotency",
        guarded: "a row before each call to the partner, its answer after",
        naive: &[Naive {
            what: "the row is written when the call returns",
            breaks: &["every-side-effect-accounted", "exactly-one-reservation-per-intent"],
            masked_by: &[],
        }],
    },
    Guardrail {
        name: "atomic-write",
        system: "consistency",
        guarded: "a row and its event are written in one transaction",
        naive: &[
            Naive {
                what: "the row is committed, then the event",
                breaks: &["no-lost-event"],
                masked_by: &[],
            },
            Naive {
                what: "the event is committed, then the row",
                breaks: &["no-phantom-event"],
                masked_by: &[],
            },
        ],
    },
    Guardrail {
        name: "outbox",
        system: "consistency",
        guarded: "events wait in the database until a relay has told them to everybody",
        naive: &[Naive {
            what: "whoever has committed the row publishes the event",
            breaks: &["no-lost-event"],
            masked_by: &[],
        }],
    },
    Guardrail {
        name: "read-model",
        system: "consistency",
        guarded: "a list shows one committed version of a row, from a projection",
        naive: &[Naive {
            what: "a list is stitched together from our row and the partner's live answer",
            breaks: &["screens-show-one-version", "screens-agree-at-rest"],
            masked_by: &[],
        }],
    },
    Guardrail {
        name: "notification-service",
        system: "notifications",
        guarded: "one plan for each event: recipients, version of the text, policy",
        naive: &[Naive {
            what: "each caller has mail sent when it sees a change, in the text of the moment",
            breaks: &["one-message-per-event-and-recipient", "right-template"],
            masked_by: &[],
        }],
    },
    Guardrail {
        name: "delivery-queue",
        system: "notifications",
        guarded: "mail is queued with the event; mailers send it",
        naive: &[Naive {
            what: "mail is sent within the action",
            breaks: &["requests-answer-in-time", "no-dependency-failure-shown"],
            masked_by: &[],
        }],
    },
    Guardrail {
        name: "notification-log",
        system: "notifications",
        guarded: "a row before each send, its answer and the provider's news after",
        naive: &[Naive {
            what: "the row is written when the send returns",
            breaks: &["one-message-per-event-and-recipient", "delivery-known-or-flagged"],
            masked_by: &[],
        }],
    },
    Guardrail {
        name: "freshness-policy",
        system: "caching",
        guarded: "orders are decided on the locked row in the database, never on the cache",
        naive: &[Naive {
            what: "orders are decided on what the cache has",
            breaks: &["no-stale-decision"],
            masked_by: &[],
        }],
    },
    Guardrail {
        name: "read-cache",
        system: "caching",
        guarded: "pages are read through the cache: one fills, few wait at the database",
        naive: &[Naive {
            what: "each page asks the database",
            breaks: &["primary-within-capacity", "requests-answer-in-time"],
            masked_by: &[],
        }],
    },
    Guardrail {
        name: "invalidation",
        system: "caching",
        guarded: "changes leave the cache from the outbox on, and a fill needs its lease",
        naive: &[
            Naive {
                what: "what is cached ends with its time to live",
                breaks: &["staleness-bounded"],
                masked_by: &[],
            },
            Naive {
                what: "whoever has read something puts it into the cache",
                breaks: &["staleness-bounded"],
                masked_by: &[],
            },
        ],
    },
    Guardrail {
        name: "durable-acceptance",
        system: "jobs",
        guarded: "committed, then answered; after an unknown commit one asks again with the same key",
        naive: &[Naive { what: "answered, then saved", breaks: &["accepted-means-durable"], masked_by: &[] }],
    },
    Guardrail {
        name: "job-queue",
        system: "jobs",
        guarded: "a job is a row, kept with what it is owed to",
        naive: &[Naive {
            what: "a task of the process that answered",
            breaks: &["accepted-work-finishes"],
            masked_by: &[],
        }],
    },
    Guardrail {
        name: "audit-log",
        system: "jobs",
        guarded: "a record for each attempt of a job: who made it, what it touched, how it ended",
        naive: &[Naive {
            what: "one last result for a job, overwritten by its next attempt",
            breaks: &["every-side-effect-accounted"],
            masked_by: &[],
        }],
    },
    Guardrail {
        name: "queued-state",
        system: "job lifecycle",
        guarded: "work waits in the queue until a worker is free; only a full queue refuses, before it promises",
        naive: &[Naive {
            what: "work is handed to a free worker; none is an error",
            breaks: &["spikes-absorbed"],
            masked_by: &[],
        }],
    },
    Guardrail {
        name: "bounded-retry",
        system: "job lifecycle",
        guarded: "attempts counted at the claim; backoff, a budget for retries, a breaker",
        naive: &[
            Naive {
                what: "what failed is tried again at once, for ever",
                breaks: &["attempts-bounded", "goodput-recovers"],
                masked_by: &[],
            },
            Naive {
                what: "what failed is never tried again",
                breaks: &["transient-faults-heal"],
                masked_by: &[],
            },
        ],
    },
    Guardrail {
        name: "dead-letter",
        system: "job lifecycle",
        guarded: "what is given up is listed; a person looks, and has it replayed with a reason",
        naive: &[
            Naive {
                what: "what is given up is deleted",
                breaks: &["accepted-work-finishes"],
                masked_by: &[],
            },
            Naive {
                what: "a timer sends back what was given up",
                breaks: &["unsafe-work-never-replays-by-itself"],
                masked_by: &[],
            },
        ],
    },
];

/// The forms that a platform is built with.
pub struct Design {
    pub(crate) contract: Box<dyn BookingContract>,
    pub(crate) acceptance: Box<dyn BackgroundSync>,
    pub(crate) recovery: Box<dyn StatusSync>,
    pub(crate) dedup: Box<dyn IdempotencyStore>,
    pub(crate) retry: Box<dyn RetrySafeJob>,
    pub(crate) log: Box<dyn ExecutionLog>,
    pub(crate) atomic: Box<dyn AtomicWrite>,
    pub(crate) outbox: Box<dyn Outbox>,
    pub(crate) lists: Box<dyn ReadModel>,
    pub(crate) audit_log: Box<dyn AuditLog>,
    pub(crate) queued_state: Box<dyn QueuedState>,
    pub(crate) bounded_retry: Box<dyn BoundedRetry>,
    pub(crate) dead_letter: Box<dyn DeadLetter>,
    pub(crate) notifications: Box<dyn NotificationService>,
    pub(crate) delivery: Box<dyn DeliveryQueue>,
    pub(crate) mail_log: Box<dyn NotificationLog>,
    pub(crate) freshness: Box<dyn FreshnessPolicy>,
    pub(crate) reads: Box<dyn ReadCache>,
    pub(crate) invalidation: Box<dyn Invalidation>,
    pub(crate) workflow: Box<dyn WorkflowService>,
    pub(crate) reporting: Box<dyn AsyncWorker>,
    pub(crate) status: Box<dyn OperationalStatusView>,
    pub(crate) taking_on: Box<dyn DurableAcceptance>,
    pub(crate) queue: Box<dyn JobQueue>,
}

/// A name that is no guardrail's.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("`{0}` is no guardrail")]
pub struct UnknownGuardrail(pub String);

impl Design {
    /// The design with every guardrail in place.
    pub fn guarded() -> Self {
        Self {
            contract: Box::new(Rules),
            acceptance: Box::new(Workers),
            recovery: Box::new(Recovery),
            dedup: Box::new(QuoteOnce),
            retry: Box::new(KeyOfBooking),
            log: Box::new(RowBeforeCall),
            atomic: Box::new(OneTransaction),
            outbox: Box::new(Relayed),
            lists: Box::new(Projection),
            audit_log: Box::new(RecordPerAttempt),
            queued_state: Box::new(Waits),
            bounded_retry: Box::new(Bounded),
            dead_letter: Box::new(Parked),
            notifications: Box::new(PlanOfEvent),
            delivery: Box::new(Queued),
            mail_log: Box::new(RowBeforeSend),
            freshness: Box::new(LockedRow),
            reads: Box::new(ThroughCache),
            invalidation: Box::new(DeletedAndLeased),
            workflow: Box::new(OneFunction),
            reporting: Box::new(AfterTheAnswer),
            status: Box::new(WhatHappened),
            taking_on: Box::new(CommitFirst),
            queue: Box::new(Rows),
        }
    }

    /// The design without these guardrails, each replaced by its naive form (`NAME` means `NAME:a`).
    ///
    /// # Errors
    /// A name that is none of [`GUARDRAILS`] with one of its forms.
    ///
    /// ```
    /// use shakedown_model::Design;
    /// assert!(Design::without(&["execution-log".to_owned()]).is_ok());
    /// assert!(Design::without(&["execution-log:b".to_owned()]).is_err());
    /// ```
    pub fn without(names: &[String]) -> Result<Self, UnknownGuardrail> {
        let mut design = Self::guarded();
        for name in names {
            match name.strip_suffix(":a").unwrap_or(name) {
                "booking-contract" => design.contract = Box::new(LastWriterWins),
                "background-sync" => design.acceptance = Box::new(InTheRequest),
                "status-sync" => design.recovery = Box::new(ResendAndBelieve),
                "idempotency-store" => design.dedup = Box::new(EachSubmitNew),
                "retry-safe-job" => design.retry = Box::new(KeyOfAttempt),
                "retry-safe-job:b" => design.retry = Box::new(FirstErrorFinal),
                "execution-log" => design.log = Box::new(RowAfterCall),
                "atomic-write" => design.atomic = Box::new(RowThenEvent),
                "atomic-write:b" => design.atomic = Box::new(EventThenRow),
                "outbox" => design.outbox = Box::new(PublishedAfterCommit),
                "read-model" => design.lists = Box::new(Stitched),
                "notification-service" => design.notifications = Box::new(EachCaller),
                "delivery-queue" => design.delivery = Box::new(InTheAction),
                "notification-log" => design.mail_log = Box::new(RowAfterSend),
                "freshness-policy" => design.freshness = Box::new(WhatTheCacheHas),
                "read-cache" => design.reads = Box::new(AllAtPrimary),
                "invalidation" => design.invalidation = Box::new(TimeToLive),
                "invalidation:b" => design.invalidation = Box::new(FilledAtWill),
                "workflow-service" => design.workflow = Box::new(EachItsOwn),
                "async-worker" => design.reporting = Box::new(WithinTheRequest),
                "operational-status-view" => design.status = Box::new(TheRowAlone),
                "durable-acceptance" => design.taking_on = Box::new(AnswerFirst),
                "job-queue" => design.queue = Box::new(InProcess),
                "audit-log" => design.audit_log = Box::new(LastResult),
                "queued-state" => design.queued_state = Box::new(FreeWorkerOrError),
                "bounded-retry" => design.bounded_retry = Box::new(AtOnceForEver),
                "bounded-retry:b" => design.bounded_retry = Box::new(Never),
                "dead-letter" => design.dead_letter = Box::new(Deleted),
                "dead-letter:b" => design.dead_letter = Box::new(ReturnedByTimer),
                _ => return Err(UnknownGuardrail(name.clone())),
            }
        }
        Ok(design)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_every_guardrail_can_be_taken_out() {
        for guardrail in GUARDRAILS {
            assert!((1..=2).contains(&guardrail.naive.len()), "{}", guardrail.name);
            let forms = guardrail.forms().map(|(name, _)| name);
            for name in forms.chain([guardrail.name.to_owned()]) {
                assert!(Design::without(&[name]).is_ok(), "{}", guardrail.name);
            }
        }
        let error = Design::without(&["seat-belt".to_owned()]).err();
        assert_eq!(error, Some(UnknownGuardrail("seat-belt".to_owned())));
    }
}
