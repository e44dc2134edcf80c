//! Statements about the transaction and the session, and the lifecycle of sessions.

use crate::Database;
use crate::changes::CommitOutcome;
use crate::checks::Checks;
use crate::error::DatabaseError;
use crate::lock_manager::{Acquired, LockTag};
use crate::lock_mode::LockMode;
use crate::session::{Session, SessionState, Settings, Timer, TimerKind, WaitOn};
use crate::statement::{AdvisoryScope, Op, Output, Statement};
use crate::xact::{Block, Isolation, Savepoint};

impl Database {
    /// Opens a session, as for a client that has just connected.
    pub fn connect(&mut self) -> Session {
        self.connect_with(Settings::default())
    }

    /// Opens a session with these settings, as its role or database may define them.
    pub fn connect_with(&mut self, settings: Settings) -> Session {
        let slot = self.free_slots.pop().unwrap_or_else(|| {
            self.sessions.push(SessionState::default());
            self.sessions.len() - 1
        });
        let generation = self.sessions[slot].generation + 1;
        self.sessions[slot] = SessionState { generation, open: true, settings, ..SessionState::default() };
        self.handle(slot)
    }

    /// Closes a session normally: an open transaction is rolled back.
    pub fn disconnect(&mut self, session: Session) {
        let Ok(me) = self.peek_slot(session) else { return };
        if self.sessions[me].open {
            self.end_session(me, DatabaseError::ConnectionClosed);
        }
        self.sessions[me].generation += 1;
        self.free_slots.push(me);
        self.ready.retain(|slot| *slot != me);
    }

    /// Records that the client has died without the server's knowledge: transaction and locks remain until
    /// [`terminate`](Self::terminate). A running statement continues by itself, and even commits if it was not in a
    /// transaction block; pass it in here.
    ///
    /// # Errors
    /// [`DatabaseError::ConnectionClosed`] if the session is over, or why the server ended it.
    pub fn client_gone<T>(
        &mut self,
        session: Session,
        running: Option<Statement<T>>,
    ) -> Result<(), DatabaseError> {
        let me = self.slot(session, "client_gone")?;
        self.sessions[me].client_gone = true;
        if let Some(statement) = running.filter(|statement| statement.serial == self.sessions[me].running) {
            self.sessions[me].orphan = Some((statement.op, statement.serial));
        }
        Ok(())
    }

    /// Ends a session from the server's side (`pg_terminate_backend`, or a dead client noticed at last). A running
    /// transaction is rolled back, unless its commit record is already durable.
    ///
    /// # Errors
    /// [`DatabaseError::ConnectionClosed`] if the session is over, or why the server ended it.
    pub fn terminate(&mut self, session: Session) -> Result<(), DatabaseError> {
        let me = self.slot(session, "terminate")?;
        self.end_session(me, DatabaseError::AdminShutdown);
        Ok(())
    }

    /// Cancels the running statement of a session (`pg_cancel_backend`), if it waits.
    ///
    /// # Errors
    /// [`DatabaseError::ConnectionClosed`] if the session is over, or why the server ended it.
    pub fn cancel(&mut self, session: Session) -> Result<(), DatabaseError> {
        let me = self.slot(session, "cancel")?;
        if self.sessions[me].waiting.is_some() {
            self.interrupt(me, DatabaseError::Canceled);
        }
        Ok(())
    }

    /// Completes a commit in two steps: its record is now known to be safe.
    ///
    /// # Errors
    /// [`DatabaseError::ConnectionClosed`] if the session is over, or why the server ended it.
    pub fn acknowledge(&mut self, session: Session) -> Result<(), DatabaseError> {
        let me = self.slot(session, "acknowledge")?;
        if self.sessions[me].xact.durable {
            self.wake(&[me]);
        }
        Ok(())
    }

