//! One run of a booking's job: checks that it holds the job, and ends the job when its result also goes to a screen.

use super::platform::Platform;
use super::rows::Booking;
use super::screens;
use super::worker::STORE_TRIES;
use crate::backbone::jobs::{self, Job};
use crate::backbone::retry::in_transaction;
use crate::backbone::workers::STORE_AGAIN;
use shakedown_sim::{Env, StoreError, Transaction};
use std::cell::Cell;
use std::rc::Rc;

/// One run of a job.
pub struct Run {
    /// The platform.
    pub(super) platform: Rc<Platform>,
    /// The job, as it was claimed.
    pub(super) job: Job,
    over: Cell<bool>,
}

impl Run {
    /// Creates the run of a claimed job.
    pub(super) fn of(platform: &Rc<Platform>, job: Job) -> Self {
        Self { platform: Rc::clone(platform), job, over: Cell::new(false) }
    }

    /// Returns whether its job is acknowledged.
    pub(crate) fn is_over(&self) -> bool {
        self.over.get()
    }

    /// Returns the current job, if this run may still move it. A job that this run has acknowledged is not moved by
    /// others.
    ///
    /// # Errors
    /// If the store fails.
    pub(super) async fn hold(&self, tx: &mut Transaction) -> Result<Option<Job>, StoreError> {
        match self.is_over() {
            true => Ok(Some(self.job)),
            false => jobs::hold(tx, &self.platform.backbone, &self.job).await,
        }
    }

    /// Returns the current booking of the job; `None` if the database fails.
    pub(crate) async fn booking(&self, env: &Env) -> Option<Booking> {
        let mut read = self.platform.backbone.store.begin(env);
        read.get(&self.platform.tables.bookings, &self.job.subject).await.ok().flatten()
    }

    /// Sends this version of the booking to the customer's screen.
    pub(crate) async fn push(&self, env: &Env, booking: &Booking) {
        screens::push(env, &self.platform, booking).await;
    }

    /// Acknowledges the job. If the database fails for too long, the job is not acknowledged and will run again.
    pub(crate) async fn acknowledge(&self, env: &Env) {
        for _ in 0..STORE_TRIES {
            match in_transaction(env, async || self.end(env).await).await {
                Ok(()) => return self.over.set(true),
                Err(_) => env.sleep(STORE_AGAIN).await,
            }
        }
    }

    async fn end(&self, env: &Env) -> Result<(), StoreError> {
        let backbone = &self.platform.backbone;
        let mut tx = backbone.store.begin(env);
        let Some(held) = jobs::hold(&mut tx, backbone, &self.job).await? else { return Ok(()) };
        jobs::succeed(&mut tx, backbone, &held, backbone.now(env)).await?;
        tx.commit("job done").await
    }
}
