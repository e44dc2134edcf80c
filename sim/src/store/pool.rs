//! A connection pool of the usual kind: it can be exhausted, and sessions return as they were left.

use super::connection::Connection;
use super::server::Server;
use super::{Store, StoreError, Transaction};
use crate::env::Env;
use crate::event::Kind;
use crate::label::Label;
use crate::semaphore::{Permit, Semaphore};
use crate::time::{self, Duration, Moment};
use shakedown_database::{Session, Statement};
use std::cell::RefCell;
use std::ops::Deref;
use std::rc::Rc;

const POOL: Label = Label::new("pool");
const CONNECTIONS: Label = Label::new("connections");
const BEGIN: Label = Label::new("begin");

/// What a pool does with a session that returns.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reset {
    /// Nothing: a transaction that is open stays open.
    Nothing,
    /// It rolls back. Settings, advisory locks of the session and channels stay.
    Rollback,
    /// It rolls back and clears all state of the session (`DISCARD ALL`).
    Discard,
}

/// The properties of a pool. A duration of zero is without limit.
///
/// ```
/// use shakedown_sim::store::{PoolProfile, Reset};
/// const SMALL: PoolProfile = PoolProfile { size: 2, reset: Reset::Discard, ..PoolProfile::USUAL };
/// assert!(SMALL.tests_on_checkout);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct PoolProfile {
    /// The greatest number of sessions.
    pub size: u32,
    /// The time that a client waits for a connection.
    pub acquire_timeout: Duration,
    /// The age after which a session is closed when it is free.
    pub lifetime: Duration,
    /// The time after which a free session is closed.
    pub idle_timeout: Duration,
    /// Whether the pool sends a query over a session before it hands it out, and replaces one that has ended.
    pub tests_on_checkout: bool,
    /// What it does with a session that returns.
    pub reset: Reset,
    /// The time that it takes to open a session.
    pub connect: Duration,
    /// The time of a query of its own, and of `BEGIN`.
    pub round_trip: Duration,
}

impl PoolProfile {
    /// As many pools are configured by default: ten sessions, 30 s to wait, half an hour to live, ten minutes idle, a
    /// test on checkout, and a rollback on return.
    pub const USUAL: PoolProfile = PoolProfile {
        size: 10,
        acquire_timeout: Duration::from_secs(30),
        lifetime: Duration::from_secs(1_800),
        idle_timeout: Duration::from_secs(600),
        tests_on_checkout: true,
        reset: Reset::Rollback,
        connect: Duration::from_millis(20),
        round_trip: Duration::from_millis(2),
    };
}

/// Why a client has no connection of the pool.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error, serde::Serialize)]
pub enum AcquireError {
    /// Every connection was in use for too long.
    #[error("timed out while waiting for a connection of the pool")]
    TimedOut,
    /// The pool could not open a session: the server is down, or has too many connections.
    #[error("the pool cannot connect: {0}")]
    Refused(StoreError),
}

/// A pool of sessions in the memory of one node. Cheap to clone; all clones denote the same pool.
#[derive(Clone)]
pub struct Pool(Rc<PoolState>);

struct PoolState {
    server: Rc<Server>,
    env: Env,
    profile: PoolProfile,
    /// The free sessions; the last one returned is handed out first.
    idle: RefCell<Vec<Idle>>,
    /// One permit for each connection that may be in use or being opened.
    permits: Semaphore,
}

/// A free session.
struct Idle {
    connection: Connection,
    opened: Moment,
    since: Moment,
}

impl Pool {
    /// Creates a pool on the node of `env`, which opens its sessions when they are needed. Create it when the node
    /// starts: the pool dies with it.
    ///
    /// # Panics
    /// If the pool has no connection.
    pub fn new(store: &Store, env: &Env, profile: PoolProfile) -> Self {
        assert!(profile.size > 0, "Pool::new: a pool has at least one connection");
        Self(Rc::new(PoolState {
            server: Rc::clone(&store.0),
            env: env.clone(),
            profile,
            idle: RefCell::default(),
            permits: Semaphore::new(env, CONNECTIONS, profile.size as usize),
        }))
    }

    /// Waits for a connection, in the order of the calls. It is free again when it is dropped; a call that is dropped
    /// before it has one leaves its place in the queue, and closes the session that it was opening.
    ///
    /// # Errors
    /// [`AcquireError::TimedOut`] after the acquire timeout, [`AcquireError::Refused`] if the pool cannot connect.
    pub async fn acquire(&self, env: &Env) -> Result<Pooled, AcquireError> {
        let timeout = self.0.profile.acquire_timeout;
        if timeout.is_zero() {
            return self.acquire_untimed(env).await;
        }
        env.timeout(timeout, self.acquire_untimed(env)).await.unwrap_or_else(|| {
            env.event(Kind::Timeout, [POOL.word(), 0], || {
                format!("times out: no connection of the pool is free within {}", time::text(timeout))
            });
            Err(AcquireError::TimedOut)
        })
    }