    /// Returns the sessions whose statements can continue, in the order in which they were woken. Statements of dead
    /// clients are driven here and not listed.
    pub fn take_ready(&mut self) -> Vec<Session> {
        let mut listed = Vec::new();
        while let Some(slot) = self.ready.pop_front() {
            match self.sessions[slot].orphan.take() {
                None => listed.push(self.handle(slot)),
                Some((mut op, mut serial)) => {
                    if let Ok(None) = self.drive(slot, &mut op, &mut serial) {
                        self.sessions[slot].orphan = Some((op, serial));
                    }
                }
            }
        }
        listed
    }

    /// Returns the sessions that block a waiting session (`pg_blocking_pids`).
    ///
    /// # Errors
    /// [`DatabaseError::ConnectionClosed`] if the session is over, or why the server ended it.
    pub fn blockers(&self, session: Session) -> Result<Vec<Session>, DatabaseError> {
        let me = self.slot_of(session, "blockers")?;
        Ok(self.blocking_slots(me).into_iter().map(|slot| self.handle(slot)).collect())
    }

    /// Returns whether a session waits, through others, for itself. It does so until the deadlock timer of one of
    /// them fires.
    ///
    /// # Errors
    /// [`DatabaseError::ConnectionClosed`] if the session is over, or why the server ended it.
    pub fn is_in_deadlock(&self, session: Session) -> Result<bool, DatabaseError> {
        let me = self.slot_of(session, "is_in_deadlock")?;
        Ok(self.is_deadlocked(me))
    }

    /// Returns the timer to set while a session is idle in an open transaction, if it has such a limit.
    pub fn idle_timer(&self, session: Session) -> Option<Timer> {
        let me = self.peek_slot(session).ok()?;
        let state = &self.sessions[me];
        let limit = state.settings.idle_in_transaction_timeout_ns;
        let idles = state.running == 0 && matches!(state.xact.block, Block::Open | Block::Failed);
        (limit > 0 && idles).then(|| Timer {
            at: state.idle_since.saturating_add(limit),
            session,
            kind: TimerKind::IdleInTransaction,
            epoch: state.idle_epoch,
        })
    }

    /// Returns the settings of a session.
    ///
    /// # Errors
    /// [`DatabaseError::ConnectionClosed`] if the session is over, or why the server ended it.
    pub fn settings(&self, session: Session) -> Result<Settings, DatabaseError> {
        Ok(self.sessions[self.slot_of(session, "settings")?].settings)
    }

    /// Returns whether a session is open and free of earlier state: it has neither changed settings, nor advisory
    /// locks, nor channels. Such a session may be handed to another client.
    pub fn is_fresh(&self, session: Session, settings: &Settings) -> bool {
        self.peek_slot(session).is_ok_and(|me| {
            let state = &self.sessions[me];
            state.open
                && state.xact.block == Block::Idle
                && state.settings == *settings
                && state.advisory.is_empty()
                && state.channels.is_empty()
        })
    }

    /// Returns whether a session is open.
    pub fn is_open(&self, session: Session) -> bool {
        self.peek_slot(session).is_ok_and(|me| self.sessions[me].open)
    }

    /// Returns the number of open sessions on the primary.
    pub fn open_sessions(&self) -> usize {
        self.sessions.iter().filter(|state| state.open && state.replica.is_none()).count()
    }

    /// Returns how many rows `SKIP LOCKED` has passed over so far.
    pub fn skipped(&self) -> u64 {
        self.skipped
    }

    /// Returns whether a session holds or waits for anything that may block others: writes, row locks, advisory
    /// locks. A session that waits for the end of a transaction does not: that transaction itself blocks the others.
    pub fn is_in_the_way(&self, session: Session) -> bool {
        self.peek_slot(session).is_ok_and(|me| {
            let state = &self.sessions[me];
            let holds = !state.xact.owned.is_empty() || !state.xact.advisory.is_empty();
            let holds = holds || !state.xact.table_locks.is_empty();
            let is_behind = |on| matches!(on, WaitOn::Xid(xid) if self.live.contains_key(&xid));
            let waits = state.waiting.is_some_and(|waiting| !is_behind(waiting.on));
            holds || !state.advisory.is_empty() || waits
        })
    }

    /// Returns whether a session reads a standby.
    pub fn is_on_standby(&self, session: Session) -> bool {
        self.peek_slot(session).is_ok_and(|me| self.sessions[me].replica.is_some())
    }

