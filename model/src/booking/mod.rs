//! The booking flow: a customer's order, executed at a partner.
//!
//! Modules in reading order: durable state ([`rows`]), the logic ([`case`], `change`, [`connector`], [`platform`],
//! [`screens`], [`run`], [`worker`], `evidence`, [`events`], [`inbox`], [`cache`], [`offers`], [`promises`], [`statement`],
//! [`summaries`], [`review_queue`], [`api`]), the customers' view ([`clients`]), and the flow's facts ([`facts`],
//! [`offer_facts`]). The `guardrails!` table lists the guardrails of the flow.

pub mod api;
pub mod cache;
pub mod case;
mod change;
pub mod clients;
pub mod connector;
pub mod events;
mod evidence;
pub mod facts;
pub mod inbox;
pub mod offer_facts;
pub mod offers;
pub mod platform;
pub mod promises;
pub mod review_queue;
pub mod rows;
pub mod run;
pub mod screens;
pub mod statement;
pub mod summaries;
pub mod worker;

guardrails! {
    booking_contract: BookingContract = Rules | LastWriterWins;
    background_sync: BackgroundSync = Workers | InTheRequest;
    status_sync: StatusSync = Recovery | ResendAndBelieve;
    idempotency_store: IdempotencyStore = QuoteOnce | EachSubmitNew;
    retry_safe_job: RetrySafeJob = KeyOfBooking | KeyOfAttempt | FirstErrorFinal;
    execution_log: ExecutionLog = RowBeforeCall | RowAfterCall;
    read_model: ReadModel = Projection | Stitched;
    honest_acknowledgement: HonestAcknowledgement = WhatIsSo | AsGoodAsDone;
    work_queue: WorkQueue = RowWithTheOrder | PushedBeforeCommit;
    completion_worker: CompletionWorker = StoreTellAck | AckTellStore;
    freshness_policy: FreshnessPolicy = LockedRow | WhatTheCacheHas;
    read_cache: ReadCache = ThroughCache | AllAtPrimary;
    invalidation: Invalidation = DeletedAndLeased | TimeToLive | FilledAtWill;
    web_contract: WebContract = AsTheApiSays | EachItsOwnWords;
}

use crate::guardrail::guardrails;

pub use platform::{JOB, Platform};