    /// Returns the number of connections that are in use.
    pub fn in_use(&self) -> u32 {
        self.0.profile.size - self.0.permits.free() as u32
    }

    async fn acquire_untimed(&self, env: &Env) -> Result<Pooled, AcquireError> {
        let (pool, permit) = (Rc::clone(&self.0), self.0.permits.acquire(env).await);
        while let Some((session, opened)) = self.0.take_idle(env) {
            let connection = Connection::over(&self.0.server, env, session);
            if !self.0.profile.tests_on_checkout || self.0.is_alive(&connection).await {
                return Ok(Pooled { connection: Some(connection), opened, pool, _permit: permit });
            }
        }
        env.sleep(self.0.profile.connect / 2).await;
        let session = self.0.server.new_session().map_err(AcquireError::Refused)?;
        let connection = Connection::over(&self.0.server, env, session);
        env.sleep(self.0.profile.connect / 2).await;
        Ok(Pooled { connection: Some(connection), opened: env.now(), pool, _permit: permit })
    }
}

impl PoolState {
    /// Takes the session that was returned last, and closes those that are too old or were free for too long.
    fn take_idle(&self, env: &Env) -> Option<(Session, Moment)> {
        let is_over = |since: Moment, limit: Duration| !limit.is_zero() && since + limit <= env.now();
        let PoolProfile { lifetime, idle_timeout, .. } = self.profile;
        let mut expired = Vec::new();
        let mut idle = self.idle.borrow_mut();
        for at in (0..idle.len()).rev() {
            if is_over(idle[at].opened, lifetime) || is_over(idle[at].since, idle_timeout) {
                expired.push(idle.remove(at));
            }
        }
        let next = idle.pop();
        drop(idle);
        // Closing sessions may wake others.
        drop(expired);
        next.and_then(|next| Some((next.connection.leave()?, next.opened)))
    }

    /// Sends a query over a connection.
    async fn is_alive(&self, connection: &Connection) -> bool {
        connection.line().client.sleep(self.profile.round_trip).await;
        connection.line().session().is_ok_and(|session| self.server.is_open(session))
    }

    /// Resets a session that has returned, as the profile says.
    fn reset(&self, session: Session) {
        let run = |statement: &mut Statement<()>| drop(self.server.start(session, statement));
        let rollback = || drop(self.server.start(session, &mut Statement::rollback()));
        let discard = || {
            rollback();
            run(&mut Statement::advisory_unlock_all());
            run(&mut Statement::unlisten(None));
            self.server.reset_settings(session);
        };
        match self.profile.reset {
            Reset::Nothing => {}
            Reset::Rollback => self.server.releasing(session, rollback),
            Reset::Discard => self.server.releasing(session, discard),
        }
        self.server.settle(&self.env.world);
    }
}

/// A connection of a pool, which is free again when this is dropped. It has what a [`Connection`] has: advisory locks,
/// channels, settings. They stay with the session, and the next client finds them, unless the pool resets it.
pub struct Pooled {
    connection: Option<Connection>,
    opened: Moment,
    pool: Rc<PoolState>,
    /// Dropped last.
    _permit: Permit,
}

impl Pooled {
    /// Begins a transaction at the level that the session has by default. `BEGIN` takes a round trip: a client that
    /// gives up in between leaves an open transaction, which only the pool rolls back.
    ///
    /// # Errors
    /// [`StoreError::ConnectionLost`] if the session has ended.
    ///
    /// # Panics
    /// If a transaction is open on this connection.
    pub async fn begin(&self) -> Result<Transaction, StoreError> {
        let connection: &Connection = self;
        let line = connection.line();
        let half = self.pool.profile.round_trip / 2;
        line.client.sleep(half).await;
        line.run(BEGIN, Statement::begin()).await?;
        line.client.sleep(half).await;
        Ok(connection.begun(line.session()?))
    }
}

impl Deref for Pooled {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.connection.as_ref().expect("it is there until the drop")
    }
}

impl Drop for Pooled {
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else { return };
        if connection.is_busy() {
            // The transaction that lives on, or its commit under way, closes the session when it ends.
            connection.leave();
            return;
        }
        let (pool, client) = (&self.pool, connection.line().client.clone());
        if !client.is_alive() {
            return;
        }
        connection.line().touch();
        let Some(session) = connection.leave().filter(|session| pool.server.is_open(*session)) else {
            return;
        };
        pool.reset(session);
        let connection = Connection::over(&pool.server, &pool.env, session);
        pool.idle.borrow_mut().push(Idle { connection, opened: self.opened, since: client.now() });
    }
}