    /// Returns whether a session is in a serializable transaction, whose reads may affect others.
    pub fn is_serializable(&self, session: Session) -> bool {
        self.peek_slot(session).is_ok_and(|me| self.sessions[me].xact.sxact.is_some())
    }

    /// Returns whether a session is inside an explicit transaction, failed or not.
    ///
    /// # Errors
    /// [`DatabaseError::ConnectionClosed`] if the session is over, or why the server ended it.
    pub fn in_transaction(&self, session: Session) -> Result<bool, DatabaseError> {
        let me = self.slot_of(session, "in_transaction")?;
        Ok(matches!(self.sessions[me].xact.block, Block::Open | Block::Failed))
    }

    pub(crate) fn handle(&self, slot: usize) -> Session {
        Session { database: self.identity, slot, generation: self.sessions[slot].generation }
    }

    /// Returns the slot of a session that may be closed.
    pub(crate) fn peek_slot(&self, session: Session) -> Result<usize, DatabaseError> {
        let known = self.sessions.get(session.slot);
        let same = known.is_some_and(|state| state.generation == session.generation);
        if session.database == self.identity && same {
            Ok(session.slot)
        } else {
            Err(DatabaseError::ConnectionClosed)
        }
    }

    fn slot_of(&self, session: Session, call: &'static str) -> Result<usize, DatabaseError> {
        if session.database != self.identity {
            return Err(DatabaseError::ForeignHandle { call });
        }
        self.peek_slot(session)
    }

    /// Returns the slot of an open session; the first call after the server ended it returns the reason as an error.
    pub(crate) fn slot(&mut self, session: Session, call: &'static str) -> Result<usize, DatabaseError> {
        let me = self.slot_of(session, call)?;
        if self.sessions[me].open {
            return Ok(me);
        }
        Err(self.sessions[me].farewell.take().unwrap_or(DatabaseError::ConnectionClosed))
    }

    /// Ends a session from the server's side.
    pub(crate) fn end_session(&mut self, me: usize, why: DatabaseError) {
        self.transcribe_close(me);
        let waited = self.sessions[me].running != 0;
        self.stop_waiting(me);
        self.leave_place(me);
        if self.sessions[me].xact.durable {
            self.conclude(me);
        } else {
            self.abort(me);
        }
        let mut woken = Vec::new();
        for (key, mode) in std::mem::take(&mut self.sessions[me].advisory) {
            self.locks.queued.release(LockTag::Advisory(key), me, mode, &mut woken);
        }
        self.wake(&woken);
        let generation = self.sessions[me].generation;
        let farewell = Some(why);
        self.sessions[me] = SessionState { generation, farewell, ..SessionState::default() };
        if waited {
            self.wake(&[me]);
        }
    }

