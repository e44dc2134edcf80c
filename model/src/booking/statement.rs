//! The partner's statement: read each day (or hour) in which its ledger changed, and compared with our rows. It also shows what
//! we have lost: a reservation for a booking that does not exist here is listed for a person.

use super::connector::Record;
use super::platform::{Platform, job_for};
use super::rows::{Holding, Orphan, Standing};
use crate::backbone::jobs;
use crate::backbone::retry::in_transaction;
use crate::settings::{CHECK_AGAIN, PARTNER_TIMEOUT};
use shakedown_sim::{Env, Poller, Signal, StoreError, Transaction};
use std::rc::Rc;

/// Boots the node that reads the statement at the period of the partner's terms. `ledger` is raised when the statement has
/// news: a period without changes needs no run.
pub fn boot(env: &Env, platform: &Rc<Platform>, ledger: &Signal) {
    if !platform.design.status_sync.reads_statement() {
        return;
    }
    let (env, platform, ledger) = (env.clone(), Rc::clone(platform), ledger.clone());
    env.clone().spawn(async move {
        let mut poller = Poller::new(&env, &ledger, platform.terms.statement_every);
        poller.turn(None).await;
        // The process before this one may have crashed before it had read a statement.
        let mut due = Some(env.now());
        loop {
            poller.turn(due.take()).await;
            let env = env.child("statement");
            while !read(&env.child("try"), &platform).await {
                env.sleep(CHECK_AGAIN).await;
            }
        }
    });
}

/// Reads the statement and compares it. Returns whether all of it was processed.
async fn read(env: &Env, platform: &Platform) -> bool {
    let Ok(records) = env.call(&platform.partner.statement, (), PARTNER_TIMEOUT).await else { return false };
    for record in records {
        let compare = async || compare(env, platform, record).await;
        if in_transaction(env, compare).await.is_err() {
            return false;
        }
    }
    true
}

async fn compare(env: &Env, platform: &Platform, record: Record) -> Result<(), StoreError> {
    let tables = &platform.tables;
    let mut tx = platform.backbone.store.begin(env);
    let known = tx.get(&tables.holdings, &record.reservation).await?;
    let Some(booking) = known.map(|known| known.booking).or(record.reference) else { return Ok(()) };
    if !is_news(known.as_ref(), &record) {
        return Ok(());
    }
    let Some(row) = tx.lock(&tables.bookings, &booking).await? else {
        return list_orphan(tx, platform, env, (record, booking)).await;
    };
    let mut tx = tx.within(&env.within(row.context).child("statement"));
    let (reservation, standing) = (record.reservation, record.standing);
    // Another transaction may have stored it while this one waited for the booking's lock.
    if !is_news(tx.lock(&tables.holdings, &reservation).await?.as_ref(), &record) {
        return Ok(());
    }
    let after = Holding {
        reservation,
        booking,
        standing,
        doubtful: false,
        learnt: platform.backbone.now(env),
        checks: 0,
    };
    tx.update(&tables.holdings, after).await?;
    jobs::wake(&mut tx, &platform.backbone, job_for(booking, row.context), after.learnt).await?;
    tx.commit("statement").await
}

/// Lists a live reservation for a booking that does not exist here. Only a person can find out what happened to the
/// customer.
async fn list_orphan(
    mut tx: Transaction,
    platform: &Platform,
    env: &Env,
    (record, booking): (Record, u32),
) -> Result<(), StoreError> {
    let (reservation, found) = (record.reservation, platform.backbone.now(env));
    if record.standing == Standing::Ended
        || !tx.insert_or_ignore(&platform.tables.orphans, Orphan { reservation, booking, found }).await?
    {
        return Ok(());
    }
    tx.commit("orphan").await
}

/// Returns whether the statement has news about a reservation; an ended reservation stays ended.
fn is_news(known: Option<&Holding>, record: &Record) -> bool {
    known.is_none_or(|known| {
        known.standing != Standing::Ended && (known.standing != record.standing || known.doubtful)
    })
}
