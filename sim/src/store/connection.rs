//! A connection of one's own: for what lives in a session and not in a transaction.

use super::line::Line;
use super::server::{Server, nanos};
use super::transaction::Began;
use super::{Isolation, Store, StoreError, Transaction};
use crate::env::Env;
use crate::label::Label;
use crate::time::{Duration, Moment};
use shakedown_database::{AdvisoryScope, Notification, Session, Statement};
use std::cell::Cell;
use std::rc::Rc;

const ADVISORY: Label = Label::new("advisory lock");
const LISTEN: Label = Label::new("listen");
const SET: Label = Label::new("set");
const BEGIN: Label = Label::new("begin");

/// A setting of a session. It stays until it is set again, also when another client uses the session.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Setting {
    /// `lock_timeout`; zero is without limit.
    LockTimeout(Duration),
    /// `statement_timeout`; zero is without limit.
    StatementTimeout(Duration),
    /// `default_transaction_isolation`, for transactions that do not name a level.
    Isolation(Isolation),
}

/// A session that its client keeps: advisory locks that outlive transactions, and channels to listen on.
/// Dropped, it is closed, and everything that it holds is free: at once if its node lives, else when the server
/// notices that the client is gone. If a transaction or its commit is under way, it is closed when that ends: a commit
/// that the server has received takes effect.
pub struct Connection {
    line: Line,
    busy: Rc<Cell<bool>>,
}

impl Store {
    /// Connects the client `env`, which takes the time that the profile says. A call that is dropped half-way may have
    /// opened a session, which is closed then: at once if its node lives, else when the server notices.
    ///
    /// # Errors
    /// [`StoreError::ConnectionLost`] while the server is down, [`StoreError::TooManyConnections`] at its limit.
    pub async fn try_connect(&self, env: &Env) -> Result<Connection, StoreError> {
        let half = self.0.profile.connect / 2;
        if !half.is_zero() {
            env.sleep(half).await;
        }
        let connection = Connection::over(&self.0, env, self.0.new_session()?);
        if !half.is_zero() {
            env.sleep(half).await;
        }
        Ok(connection)
    }

    /// Connects the client `env` in no time. What is wrong with the connection, its first statement says.
    pub fn connect(&self, env: &Env) -> Connection {
        Connection { line: Line::to(&self.0, env, self.0.new_session()), busy: Rc::default() }
    }
}

impl Connection {
    /// A client's use of an open session.
    pub(super) fn over(server: &Rc<Server>, client: &Env, session: Session) -> Self {
        Self { line: Line::to(server, client, Ok(session)), busy: Rc::default() }
    }

    pub(super) fn line(&self) -> &Line {
        &self.line
    }

    /// Returns whether a transaction is open on it.
    pub(super) fn is_busy(&self) -> bool {
        self.busy.get()
    }

    /// Gives up the session without closing it; returns none if the connection has broken.
    pub(super) fn leave(self) -> Option<Session> {
        self.line.leave().ok()
    }

    /// Returns the transaction that `BEGIN` has opened on the session.
    pub(super) fn begun(&self, session: Session) -> Transaction {
        assert!(!self.busy.get(), "Connection::try_begin: a transaction is open on this connection");
        let line = Line::to(&self.line.server, &self.line.client, Ok(session));
        let began = Began::at(self.line.client.now());
        Transaction { line, busy: None, began }.on_connection(&self.busy)
    }

    /// Changes a setting of the session.
    ///
    /// # Errors
    /// As [`Transaction::get`].
    pub async fn set(&self, setting: Setting) -> Result<(), StoreError> {
        let statement = match setting {
            Setting::LockTimeout(timeout) => Statement::set_lock_timeout(nanos(timeout)),
            Setting::StatementTimeout(timeout) => Statement::set_statement_timeout(nanos(timeout)),
            Setting::Isolation(level) => Statement::set_default_isolation(level),
        };
        self.line.run(SET, statement).await
    }

    /// Begins a transaction at the level that the session has by default, and waits for the response. A call that is
    /// dropped half-way may leave a transaction open on the session.
    ///
    /// # Errors
    /// [`StoreError::ConnectionLost`] if the session has ended, and as [`Transaction::get`].
    ///
    /// # Panics
    /// If a transaction is open on this connection.
    pub async fn try_begin(&self) -> Result<Transaction, StoreError> {
        self.line.run(BEGIN, Statement::begin()).await?;
        Ok(self.begun(self.line.session()?))
    }

    /// Begins a transaction on this connection.
    ///
    /// # Panics
    /// If one is open on it.
    pub fn begin(&self) -> Transaction {
        self.begin_at(self.line.server.profile.isolation)
    }

    /// Begins a transaction of this level on this connection.
    ///
    /// # Panics
    /// If one is open on it.
    pub fn begin_at(&self, level: Isolation) -> Transaction {
        assert!(!self.busy.get(), "Connection::begin: a transaction is open on this connection");
        let line = &self.line;
        let begun = Transaction::new(&line.server, &line.client, line.session(), level);
        begun.on_connection(&self.busy)
    }

    /// Takes the advisory lock of this key for the session, in whatever transaction it is; taken twice it must
    /// be released twice.
    ///
    /// # Errors
    /// As [`Transaction::lock`].
    pub async fn lock(&self, key: i64) -> Result<(), StoreError> {
        self.line.looks_at(&self.line.server.acquisitions);
        self.line.run(ADVISORY, Statement::advisory_lock(key, AdvisoryScope::Session)).await
    }

    /// Like [`Connection::lock`], without waiting; returns whether the lock was free.
    ///
    /// # Errors
    /// As [`Transaction::get`].
    pub async fn try_lock(&self, key: i64) -> Result<bool, StoreError> {
        self.line.try_lock(Statement::try_advisory_lock(key, AdvisoryScope::Session)).await
    }

    /// Releases an advisory lock of the session, also while a transaction is open; returns whether it was held.
    ///
    /// # Errors
    /// As [`Transaction::get`].
    pub async fn unlock(&self, key: i64) -> Result<bool, StoreError> {
        let was_held = self.line.run(ADVISORY, Statement::advisory_unlock(key)).await?;
        if was_held {
            self.line.server.tell_holders(&self.line.server.releases);
        }
        Ok(was_held)
    }

    /// From now on receives the notices of a channel (`LISTEN`).
    ///
    /// # Errors
    /// As [`Transaction::get`].
    pub async fn listen(&self, channel: &str) -> Result<(), StoreError> {
        self.line.run(LISTEN, Statement::listen(channel)).await
    }

    /// Waits until notices have come, and takes them. What was sent while nobody listened never comes.
    ///
    /// # Errors
    /// [`StoreError::ConnectionLost`].
    pub async fn notices(&self) -> Result<Vec<Notification>, StoreError> {
        loop {
            self.line.alive().await;
            let session = self.line.session()?;
            let seen = self.line.server.notices.version();
            let taken = self.line.server.with_database(|database| database.take_notifications(session));
            let taken = taken.map_err(StoreError::from_server)?;
            if !taken.is_empty() {
                return Ok(taken);
            }
            self.line.server.notices.changed(&self.line.client, seen, Moment::NEVER).await;
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if self.busy.get() {
            // The transaction, or the commit under way, closes the session.
            let _ = self.line.leave();
        } else {
            self.line.hang_up(false);
        }
    }
}