    /// Statements that touch no table.
    pub(crate) fn run_control(&mut self, me: usize, op: &mut Op) -> Result<Option<Output>, DatabaseError> {
        match op {
            Op::Commit { two_steps, checks } => return self.run_commit(me, *two_steps, checks),
            Op::Advisory { key, mode, scope, asks_only, queued } => {
                return self.run_advisory(me, (*key, *mode), *scope, *asks_only, queued);
            }
            Op::LockTable { table, mode, waits } => {
                return self.run_lock_table(me, *table, *mode, *waits);
            }
            Op::Rollback => {
                self.abort(me);
                return Ok(Some(Output::Ended(CommitOutcome::RolledBack)));
            }
            Op::AdvisoryUnlock { key, mode } => {
                return Ok(Some(Output::Flag(self.unlock_advisory(me, *key, *mode))));
            }
            Op::AdvisoryUnlockAll => {
                for (key, mode) in self.sessions[me].advisory.clone() {
                    self.unlock_advisory(me, key, mode);
                }
            }
            Op::Begin { level, read_only } => {
                if self.sessions[me].xact.block == Block::Idle {
                    let level = level.unwrap_or(self.sessions[me].settings.default_isolation);
                    let read_only = *read_only;
                    self.open_xact(me, Block::Open, level, read_only);
                } else if let Some(level) = *level {
                    // PostgreSQL warns about the second BEGIN, but applies its options.
                    self.set_level(me, level)?;
                }
            }
            Op::SetLevel(level) => self.set_level(me, *level)?,
            Op::Savepoint(name) => self.set_savepoint(me, std::mem::take(name))?,
            Op::RollbackTo(name) => {
                let at = self.savepoint(me, name, "ROLLBACK TO SAVEPOINT")?;
                self.abort_to(me, at);
                self.sessions[me].xact.block = Block::Open;
            }
            Op::Release(name) => self.release_savepoint(me, name)?,
            Op::Configure { change, value, local } => self.configure(me, *change, *value, *local),
            Op::Notify { channel, payload } => {
                let notice = (std::mem::take(channel), std::mem::take(payload));
                let notices = &mut self.sessions[me].xact.notices;
                if !notices.contains(&notice) {
                    notices.push(notice);
                }
            }
            Op::Listen { channel, listen } => {
                let wish = (channel.take(), *listen);
                self.sessions[me].xact.listens.push(wish);
            }
            Op::Answer(_) => {
                if let Op::Answer(output) = std::mem::replace(op, Op::Spent) {
                    return Ok(Some(output));
                }
            }
            _ => {
                return Err(DatabaseError::Misuse { call: "poll: the statement is finished" });
            }
        }
        Ok(Some(Output::Unit))
    }

    fn run_commit(
        &mut self,
        me: usize,
        two_steps: bool,
        checks: &mut Option<Checks>,
    ) -> Result<Option<Output>, DatabaseError> {
        match self.sessions[me].xact.block {
            Block::Open => {}
            Block::Failed => {
                self.abort(me);
                return Ok(Some(Output::Ended(CommitOutcome::RolledBack)));
            }
            Block::Idle | Block::Implicit => return Ok(Some(Output::Ended(CommitOutcome::Committed))),
        }
        let committed = || Ok(Some(Output::Ended(CommitOutcome::Committed)));
        if self.sessions[me].xact.durable {
            if self.sessions[me].waiting.is_some() {
                return Ok(None);
            }
            self.conclude(me);
            return committed();
        }
        self.sessions[me].committing = true;
        if self.sessions[me].snapshot.is_none() && !self.sessions[me].xact.deferred.is_empty() {
            self.sessions[me].snapshot = Some(self.fresh_snapshot(me));
        }
        let deferred = &mut self.sessions[me].xact.deferred;
        let checks = checks.get_or_insert_with(|| Checks::of(std::mem::take(deferred)));
        if !self.run_checks(me, checks)? {
            return Ok(None);
        }
        self.sessions[me].committing = false;
        self.prepare(me)?;
        if two_steps {
            self.sessions[me].xact.durable = true;
            self.wait_on(me, WaitOn::Acknowledgement);
            return Ok(None);
        }
        self.conclude(me);
        committed()
    }

    fn set_level(&mut self, me: usize, level: Isolation) -> Result<(), DatabaseError> {
        let xact = &mut self.sessions[me].xact;
        match xact.block {
            Block::Open if xact.level != level && (xact.has_queried || !xact.savepoints.is_empty()) => {
                Err(DatabaseError::TransactionAlreadyRead)
            }
            Block::Open => {
                xact.level = level;
                Ok(())
            }
            // Outside a transaction PostgreSQL only warns.
            _ => Ok(()),
        }
    }

    fn set_savepoint(&mut self, me: usize, name: String) -> Result<(), DatabaseError> {
        let settings = self.sessions[me].settings;
        let xact = &mut self.sessions[me].xact;
        if xact.block != Block::Open {
            return Err(DatabaseError::NoActiveTransaction { call: "SAVEPOINT" });
        }
        let savepoint = Savepoint {
            name,
            xid: None,
            undo: xact.undo.len(),
            notices: xact.notices.len(),
            listens: xact.listens.len(),
            deferred: xact.deferred.len(),
            advisory: xact.advisory.len(),
            weak: xact.weak.clone(),
            table_locks: xact.table_locks.len(),
            settings,
        };
        xact.savepoints.push(savepoint);
        Ok(())
    }

