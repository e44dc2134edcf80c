//! Drives statements: the first poll, the polls after a wait, timers, and the end.

use crate::Database;
use crate::checks::Checks;
use crate::error::DatabaseError;
use crate::lock_manager::LockTag;
use crate::scope::Scope;
use crate::session::{Session, Timer, TimerKind, WaitFor, WaitOn, Waiting};
use crate::statement::{Op, Output, Statement, Step, Wait};
use crate::xact::{Block, Snapshot, Xid};

impl Database {
    /// Polls a statement: the first poll starts it, and each poll advances it as far as possible.
    ///
    /// A finished statement must not be polled again, and a session runs one statement at a time; both mistakes give
    /// [`DatabaseError::Misuse`].
    pub fn poll<T>(&mut self, session: Session, statement: &mut Statement<T>, now: u64) -> Step<T> {
        self.now = self.now.max(now);
        let me = match self.slot(session, "poll") {
            Ok(me) => me,
            Err(error) => return Step::Done(Err(error)),
        };
        if statement.database != 0 && statement.database != self.identity {
            return Step::Done(Err(DatabaseError::ForeignHandle { call: "poll: the statement's table" }));
        }
        match self.drive(me, &mut statement.op, &mut statement.serial) {
            Ok(None) => Step::Wait(self.describe_wait(me)),
            Ok(Some(output)) => {
                let misread = DatabaseError::Misuse { call: "poll: the result has another type" };
                Step::Done((statement.read)(output).ok_or(misread))
            }
            Err(error) => Step::Done(Err(error)),
        }
    }

    /// Advances a statement; returns `None` while it waits.
    pub(crate) fn drive(
        &mut self,
        me: usize,
        op: &mut Op,
        serial: &mut u64,
    ) -> Result<Option<Output>, DatabaseError> {
        if self.recorder.is_none() {
            return self.start_or_go_on(me, op, serial);
        }
        if *serial == 0 {
            self.transcribe_start(me, op);
        }
        let result = self.start_or_go_on(me, op, serial);
        match &result {
            Ok(None) => {}
            Ok(Some(output)) => self.transcribe_reply(me, Ok(Some(output))),
            Err(error) => self.transcribe_reply(me, Err(error)),
        }
        result
    }

    fn start_or_go_on(
        &mut self,
        me: usize,
        op: &mut Op,
        serial: &mut u64,
    ) -> Result<Option<Output>, DatabaseError> {
        if *serial == 0 {
            self.start_or_fail(me, op, serial)?;
        } else if *serial != self.sessions[me].running {
            return Err(DatabaseError::Misuse { call: "poll: the statement is finished" });
        }
        if let Some(error) = self.sessions[me].verdict.take() {
            self.sessions[me].running = 0;
            *op = Op::Spent;
            return Err(error);
        }
        match self.advance(me, op) {
            Ok(None) => Ok(None),
            Ok(Some(output)) => {
                self.finish(me);
                Ok(Some(output))
            }
            Err(error) => {
                let ends = matches!(op, Op::Commit { .. }) || self.sessions[me].ending.is_some();
                self.fail(me, ends);
                self.finish(me);
                *op = Op::Spent;
                Err(error)
            }
        }
    }

