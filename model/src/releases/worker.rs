//! Workers: process messages in the format of the release that their machine runs.
//!
//! A worker records that it processes a message, with its machine, before it acts on it. A message that cannot be read
//! becomes a dead letter at once: another attempt could not read it either. The partner recognizes repeats by the booking's
//! number, so an order may be sent again.

use super::code::{Change, Status, Task};
use super::machine::{Build, Machine};
use super::rows::{Booking, Message, Schema};
use super::shop::{JOB, Shop, admitted, post};
use super::telemetry::Count;
use crate::backbone::dependencies::Health;
use crate::backbone::jobs::{self, Ending, Job, JobKind};
use crate::backbone::workers::{self, Handler, STORE_AGAIN, Working};
use crate::booking::connector::{ReserveRequest, ReserveResponse};
use crate::settings::PARTNER_TIMEOUT;
use shakedown_sim::{Duration, Env, StoreError, Transaction};
use std::rc::Rc;

/// The wait before a guest is reminded.
pub const REMINDS_AFTER: Duration = Duration::from_secs(60);

/// Boots a worker.
pub(super) fn boot(env: &Env, shop: &Rc<Shop>, machine: &Rc<Machine>, build: Build) {
    let clerk = Clerk(Rc::new(Incarnation { shop: Rc::clone(shop), machine: Rc::clone(machine), build }));
    workers::boot(env, &shop.backbone, Rc::new([Rc::new(clerk)]));
}

struct Clerk(Rc<Incarnation>);

impl Handler for Clerk {
    fn kind(&self) -> JobKind {
        JOB
    }

    fn work(&self, env: Env, job: Job) -> Working {
        let at = Rc::clone(&self.0);
        Box::pin(async move {
            at.machine.begin();
            at.work(&env, &job).await;
            at.machine.end(&env);
            Health::Good
        })
    }

    fn takes_more(&self) -> bool {
        !self.0.machine.is_draining.get()
    }
}

/// One incarnation of a worker.
struct Incarnation {
    shop: Rc<Shop>,
    machine: Rc<Machine>,
    build: Build,
}

/// The result of an order.
#[derive(Clone, Copy, PartialEq, Eq)]
enum OrderResult {
    Confirmed,
    TurnedDown,
    Nothing,
}

impl Incarnation {
    async fn work(&self, env: &Env, job: &Job) {
        // If the start of processing cannot be recorded, the lease will end.
        let Ok(Some((booking, price))) = self.take_up(env, job).await else { return };
        let result = if self.build.turns_down(booking) {
            OrderResult::TurnedDown
        } else {
            let (attempt, key) = (job.token, u64::from(booking));
            let request = ReserveRequest { attempt, key, reference: booking, price };
            match env.call(&self.shop.partner, request, PARTNER_TIMEOUT).await {
                Ok(ReserveResponse::Confirmed(_)) => OrderResult::Confirmed,
                Ok(ReserveResponse::Refused) => OrderResult::TurnedDown,
                Ok(_) | Err(_) => OrderResult::Nothing,
            }
        };
        while self.finish(&env.child("result"), job, booking, result).await.is_err() {
            env.sleep(STORE_AGAIN).await;
        }
        match result {
            OrderResult::Confirmed => self.shop.telemetry.count(env, self.build.code, Count::Good),
            OrderResult::TurnedDown => self.shop.telemetry.count(env, self.build.code, Count::Bad),
            OrderResult::Nothing => {}
        }
    }

    /// Records the start of processing. Returns the booking to reserve and its price, if there is one.
    async fn take_up(&self, env: &Env, job: &Job) -> Result<Option<(u32, u32)>, StoreError> {
        let shop = &self.shop;
        let mut tx = shop.backbone.store.begin(env);
        let Some(held) = jobs::hold(&mut tx, &shop.backbone, job).await? else { return Ok(None) };
        let Some(schema) = admitted(&mut tx, shop, self.build).await? else {
            return self.stay_out(tx, &held).await.map(|()| None);
        };
        let Some(message) = tx.lock(&shop.messages, &job.subject).await? else { return Ok(None) };
        let taken = Message { taken_by: Some(self.machine.number), times: message.times + 1, ..message };
        let text = taken.text.clone();
        tx.update(&shop.messages, taken).await?;
        match self.build.code.documents().read_job(&text) {
            Ok(Task::Reserve { booking, price_minor }) => {
                tx.commit("take up").await?;
                Ok(Some((booking, price_minor)))
            }
            Ok(Task::Remind { booking }) => {
                self.change(&mut tx, schema, (&held, booking), Change::Reminded).await?;
                tx.commit("remind").await.map(|()| None)
            }
            Err(error) => {
                env.because(|| format!("{} cannot read it: {error}", self.build.code));
                self.give_up(&mut tx, &held).await?;
                tx.commit("cannot read").await.map(|()| None)
            }
        }
    }

    /// Leaves a job to others, and takes no more: the fence was raised above this release.
    async fn stay_out(&self, mut tx: Transaction, held: &Job) -> Result<(), StoreError> {
        self.machine.is_draining.set(true);
        let now = tx.client().now();
        jobs::fail(&mut tx, &self.shop.backbone, held, Ending::Retryable, now).await?;
        tx.commit("below the fence").await
    }

    async fn give_up(&self, tx: &mut Transaction, held: &Job) -> Result<(), StoreError> {
        let env = tx.client().clone();
        self.shop.telemetry.count(&env, self.build.code, Count::Unreadable);
        jobs::fail(tx, &self.shop.backbone, held, Ending::Final, env.now()).await
    }

    /// Changes a booking's row and ends the job; a row that cannot be read or written also ends it.
    async fn change(
        &self,
        tx: &mut Transaction,
        schema: Schema,
        (held, booking): (&Job, u32),
        change: Change,
    ) -> Result<bool, StoreError> {
        let Some(row) = tx.lock(&self.shop.bookings, &booking).await? else { return Ok(false) };
        let text = self.build.code.documents().rewrite(&row.text, change);
        let Some(text) = text.ok().and_then(|text| schema.kept(text)) else {
            self.give_up(tx, held).await?;
            return Ok(false);
        };
        tx.update(&self.shop.bookings, Booking { text, ..row }).await?;
        let now = tx.client().now();
        jobs::succeed(tx, &self.shop.backbone, held, now).await?;
        Ok(true)
    }

    /// Records the result of an order, and moves the job.
    async fn finish(
        &self,
        env: &Env,
        job: &Job,
        booking: u32,
        result: OrderResult,
    ) -> Result<(), StoreError> {
        let (shop, now) = (&self.shop, env.now());
        let mut tx = shop.backbone.store.begin(env);
        let Some(held) = jobs::hold(&mut tx, &shop.backbone, job).await? else { return Ok(()) };
        let status = match result {
            OrderResult::Confirmed => Status::Confirmed,
            OrderResult::TurnedDown => Status::Failed,
            OrderResult::Nothing => {
                jobs::fail(&mut tx, &shop.backbone, &held, Ending::Retryable, now).await?;
                return tx.commit("result").await;
            }
        };
        let Some(schema) = admitted(&mut tx, shop, self.build).await? else {
            return self.stay_out(tx, &held).await;
        };
        let changed = self.change(&mut tx, schema, (&held, booking), Change::Status(status)).await?;
        let reminder = self.build.code.documents().reminder(booking);
        if let Some(text) = reminder.filter(|_| changed && result == OrderResult::Confirmed) {
            post(&mut tx, shop, (booking, text), (now + REMINDS_AFTER, job.context)).await?;
        }
        tx.commit("result").await
    }
}
