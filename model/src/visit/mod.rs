//! The visit flow: clinics schedule patients, operators see them, and mail announces their report.
//!
//! Modules in reading order: durable state ([`rows`]), the rules ([`rules`]), the only code that writes a visit ([`change`]) and its events
//! ([`events`]), its external calls ([`connector`], [`report`]), its status ([`view`]), and its API ([`api`], [`close`], [`reminders`]); [`platform`] joins
//! the parts, [`facts`] are the flow's facts. The `guardrails!` table lists the guardrails of the flow.

pub mod api;
pub mod change;
pub mod close;
pub mod connector;
pub mod events;
pub mod facts;
pub mod platform;
pub mod reminders;
pub mod report;
pub mod rows;
pub mod rules;
pub mod view;

guardrails! {
    workflow_service: WorkflowService = OneFunction | EachItsOwn;
    async_worker: AsyncWorker = AfterTheAnswer | WithinTheRequest;
    operational_status_view: OperationalStatusView = WhatHappened | TheRowAlone;
    local_calendar: LocalCalendar = DaysOfTheZone | DaysOf24Hours;
    durable_acceptance: DurableAcceptance = CommitFirst | AnswerFirst;
    job_queue: JobQueue = Rows | InProcess;
}

use crate::guardrail::guardrails;

pub use platform::{JOB, Platform};
