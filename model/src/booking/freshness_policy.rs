//! `freshness-policy`: slightly old data may be shown, but never used for a decision.

use super::cache::Found;
use super::platform::Platform;
use super::rows::Offer;
use crate::guardrail::{Guardrail, Naive};
use crate::settings::CACHE_TIMEOUT;
use shakedown_sim::{Env, StoreError, Transaction};
use shakedown_sim::{LockMode, LockWait};
use std::future::Future;
use std::pin::Pin;

/// The row of `freshness-policy` in the table of guardrails.
pub const ROW: Guardrail = Guardrail {
    name: "freshness-policy",
    system: "caching",
    guarded: "orders are decided on the locked row in the database, never on cached data",
    naive: &[Naive {
        what: "orders are decided on cached data",
        breaks: &["no-stale-decision"],
        masked_by: &[],
    }],
};

/// The state of an offer at the time of a decision.
pub type Decided<'a> = Pin<Box<dyn Future<Output = Result<Option<Offer>, StoreError>> + 'a>>;

/// The seam: the state of an offer by which an order is accepted.
pub trait FreshnessPolicy {
    /// Returns the offer, within the transaction that accepts the order.
    fn offer<'a>(
        &self,
        env: &'a Env,
        tx: &'a mut Transaction,
        platform: &'a Platform,
        offer: u32,
    ) -> Decided<'a>;
}

/// Guarded: the row in the database, locked against changes until the order is committed.
pub struct LockedRow;

impl FreshnessPolicy for LockedRow {
    fn offer<'a>(
        &self,
        _: &'a Env,
        tx: &'a mut Transaction,
        platform: &'a Platform,
        offer: u32,
    ) -> Decided<'a> {
        Box::pin(async move {
            tx.lock_with(&platform.tables.offers, &offer, LockMode::Share, LockWait::Block).await
        })
    }
}

/// Naive: the cached state, as for every other read; the database if nothing is cached.
pub struct WhatTheCacheHas;

impl FreshnessPolicy for WhatTheCacheHas {
    fn offer<'a>(
        &self,
        env: &'a Env,
        tx: &'a mut Transaction,
        platform: &'a Platform,
        offer: u32,
    ) -> Decided<'a> {
        Box::pin(async move {
            if let Some(cache) = &platform.cache
                && let Ok(Found::Hit(row)) = env.call(&cache.get, offer, CACHE_TIMEOUT).await
            {
                return Ok(Some(row));
            }
            tx.get(&platform.tables.offers, &offer).await
        })
    }
}