    /// Returns the innermost savepoint of that name.
    fn savepoint(&self, me: usize, name: &str, call: &'static str) -> Result<usize, DatabaseError> {
        let xact = &self.sessions[me].xact;
        if !matches!(xact.block, Block::Open | Block::Failed) {
            return Err(DatabaseError::NoActiveTransaction { call });
        }
        let found = xact.savepoints.iter().rposition(|savepoint| savepoint.name == name);
        found.ok_or_else(|| DatabaseError::NoSuchSavepoint { name: name.to_owned() })
    }

    /// Releases a savepoint: its writes now belong to the enclosing level. Who waits for one of its ids now waits for the
    /// whole transaction.
    fn release_savepoint(&mut self, me: usize, name: &str) -> Result<(), DatabaseError> {
        let at = self.savepoint(me, name, "RELEASE SAVEPOINT")?;
        let xact = &mut self.sessions[me].xact;
        let released = xact.savepoints.split_off(at);
        for (_, depth) in &mut xact.owned {
            *depth = (*depth).min(at);
        }
        let mut woken = Vec::new();
        for xid in released.iter().filter_map(|savepoint| savepoint.xid) {
            self.locks.end_xid(xid, &mut woken);
        }
        self.wake(&woken);
        Ok(())
    }

    fn configure(&mut self, me: usize, change: fn(&mut Settings, u64), value: u64, local: bool) {
        let state = &mut self.sessions[me];
        if local && state.xact.block != Block::Open {
            return;
        }
        if local && state.xact.after.is_none() {
            state.xact.after = Some(state.settings);
        }
        if let Some(after) = state.xact.after.as_mut().filter(|_| !local) {
            change(after, value);
        }
        change(&mut state.settings, value);
    }

    /// Takes an advisory lock; returns `None` while it waits.
    fn run_advisory(
        &mut self,
        me: usize,
        (key, mode): (i64, LockMode),
        scope: AdvisoryScope,
        asks_only: bool,
        queued: &mut bool,
    ) -> Result<Option<Output>, DatabaseError> {
        let tag = LockTag::Advisory(key);
        if *queued {
            if self.locks.queued.is_queued(tag, me) {
                return Ok(None);
            }
        } else {
            if asks_only && !self.locks.queued.try_acquire(tag, me, mode) {
                return Ok(Some(Output::Flag(false)));
            }
            if !asks_only {
                match self.locks.queued.acquire(tag, me, mode) {
                    Acquired::Now => {}
                    Acquired::Deadlock => return Err(DatabaseError::DeadlockDetected),
                    Acquired::Queued => {
                        *queued = true;
                        self.wait_on(me, WaitOn::Lock(tag));
                        return Ok(None);
                    }
                }
            }
        }
        let state = &mut self.sessions[me];
        match scope {
            AdvisoryScope::Transaction => state.xact.advisory.push((key, mode)),
            AdvisoryScope::Session => state.advisory.push((key, mode)),
        }
        Ok(Some(if asks_only { Output::Flag(true) } else { Output::Unit }))
    }

    /// Takes a transaction-scoped advisory lock without waiting, in the middle of a statement.
    pub(crate) fn try_advisory_in_statement(&mut self, me: usize, key: i64, mode: LockMode) -> bool {
        let got = self.locks.queued.try_acquire(LockTag::Advisory(key), me, mode);
        if got {
            self.sessions[me].xact.advisory.push((key, mode));
        }
        got
    }

    fn unlock_advisory(&mut self, me: usize, key: i64, mode: LockMode) -> bool {
        let held = &mut self.sessions[me].advisory;
        let Some(at) = held.iter().position(|lock| *lock == (key, mode)) else {
            return false;
        };
        held.remove(at);
        let mut woken = Vec::new();
        self.locks.queued.release(LockTag::Advisory(key), me, mode, &mut woken);
        self.wake(&woken);
        true
    }
}
