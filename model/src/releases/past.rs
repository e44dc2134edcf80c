//! Data of earlier releases: rows and messages that are stored before anything else happens.

use super::code::{Change, Code, Order, Status};
use super::rows::{Booking, Message};
use super::shop::{Shop, post};
use crate::backbone::jobs::{Ending, Job, JobState};
use shakedown_sim::{Env, Scope, StoreError};

/// Stores a completed booking, and one whose job is a dead letter; `oldest` wrote them, and `since` has updated the
/// rows, if it is set. Does nothing if they are stored already.
///
/// # Errors
/// If the store fails.
pub async fn remember(
    env: &Env,
    shop: &Shop,
    (oldest, since): (Code, Option<Code>),
    [done, given_up]: [(Order, Scope); 2],
) -> Result<(), StoreError> {
    let mut tx = shop.backbone.store.begin(env);
    if tx.get(&shop.bookings, &done.0.booking).await?.is_some() {
        return Ok(());
    }
    for ((order, context), status) in [(done, Status::Confirmed), (given_up, Status::Received)] {
        let old = oldest.documents();
        let mut text = old.rewrite(&old.row(&order), Change::Status(status)).unwrap_or_default();
        if let Some(code) = since {
            text = code.documents().rewrite(&text, Change::Nothing).unwrap_or(text);
        }
        tx.insert(&shop.bookings, Booking { id: order.booking, text, context }).await?;
    }
    let (order, context) = given_up;
    let message = (order.booking, oldest.documents().job(&order));
    let job = post(&mut tx, shop, message, (env.now(), context)).await?;
    let dead = Job { state: JobState::DeadLetter, attempts: 1, token: 1, ended: Some(Ending::Final), ..job };
    tx.update(&shop.backbone.jobs, dead).await?;
    if let Some(message) = tx.lock(&shop.messages, &job.subject).await? {
        tx.update(&shop.messages, Message { times: 1, ..message }).await?;
    }
    tx.commit("past").await
}
