//! The guardrails: components of the design that can be taken out. Each module holds the seam, the guarded
//! form, and the naive form that teams ship instead.

pub mod async_worker;
pub mod atomic_write;
pub mod audit_log;
pub mod background_sync;
pub mod booking_contract;
pub mod bounded_retry;
pub mod dead_letter;
pub mod delivery_queue;
pub mod durable_acceptance;
pub mod execution_log;
pub mod freshness_policy;
pub mod idempotency_store;
pub mod invalidation;
pub mod job_queue;
pub mod notification_log;
pub mod notification_service;
pub mod operational_status_view;
pub mod outbox;
pub mod queued_state;
pub mod read_cache;
pub mod read_model;
pub mod retry_safe_job;
pub mod status_sync;
pub mod workflow_service;
