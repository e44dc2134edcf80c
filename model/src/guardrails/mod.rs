//! The guardrails: components of the design that can be taken out. Each module holds its row of the table, the seam, the guarded
//! form, and the naive form that teams ship instead.

pub mod async_worker;
pub mod atomic_write;
pub mod audit_log;
pub mod background_sync;
pub mod booking_contract;
pub mod bounded_retry;
pub mod compatibility_check;
pub mod completion_monitoring;
pub mod completion_worker;
pub mod dead_letter;
pub mod delivery_queue;
pub mod durable_acceptance;
pub mod execution_log;
pub mod freshness_policy;
pub mod honest_acknowledgement;
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
pub mod release_feedback;
pub mod retry_safe_job;
pub mod staged_deploy;
pub mod status_sync;
pub mod web_contract;
pub mod work_queue;
pub mod worker_services;
pub mod workflow_service;

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
