//! A pooler in transaction mode: each transaction, and each statement outside of one, runs on whatever session is free.
//!
//! State of a session does not stay with the client: a setting or an advisory lock of the session is left behind on the
//! session of that statement, where another client may find it. Nothing is reset (`server_reset_query` is not used in
//! transaction mode).
//!
//! Not modelled: session and statement mode, prepared statements, the client limit, `LISTEN` (it is accepted, and no
//! notice ever reaches the client).
//!
//! Source: the documentation of PgBouncer, "Features" and "Configuration" (`pool_mode`, `server_round_robin`). Compared with
//! PgBouncer 1.18 over recorded cases.

use super::pool::{AcquireError, Pool, PoolProfile, Pooled, Reset};
use super::{Setting, Store, StoreError, Transaction};
use crate::env::Env;
use crate::time::Duration;
use std::ops::{Deref, DerefMut};

/// A pooler. Cheap to clone; all clones denote the same one.
#[derive(Clone)]
pub struct Pooler(Pool);

impl Pooler {
    /// Creates a pooler with so many sessions on the node of `env`. A client waits at most `timeout` for one
    /// (`query_wait_timeout`).
    ///
    /// # Panics
    /// If it has no session.
    pub fn new(store: &Store, env: &Env, size: u32, timeout: Duration) -> Self {
        let profile = PoolProfile {
            size,
            acquire_timeout: timeout,
            tests_on_checkout: false,
            reset: Reset::Nothing,
            ..PoolProfile::USUAL
        };
        Self(Pool::new(store, env, profile))
    }

    /// Connects a client.
    pub fn connect(&self, env: &Env) -> PoolerConnection {
        PoolerConnection { pool: self.0.clone(), env: env.clone() }
    }
}

/// The connection of a client to a pooler.
pub struct PoolerConnection {
    pool: Pool,
    env: Env,
}

impl PoolerConnection {
    async fn acquire(&self) -> Result<Pooled, StoreError> {
        self.pool.acquire(&self.env).await.map_err(|error| match error {
            AcquireError::TimedOut => StoreError::ConnectionLost,
            AcquireError::Refused(error) => error,
        })
    }

    /// Begins a transaction, which has a session to itself until it ends.
    ///
    /// # Errors
    /// [`StoreError::ConnectionLost`] if no session was free in time: the pooler closes the connection.
    pub async fn begin(&self) -> Result<PoolerTransaction, StoreError> {
        let pooled = self.acquire().await?;
        Ok(PoolerTransaction { transaction: pooled.begin().await?, pooled })
    }

    /// Takes an advisory lock on whatever session is free, which keeps it.
    ///
    /// # Errors
    /// As [`PoolerConnection::begin`] and [`Transaction::lock`].
    pub async fn lock(&self, key: i64) -> Result<(), StoreError> {
        self.acquire().await?.lock(key).await
    }

    /// Like [`PoolerConnection::lock`] without waiting; returns whether that session could take it, which it can if
    /// it has it already.
    ///
    /// # Errors
    /// As [`PoolerConnection::begin`].
    pub async fn try_lock(&self, key: i64) -> Result<bool, StoreError> {
        self.acquire().await?.try_lock(key).await
    }

    /// Releases an advisory lock of whatever session is free; returns whether that session had it.
    ///
    /// # Errors
    /// As [`PoolerConnection::begin`].
    pub async fn unlock(&self, key: i64) -> Result<bool, StoreError> {
        self.acquire().await?.unlock(key).await
    }

    /// Changes a setting of whatever session is free.
    ///
    /// # Errors
    /// As [`PoolerConnection::begin`].
    pub async fn set(&self, setting: Setting) -> Result<(), StoreError> {
        self.acquire().await?.set(setting).await
    }
}

/// A transaction through a pooler.
pub struct PoolerTransaction {
    /// Dropped first: it rolls back.
    transaction: Transaction,
    pooled: Pooled,
}

impl PoolerTransaction {
    /// Commits; see [`Transaction::commit`].
    ///
    /// # Errors
    /// As [`Transaction::commit`].
    pub async fn commit(self, name: impl Into<crate::label::Label>) -> Result<(), StoreError> {
        let Self { transaction, pooled } = self;
        let result = transaction.commit(name).await;
        drop(pooled);
        result
    }
}

impl Deref for PoolerTransaction {
    type Target = Transaction;

    fn deref(&self) -> &Transaction {
        &self.transaction
    }
}

impl DerefMut for PoolerTransaction {
    fn deref_mut(&mut self) -> &mut Transaction {
        &mut self.transaction
    }
}
