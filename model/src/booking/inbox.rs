//! The inbox: callbacks are stored once, acknowledged, and then used as hints at most.

use super::case::CallbackEffect;
use super::change;
use super::connector::Callback;
use super::platform::{Platform, job_for};
use super::rows::{Holding, Letter, Standing};
use crate::backbone::retry::in_transaction;
use crate::backbone::{events, jobs};
use shakedown_sim::{Env, StoreError, Transaction};
use std::rc::Rc;

/// Stores a callback, and requests processing of its booking if the callback has news. Returns whether it is stored;
/// otherwise the partner sends it again.
pub(crate) async fn receive(env: Env, platform: Rc<Platform>, callback: Callback) -> bool {
    in_transaction(&env, async || store(&env, &platform, callback).await).await.is_ok()
}

async fn store(env: &Env, platform: &Platform, callback: Callback) -> Result<(), StoreError> {
    let tables = &platform.tables;
    let record = callback.record;
    let mut tx = platform.backbone.store.begin(env);
    let known = tx.get(&tables.holdings, &record.reservation).await?;
    let booking = known.map(|holding| holding.booking).or(record.reference);
    let (event, reservation, says) = (callback.event, record.reservation, record.standing);
    if !tx.insert_or_ignore(&tables.inbox, Letter { event, reservation, booking, says }).await? {
        env.because(|| "this callback is stored already".to_owned());
        return tx.commit("callback again").await;
    }
    if let Some(booking) = booking
        && let Some(row) = tx.lock(&tables.bookings, &booking).await?
    {
        if let Some(event) = change::claimed(&row, says) {
            events::record_claim(&mut tx, &platform.backbone, event).await?;
        }
        let known = tx.lock(&tables.holdings, &reservation).await?;
        if let Some(after) = holding_after(platform, known, booking, (reservation, says), env) {
            tx.update(&tables.holdings, after).await?;
            jobs::wake(
                &mut tx,
                &platform.backbone,
                job_for(booking, row.context),
                platform.backbone.now(env),
            )
            .await?;
        }
    }
    tx.commit("callback").await
}

/// Returns our row of the reservation after the callback, if it changes.
fn holding_after(
    platform: &Platform,
    known: Option<Holding>,
    booking: u32,
    (reservation, says): (u32, Standing),
    env: &Env,
) -> Option<Holding> {
    let now = platform.backbone.now(env);
    let fresh = Holding { reservation, booking, standing: says, doubtful: false, learnt: now, checks: 0 };
    match platform.design.status_sync.on_callback(&platform.terms, known.as_ref(), says) {
        CallbackEffect::Ignored => None,
        CallbackEffect::Doubt => {
            env.because(|| "a callback is only a hint: the partner must confirm it".to_owned());
            let unknown = Holding { standing: Standing::Pending, ..fresh };
            Some(Holding { doubtful: true, learnt: now, checks: 0, ..known.unwrap_or(unknown) })
        }
        CallbackEffect::Believed => Some(fresh),
    }
}

/// Applies the earlier callbacks about a reservation that has just become known.
///
/// # Errors
/// If the store fails.
pub(crate) async fn catch_up(
    tx: &mut Transaction,
    platform: &Platform,
    holding: &mut Holding,
) -> Result<(), StoreError> {
    let reservation = holding.reservation;
    for letter in tx.scan(&platform.tables.inbox, |letter| letter.reservation == reservation).await? {
        match platform.design.status_sync.on_callback(&platform.terms, Some(holding), letter.says) {
            CallbackEffect::Ignored => {}
            CallbackEffect::Doubt => holding.doubtful = true,
            CallbackEffect::Believed => holding.standing = letter.says,
        }
    }
    Ok(())
}