    /// Runs a read as one statement. It cannot wait, so it needs no statement of its own, and `body` may borrow from
    /// its caller.
    ///
    /// ```
    /// use shakedown_database::{Database, TableDef};
    /// let mut db = Database::new(0);
    /// let jobs = db.create_table(TableDef::keyed("job", |job: &(i64, bool)| job.0.into()))?;
    /// let session = db.connect();
    /// assert!(db.query(session, 0, |scope| scope.get(jobs, 7))?.is_none());
    /// # Ok::<(), shakedown_database::DatabaseError>(())
    /// ```
    ///
    /// # Errors
    /// The error of the read; the transaction has failed then.
    pub fn query<T>(
        &mut self,
        session: Session,
        now: u64,
        body: impl FnOnce(&mut Scope<'_>) -> Result<T, DatabaseError>,
    ) -> Result<T, DatabaseError> {
        self.now = self.now.max(now);
        let me = self.slot(session, "query")?;
        if self.recorder.is_none() {
            return self.query_in(me, body);
        }
        self.transcribe_start(me, &Op::Compute(None));
        let answer = self.query_in(me, body);
        self.transcribe_reply(me, answer.as_ref().map(|_| None));
        answer
    }

    fn query_in<T>(
        &mut self,
        me: usize,
        body: impl FnOnce(&mut Scope<'_>) -> Result<T, DatabaseError>,
    ) -> Result<T, DatabaseError> {
        self.start_or_fail(me, &Op::Compute(None), &mut 0)?;
        let Some(snapshot) = self.sessions[me].snapshot else {
            return Err(DatabaseError::Misuse { call: "query: the statement has no snapshot" });
        };
        let mut answer = body(&mut Scope { db: self, me, snapshot });
        if answer.is_ok() && self.sessions[me].xact.block == Block::Implicit {
            answer = self.commit_now(me).and(answer);
        }
        if answer.is_err() {
            self.fail(me, false);
        }
        self.finish(me);
        answer
    }

    fn start_or_fail(&mut self, me: usize, op: &Op, serial: &mut u64) -> Result<(), DatabaseError> {
        let started = self.start(me, op, serial);
        // A rejected statement leaves a running statement and a failed block unchanged.
        if started.is_err() && self.sessions[me].running == *serial {
            self.fail(me, false);
            self.finish(me);
        }
        started
    }

    fn advance(&mut self, me: usize, op: &mut Op) -> Result<Option<Output>, DatabaseError> {
        if self.sessions[me].ending.is_none() {
            let Some(output) = self.run(me, op)? else {
                return Ok(None);
            };
            if self.sessions[me].xact.block != Block::Implicit {
                *op = Op::Spent;
                return Ok(Some(output));
            }
            if self.sessions[me].xact.deferred.is_empty() {
                self.commit_now(me)?;
                *op = Op::Spent;
                return Ok(Some(output));
            }
            *op = Op::Answer(output);
            let deferred = std::mem::take(&mut self.sessions[me].xact.deferred);
            self.sessions[me].ending = Some(Checks::of(deferred));
        }
        let mut checks = self.sessions[me].ending.take().unwrap_or_default();
        let passed = self.run_checks(me, &mut checks);
        self.sessions[me].ending = Some(checks);
        if !passed? {
            return Ok(None);
        }
        self.commit_now(me)?;
        match std::mem::replace(op, Op::Spent) {
            Op::Answer(output) => Ok(Some(output)),
            _ => Err(DatabaseError::Misuse { call: "poll: the statement has lost its result" }),
        }
    }

    /// Starts a statement: checks that it is acceptable now, and takes its snapshot.
    fn start(&mut self, me: usize, op: &Op, serial: &mut u64) -> Result<(), DatabaseError> {
        if self.sessions[me].running != 0 {
            return Err(DatabaseError::Misuse {
                call: "poll: the session is still running another statement",
            });
        }
        self.serial += 1;
        *serial = self.serial;
        let block = self.sessions[me].xact.block;
        let ends_block = matches!(op, Op::Commit { .. } | Op::Rollback | Op::RollbackTo(_));
        if block == Block::Failed && !ends_block {
            return Err(DatabaseError::InFailedTransaction);
        }
        let state = &mut self.sessions[me];
        state.running = *serial;
        state.started = self.now;
        if let Op::Chain { first, .. } = op
            && first.is_control()
        {
            return Err(DatabaseError::Misuse {
                call: "Statement::map: a statement about the transaction stands alone",
            });
        }
        if op.is_control() {
            return Ok(());
        }
        if block == Block::Idle {
            let level = state.settings.default_isolation;
            self.open_xact(me, Block::Implicit, level, false);
        }
        if !matches!(op, Op::Notify { .. } | Op::Listen { .. }) {
            self.take_snapshot(me)?;
        }
        Ok(())
    }

    fn take_snapshot(&mut self, me: usize) -> Result<(), DatabaseError> {
        let xact = &self.sessions[me].xact;
        if xact.level == crate::Isolation::Serializable && self.sessions[me].replica.is_some() {
            return Err(DatabaseError::Unsupported { what: "serializable on a standby" });
        }
        let command = xact.command;
        let keeps = xact.level.keeps_snapshot();
        let snapshot = match self.sessions[me].snapshot.filter(|_| keeps) {
            Some(snapshot) => Snapshot { command, ..snapshot },
            None => self.fresh_snapshot(me),
        };
        let serializable = xact.level == crate::Isolation::Serializable && xact.sxact.is_none();
        let read_only = xact.read_only;
        let state = &mut self.sessions[me];
        state.snapshot = Some(snapshot);
        state.xact.has_queried = true;
        if serializable {
            state.xact.sxact = Some(self.ssi.begin(read_only));
        }
        Ok(())
    }

    /// Returns a snapshot of this moment; on a standby, of the replayed commits.
    pub(crate) fn fresh_snapshot(&self, me: usize) -> Snapshot {
        let csn = self.replayed(me).unwrap_or(self.csn);
        let oldest = self.live.first_key_value().map(|(xid, _)| *xid);
        let xmin = oldest.unwrap_or(crate::Xid(self.next_xid));
        Snapshot { csn, command: self.sessions[me].xact.command, xmin }
    }

    /// Advances an operation as far as possible.
    fn run(&mut self, me: usize, op: &mut Op) -> Result<Option<Output>, DatabaseError> {
        if self.sessions[me].snapshot.is_some() && !self.enter_tables(me, op)? {
            return Ok(None);
        }
        let Some(snapshot) = self.sessions[me].snapshot else {
            return self.run_control(me, op);
        };
        match op {
            Op::Get { table, key } => {
                let (table, key) = (*table, std::mem::replace(key, crate::Key::null()));
                Ok(Some(Output::Row(self.read_by_key(me, table, &key, snapshot)?)))
            }
            Op::Select(select) => {
                if select.lock.is_some() {
                    self.require_writable(me)?;
                }
                self.run_select(me, snapshot, select)
            }
            Op::Insert(insert) => {
                self.require_writable(me)?;
                self.run_insert(me, snapshot, insert)
            }
            Op::Write(write) => {
                self.require_writable(me)?;
                self.run_write(me, snapshot, write)
            }
            Op::Compute(body) => {
                let Some(body) = body.take() else { return Ok(None) };
                body(&mut Scope { db: self, me, snapshot }).map(Some)
            }
            Op::Chain { first, next } => {
                let Some(output) = self.run(me, first)? else {
                    return Ok(None);
                };
                let Some(next) = next.take() else {
                    return Ok(Some(output));
                };
                let (database, second) = next(output, &mut Scope { db: self, me, snapshot })?;
                if database != 0 && database != self.identity {
                    return Err(DatabaseError::ForeignHandle { call: "Statement::then: the second part" });
                }
                **first = second;
                self.run(me, first)
            }
            _ => self.run_control(me, op),
        }
    }

    fn require_writable(&self, me: usize) -> Result<(), DatabaseError> {
        let state = &self.sessions[me];
        let read_only = state.xact.read_only || state.replica.is_some();
        if read_only { Err(DatabaseError::ReadOnlyTransaction) } else { Ok(()) }
    }

    /// Ends a statement, successful or not.
    fn finish(&mut self, me: usize) {
        let state = &mut self.sessions[me];
        if state.xact.wrote {
            state.xact.wrote = false;
            state.xact.command += 1;
        }
        if !state.xact.level.keeps_snapshot() || state.xact.block == Block::Idle {
            state.snapshot = None;
        }
        state.running = 0;
        state.ending = None;
        state.idle_since = self.now;
        state.idle_epoch += 1;
    }

    /// Makes a session wait, or continue to wait.
    pub(crate) fn wait_on(&mut self, me: usize, on: WaitOn) {
        let on = match on {
            WaitOn::Xid(xid) => WaitOn::Xid(self.held_id(xid)),
            other => other,
        };
        if self.sessions[me].waiting.is_some_and(|waiting| waiting.on == on) {
            return;
        }
        self.stop_waiting(me);
        self.epoch += 1;
        self.sessions[me].waiting = Some(Waiting { on, since: self.now, epoch: self.epoch });
        if let WaitOn::Xid(xid) = on {
            self.locks.await_xid(xid, me);
        }
    }

    /// Returns the id whose end ends a wait for this one: that of the whole transaction, if the savepoint of this one was
    /// released (PostgreSQL source, `XactLockTableWait`).
    fn held_id(&self, xid: Xid) -> Xid {
        let Some(xact) = self.live.get(&xid).map(|session| &self.sessions[*session].xact) else {
            return xid;
        };
        let is_held = xact.savepoints.iter().any(|savepoint| savepoint.xid == Some(xid));
        if is_held { xid } else { xact.xid.unwrap_or(xid) }
    }

    /// Cancels a wait that has not ended by itself.
    pub(crate) fn stop_waiting(&mut self, me: usize) {
        let mut woken = Vec::new();
        match self.sessions[me].waiting.take().map(|waiting| waiting.on) {
            Some(WaitOn::Xid(xid)) => self.locks.forget_xid_wait(xid, me),
            Some(WaitOn::Lock(tag)) => self.locks.queued.cancel(tag, me, &mut woken),
            Some(WaitOn::Table(table)) => self.locks.tables.cancel(table, me, &mut woken),
            Some(WaitOn::Acknowledgement) | None => {}
        }
        self.wake(&woken);
    }

    /// Lists sessions as ready.
    pub(crate) fn wake(&mut self, slots: &[usize]) {
        for slot in slots {
            self.sessions[*slot].waiting = None;
            if !self.ready.contains(slot) {
                self.ready.push_back(*slot);
            }
        }
    }

    fn describe_wait(&self, me: usize) -> Wait {
        let state = &self.sessions[me];
        let session = self.handle(me);
        let (on, since, epoch) = match state.waiting {
            Some(Waiting { on, since, epoch }) => (on, since, epoch),
            None => (WaitOn::Acknowledgement, self.now, 0),
        };
        let mut timers = Vec::new();
        let mut add = |ns: u64, from: u64, kind, epoch| {
            if ns > 0 {
                timers.push(Timer { at: from.saturating_add(ns), session, kind, epoch });
            }
        };
        if on != WaitOn::Acknowledgement {
            add(state.settings.deadlock_timeout_ns, since, TimerKind::Deadlock, epoch);
            add(state.settings.lock_timeout_ns, since, TimerKind::Lock, epoch);
        }
        add(state.settings.statement_timeout_ns, state.started, TimerKind::Statement, state.running);
        let on = match on {
            WaitOn::Xid(xid) => WaitFor::Transaction(xid),
            WaitOn::Lock(LockTag::Place(..)) => WaitFor::RowQueue,
            WaitOn::Lock(LockTag::Advisory(key)) => WaitFor::Advisory(key),
            WaitOn::Table(table) => WaitFor::Table(table),
            WaitOn::Acknowledgement => WaitFor::Acknowledgement,
        };
        Wait { on, timers }
    }

    /// Notifies the database that a timer is due. A timer without purpose does nothing.
    pub fn timer(&mut self, timer: Timer, now: u64) {
        self.now = self.now.max(now);
        let Ok(me) = self.peek_slot(timer.session) else {
            return;
        };
        let state = &self.sessions[me];
        let waits = state.waiting.is_some_and(|waiting| waiting.epoch == timer.epoch);
        match timer.kind {
            TimerKind::Deadlock if waits => self.check_for_deadlock(me),
            TimerKind::Lock if waits => self.interrupt(me, DatabaseError::LockTimeout),
            TimerKind::Statement if state.running == timer.epoch && state.waiting.is_some() => {
                self.interrupt(me, DatabaseError::StatementTimeout);
            }
            TimerKind::IdleInTransaction => {
                let idle = state.running == 0 && state.idle_epoch == timer.epoch;
                if idle && matches!(state.xact.block, Block::Open | Block::Failed) {
                    self.end_session(me, DatabaseError::IdleInTransactionTimeout);
                }
            }
            _ => {}
        }
    }

    /// Ends a waiting statement with an error. Its transaction fails immediately; its client receives the error at
    /// the next poll.
    pub(crate) fn interrupt(&mut self, me: usize, error: DatabaseError) {
        if self.sessions[me].xact.durable {
            // A durable commit cannot be undone: the wait ends, and the commit remains.
            self.wake(&[me]);
            return;
        }
        self.transcribe_cancel(me);
        let ends = self.sessions[me].ending.is_some() || self.sessions[me].committing;
        let running = self.sessions[me].running;
        self.fail(me, ends);
        self.finish(me);
        self.sessions[me].running = running;
        self.sessions[me].verdict = Some(error);
        self.wake(&[me]);
    }
}
