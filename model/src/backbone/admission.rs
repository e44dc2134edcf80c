//! Admission: whether new work is accepted, asked before anything is promised.

use super::Backbone;
use super::jobs::JobState;
use crate::settings::{POOL, QUEUE_MAX};
use shakedown_sim::{StoreError, Transaction};

/// How much work the platform can hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Capacity {
    /// Jobs that its workers can work at once.
    pub workers: u32,
    /// Jobs that may wait.
    pub queue: u32,
}

impl Default for Capacity {
    fn default() -> Self {
        Self { workers: 2 * POOL, queue: QUEUE_MAX }
    }
}

/// How much work it holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Load {
    /// Jobs that wait in the queue.
    pub queued: u32,
    /// Jobs that are not over, waiting ones among them.
    pub live: u32,
    /// How much it can have.
    pub capacity: Capacity,
}

/// Whether the platform takes on one more job.
///
/// # Errors
/// If the store fails.
pub(crate) async fn admits(tx: &mut Transaction, backbone: &Backbone) -> Result<bool, StoreError> {
    let live = tx.scan(&backbone.jobs, |job| job.is_live()).await?;
    let queued = live.iter().filter(|job| job.state == JobState::Queued).count() as u32;
    let load = Load { queued, live: live.len() as u32, capacity: backbone.capacity };
    Ok(backbone.design.queued_state.admits(&load))
}
