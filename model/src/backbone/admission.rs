//! Admission: decides whether new work is accepted, before anything is promised.

use super::Backbone;
use super::jobs::JobState;
use crate::settings::{POOL, QUEUE_MAX};
use shakedown_sim::{StoreError, Transaction};

/// The capacity of the platform.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Capacity {
    /// The number of jobs that its workers can process at once.
    pub workers: u32,
    /// The number of jobs that may wait.
    pub queue: u32,
}

impl Default for Capacity {
    fn default() -> Self {
        Self { workers: 2 * POOL, queue: QUEUE_MAX }
    }
}

/// The present load.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Load {
    /// The number of jobs that wait in the queue.
    pub queued: u32,
    /// The number of unfinished jobs, waiting ones included.
    pub live: u32,
    /// The capacity.
    pub capacity: Capacity,
}

/// Returns whether the platform accepts one more job.
///
/// # Errors
/// If the store fails.
pub(crate) async fn admits(tx: &mut Transaction, backbone: &Backbone) -> Result<bool, StoreError> {
    let live = tx.scan(&backbone.jobs, |job| job.is_live()).await?;
    let queued = live.iter().filter(|job| job.state == JobState::Queued).count() as u32;
    let load = Load { queued, live: live.len() as u32, capacity: backbone.capacity };
    Ok(backbone.design.queued_state.admits(&load))
}
