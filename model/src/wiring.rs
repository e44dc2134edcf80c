//! Which form of each guardrail a platform is built with: the one table that names them.

use crate::guardrails::async_worker::{AfterTheAnswer, AsyncWorker, WithinTheRequest};
use crate::guardrails::atomic_write::{AtomicWrite, EventThenRow, OneTransaction, RowThenEvent};
use crate::guardrails::audit_log::{AuditLog, LastResult, RecordPerAttempt};
use crate::guardrails::background_sync::{BackgroundSync, InTheRequest, Workers};
use crate::guardrails::booking_contract::{BookingContract, LastWriterWins, Rules};
use crate::guardrails::bounded_retry::{AtOnceForEver, Bounded, BoundedRetry, Never};
use crate::guardrails::compatibility_check::{CompatibilityCheck, Tried, Untried};
use crate::guardrails::completion_monitoring::{AgeAgainstPromise, CompletionMonitoring, HealthAndErrors};
use crate::guardrails::completion_worker::{AckTellStore, CompletionWorker, StoreTellAck};
use crate::guardrails::dead_letter::{DeadLetter, Deleted, Parked, ReturnedByTimer};
use crate::guardrails::delivery_queue::{DeliveryQueue, InTheAction, Queued};
use crate::guardrails::durable_acceptance::{AnswerFirst, CommitFirst, DurableAcceptance};
use crate::guardrails::execution_log::{ExecutionLog, RowAfterCall, RowBeforeCall};
use crate::guardrails::freshness_policy::{FreshnessPolicy, LockedRow, WhatTheCacheHas};
use crate::guardrails::honest_acknowledgement::{AsGoodAsDone, HonestAcknowledgement, WhatIsSo};
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
use crate::guardrails::release_feedback::{ByResults, Green, ReleaseFeedback};
use crate::guardrails::retry_safe_job::{FirstErrorFinal, KeyOfAttempt, KeyOfBooking, RetrySafeJob};
use crate::guardrails::staged_deploy::{ProducersFirst, Staged, StagedDeploy};
use crate::guardrails::status_sync::{Recovery, ResendAndBelieve, StatusSync};
use crate::guardrails::web_contract::{AsTheApiSays, EachItsOwnWords, WebContract};
use crate::guardrails::work_queue::{PushedBeforeCommit, RowWithTheOrder, WorkQueue};
use crate::guardrails::worker_services::{OwnNodes, WebThreads, WorkerServices};
use crate::guardrails::workflow_service::{EachItsOwn, OneFunction, WorkflowService};
use crate::guardrails::{self, Guardrail};

/// All of them, in the order of the systems.
pub const GUARDRAILS: &[Guardrail] = &[
    guardrails::booking_contract::ROW,
    guardrails::background_sync::ROW,
    guardrails::status_sync::ROW,
    guardrails::workflow_service::ROW,
    guardrails::async_worker::ROW,
    guardrails::operational_status_view::ROW,
    guardrails::idempotency_store::ROW,
    guardrails::retry_safe_job::ROW,
    guardrails::execution_log::ROW,
    guardrails::atomic_write::ROW,
    guardrails::outbox::ROW,
    guardrails::read_model::ROW,
    guardrails::honest_acknowledgement::ROW,
    guardrails::work_queue::ROW,
    guardrails::completion_worker::ROW,
    guardrails::notification_service::ROW,
    guardrails::delivery_queue::ROW,
    guardrails::notification_log::ROW,
    guardrails::freshness_policy::ROW,
    guardrails::read_cache::ROW,
    guardrails::invalidation::ROW,
    guardrails::web_contract::ROW,
    guardrails::worker_services::ROW,
    guardrails::completion_monitoring::ROW,
    guardrails::durable_acceptance::ROW,
    guardrails::job_queue::ROW,
    guardrails::audit_log::ROW,
    guardrails::compatibility_check::ROW,
    guardrails::staged_deploy::ROW,
    guardrails::release_feedback::ROW,
    guardrails::queued_state::ROW,
    guardrails::bounded_retry::ROW,
    guardrails::dead_letter::ROW,
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
    pub(crate) acknowledgement: Box<dyn HonestAcknowledgement>,
    pub(crate) work_queue: Box<dyn WorkQueue>,
    pub(crate) completion: Box<dyn CompletionWorker>,
    pub(crate) audit_log: Box<dyn AuditLog>,
    pub(crate) compatibility: Box<dyn CompatibilityCheck>,
    pub(crate) deploy: Box<dyn StagedDeploy>,
    pub(crate) feedback: Box<dyn ReleaseFeedback>,
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
    pub(crate) web_contract: Box<dyn WebContract>,
    pub(crate) services: Box<dyn WorkerServices>,
    pub(crate) monitoring: Box<dyn CompletionMonitoring>,
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
            acknowledgement: Box::new(WhatIsSo),
            work_queue: Box::new(RowWithTheOrder),
            completion: Box::new(StoreTellAck),
            audit_log: Box::new(RecordPerAttempt),
            compatibility: Box::new(Tried),
            deploy: Box::new(Staged),
            feedback: Box::new(ByResults),
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
            web_contract: Box::new(AsTheApiSays),
            services: Box::new(OwnNodes),
            monitoring: Box::new(AgeAgainstPromise),
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
                "honest-acknowledgement" => design.acknowledgement = Box::new(AsGoodAsDone),
                "work-queue" => design.work_queue = Box::new(PushedBeforeCommit),
                "completion-worker" => design.completion = Box::new(AckTellStore),
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
                "compatibility-check" => design.compatibility = Box::new(Untried),
                "staged-deploy" => design.deploy = Box::new(ProducersFirst),
                "release-feedback" => design.feedback = Box::new(Green),
                "queued-state" => design.queued_state = Box::new(FreeWorkerOrError),
                "bounded-retry" => design.bounded_retry = Box::new(AtOnceForEver),
                "bounded-retry:b" => design.bounded_retry = Box::new(Never),
                "dead-letter" => design.dead_letter = Box::new(Deleted),
                "dead-letter:b" => design.dead_letter = Box::new(ReturnedByTimer),
                "web-contract" => design.web_contract = Box::new(EachItsOwnWords),
                "worker-services" => design.services = Box::new(WebThreads),
                "completion-monitoring" => design.monitoring = Box::new(HealthAndErrors),
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
