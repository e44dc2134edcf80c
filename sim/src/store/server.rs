//! The server's side: sessions, waiting statements, and the observers of commits.
//!
//! Every action that can unblock another session ends in [`Server::settle`]. The server drives the unblocked
//! statements, not their clients.

use super::error::StoreError;
use super::follower::Follower;
use super::table::CommitObserver;
use super::waits::Client;
use super::{StoreProfile, table};
use crate::access::Access;
use crate::blocked::PendingWait;
use crate::choice::Site;
use crate::engine::effects::Reach;
use crate::env::Env;
use crate::fault::Delays;
use crate::label::Label;
use crate::scope::{Scope, User};
use crate::signal::Signal;
use crate::time::{Duration, Moment};
use crate::world::{Close, World};
use shakedown_database::{
    CommitRecord, Database, DatabaseError, RowChange, Session, Settings, Statement, Step, TableDef,
    TableHandle, Timer,
};
use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

pub(super) const STORE: Label = Label::new("store");
const NOTICE: Label = Label::new("notices a dead client");

/// The server of one store.
pub(super) struct Server {
    pub(super) env: Env,
    pub(super) profile: StoreProfile,
    settings: Settings,
    database: RefCell<Database>,
    /// Open sessions that nobody uses.
    pool: RefCell<Vec<Session>>,
    /// The statement that each session waits in, by the session's number.
    pub(super) waiting: RefCell<Vec<Option<Box<dyn Unfinished>>>>,
    tables: RefCell<Vec<Rc<dyn CommitObserver>>>,
    /// The commit that wrote a row, by the row's address; kept while recording. Each row is kept alive, so
    /// that no address comes to mean another row.
    writers: RefCell<BTreeMap<usize, Written>>,
    /// Who used each session last, by the session's number; kept while recording.
    pub(super) users: RefCell<BTreeMap<usize, Client>>,
    /// What the transaction of each session has locked and written, by the session's number; kept while recording.
    pub(super) held: RefCell<BTreeMap<usize, Vec<Access>>>,
    transactions: Cell<u32>,
    /// Raised, if somebody holds it, when a lock was released or a transaction or session that wrote has ended.
    pub(super) releases: Signal,
    /// Raised, if somebody holds it, when a session keeps a lock beyond the moment at which it took it.
    pub(super) acquisitions: Signal,
    /// Raised, if somebody holds it, at each commit that changes rows.
    pub(super) commits: Signal,
    /// Raised, if somebody holds it, when a statement begins to wait for a lock.
    pub(super) waits: Signal,
    /// The number of clients that pause before a statement.
    pub(super) pauses: Cell<u32>,
    /// Raised, if somebody holds it, when the standby has replayed commits.
    pub(super) replays: Signal,
    /// Raised when notices may have reached a session.
    pub(super) notices: Signal,
    pub(super) down_until: Cell<Moment>,
    pub(super) standby: Follower,
    pub(super) backup: Follower,
    pub(super) failovers: Cell<u32>,
}

/// A committed row, kept alive, and the event of its commit.
type Written = (Rc<dyn Any>, u32);

/// A statement that waits, and the action for its result.
pub(super) trait Unfinished {
    /// Continues it. Returns the timers to set if it waits again.
    fn poll(&mut self, database: &mut Database, session: Session, now: u64) -> Option<Vec<Timer>>;
    fn finish(self: Box<Self>, world: &Rc<World>);
}

struct WaitingStatement<T, F> {
    statement: Statement<T>,
    answer: Option<Result<T, DatabaseError>>,
    then: F,
}

impl<T, F: FnOnce(&Rc<World>, Result<T, DatabaseError>)> Unfinished for WaitingStatement<T, F> {
    fn poll(&mut self, database: &mut Database, session: Session, now: u64) -> Option<Vec<Timer>> {
        match database.poll(session, &mut self.statement, now) {
            Step::Wait(wait) => Some(wait.timers),
            Step::Done(answer) => {
                self.answer = Some(answer);
                None
            }
        }
    }

    fn finish(self: Box<Self>, world: &Rc<World>) {
        if let Some(answer) = self.answer {
            (self.then)(world, answer);
        }
    }
}

pub(super) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// A number that no other store of this world gives its database.
fn database_number(env: &Env) -> u16 {
    let earlier = env.world.core.borrow().holders.len();
    u16::try_from(earlier).expect("a world holds fewer stores, links and queues than that")
}

impl Close for Server {
    /// Statements and hooks may hold the store, which holds them.
    fn close(&self) {
        let transcript = self.with_database(Database::take_transcript);
        if let Some(transcripts) = &mut self.env.world.core.borrow_mut().transcripts {
            transcripts.extend(transcript);
        }
        drop((self.waiting.take(), self.tables.take(), self.users.take()));
    }

    fn pending_waits(&self) -> Vec<PendingWait> {
        self.waits_at_rest()
    }
}

impl Server {
    pub(super) fn new(env: &Env, profile: StoreProfile) -> Rc<Self> {
        let mut database = Database::new(database_number(env));
        database.record_commits(true);
        if env.world.core.borrow().transcripts.is_some() {
            database.keep_transcript();
        }
        let standby = profile.standby_lag.map(|_| database.create_replica());
        let backup = profile.backup_lag.map(|_| database.create_replica());
        let settings = Settings {
            lock_timeout_ns: nanos(profile.lock_timeout),
            statement_timeout_ns: nanos(profile.statement_timeout),
            idle_in_transaction_timeout_ns: nanos(profile.idle_in_transaction),
            deadlock_timeout_ns: nanos(profile.deadlock_timeout),
            default_isolation: profile.isolation,
        };
        let server = Rc::new(Self {
            env: env.clone(),
            profile,
            settings,
            database: RefCell::new(database),
            pool: RefCell::default(),
            waiting: RefCell::default(),
            tables: RefCell::default(),
            writers: RefCell::default(),
            users: RefCell::default(),
            held: RefCell::default(),
            transactions: Cell::new(0),
            releases: Signal::new(),
            acquisitions: Signal::new(),
            commits: Signal::new(),
            waits: Signal::new(),
            pauses: Cell::new(0),
            replays: Signal::new(),
            notices: Signal::new(),
            down_until: Cell::new(Moment::START),
            standby: Follower::new(standby),
            backup: Follower::new(backup),
            failovers: Cell::new(0),
        });
        env.world.at_close(Rc::clone(&server) as _);
        server
    }

    /// Something to be done with the database. It must not act on the store.
    pub(super) fn with_database<T>(&self, act: impl FnOnce(&mut Database) -> T) -> T {
        act(&mut self.database.borrow_mut())
    }

    pub(super) fn create_table<R: table::Row>(
        &self,
        def: TableDef<R>,
        observer: Rc<dyn CommitObserver>,
    ) -> Result<TableHandle<R>, DatabaseError> {
        let created = self.with_database(|database| database.create_table(def))?;
        self.tables.borrow_mut().push(observer);
        Ok(created)
    }

    pub(super) fn next_transaction(&self) -> u32 {
        self.transactions.set(self.transactions.get() + 1);
        self.transactions.get()
    }

    /// Returns an idle session of the pool, or a new one.
    ///
    /// # Errors
    /// As [`Server::new_session`].
    pub(super) fn pooled_session(&self) -> Result<Session, StoreError> {
        if self.is_down() {
            return Err(StoreError::ConnectionLost);
        }
        let pooled = self.pool.borrow_mut().pop();
        pooled.map_or_else(|| self.new_session(), Ok)
    }

    /// Opens a session.
    ///
    /// # Errors
    /// [`StoreError::ConnectionLost`] while the server is down, [`StoreError::TooManyConnections`] at its limit.
    pub(super) fn new_session(&self) -> Result<Session, StoreError> {
        if self.is_down() {
            return Err(StoreError::ConnectionLost);
        }
        let max = self.profile.connections_max;
        self.with_database(|database| {
            if max < u32::MAX && database.open_sessions() >= max as usize {
                return Err(StoreError::TooManyConnections);
            }
            Ok(database.connect_with(self.settings))
        })
    }

    /// Returns whether the server has not ended a session.
    pub(super) fn is_open(&self, session: Session) -> bool {
        self.with_database(|database| database.is_open(session))
    }

    /// Gives a session the settings with which sessions begin (`RESET ALL`).
    pub(super) fn reset_settings(&self, session: Session) {
        let settings = self.settings;
        for mut statement in [
            Statement::set_lock_timeout(settings.lock_timeout_ns),
            Statement::set_statement_timeout(settings.statement_timeout_ns),
            Statement::set_idle_in_transaction_timeout(settings.idle_in_transaction_timeout_ns),
            Statement::set_deadlock_timeout(settings.deadlock_timeout_ns),
            Statement::set_default_isolation(settings.default_isolation),
        ] {
            drop(self.start(session, &mut statement));
        }
    }

    /// Returns a session to the pool, or closes it if it has state of its own.
    pub(super) fn give_back(&self, session: Session) {
        let mut database = self.database.borrow_mut();
        if database.is_fresh(session, &self.settings) && !database.is_on_standby(session) {
            self.pool.borrow_mut().push(session);
        } else {
            database.disconnect(session);
        }
    }

    /// Closes every session that nobody uses.
    pub(super) fn empty_pool(&self) {
        let pool = self.pool.take();
        self.with_database(|database| pool.into_iter().for_each(|session| database.disconnect(session)));
    }

    /// Starts a statement. The caller [keeps](Server::keep) one that waits.
    pub(super) fn start<T>(&self, session: Session, statement: &mut Statement<T>) -> Step<T> {
        let now = self.env.now().nanos();
        self.with_database(|database| database.poll(session, statement, now))
    }

    /// Keeps a statement that waits, to go on with it by itself.
    pub(super) fn keep<T: 'static>(
        self: &Rc<Self>,
        session: Session,
        statement: Statement<T>,
        timers: &[Timer],
        then: impl FnOnce(&Rc<World>, Result<T, DatabaseError>) + 'static,
    ) {
        let mut waiting = self.waiting.borrow_mut();
        if waiting.len() <= session.number() {
            waiting.resize_with(session.number() + 1, || None);
        }
        waiting[session.number()] = Some(Box::new(WaitingStatement { statement, answer: None, then }));
        drop(waiting);
        self.set_timers(timers);
    }

    pub(super) fn set_timers(self: &Rc<Self>, timers: &[Timer]) {
        for timer in timers.iter().copied() {
            let (server, now) = (Rc::clone(self), self.env.now().nanos());
            let after = Duration::from_nanos(timer.at.saturating_sub(now));
            self.env.world.act_later(self.env.place(), after, move |world| {
                // It may end the session.
                server.releasing(timer.session, || {
                    server.with_database(|database| database.timer(timer, timer.at));
                });
                server.settle(world);
            });
        }
    }

    /// Runs an action that may release locks of this session, and wakes the pollers that were excluded by them.
    pub(super) fn releasing<T>(&self, session: Session, act: impl FnOnce() -> T) -> T {
        let held = self.releases.is_held() && self.with_database(|database| database.is_in_the_way(session));
        let done = act();
        if held {
            self.releases.raise_in(&self.env.world);
        }
        done
    }

    /// Raises `acquisitions`, if somebody holds it, unless the session releases its locks at this moment.
    pub(super) fn note_acquisition(self: &Rc<Self>, session: Session) {
        if !self.acquisitions.is_held() {
            return;
        }
        let server = Rc::clone(self);
        self.env.world.deliver(self.env.place(), Duration::ZERO, move |_| {
            if server.with_database(|database| database.is_in_the_way(session)) {
                server.tell_holders(&server.acquisitions);
            }
        });
    }

    /// Raises a signal, if somebody holds it.
    pub(super) fn tell_holders(&self, signal: &Signal) {
        if signal.is_held() {
            signal.raise_in(&self.env.world);
        }
    }

    /// Goes on with every statement that can, in the order in which they came to wait.
    pub(super) fn settle(self: &Rc<Self>, world: &Rc<World>) {
        loop {
            let ready = self.with_database(Database::take_ready);
            if ready.is_empty() {
                return;
            }
            for session in ready {
                let kept = self.waiting.borrow_mut().get_mut(session.number()).and_then(Option::take);
                let Some(mut statement) = kept else { continue };
                world.core.borrow_mut().touch(Reach::Lock, session.number() as u64);
                let now = self.env.now().nanos();
                match self.with_database(|database| statement.poll(database, session, now)) {
                    None => statement.finish(world),
                    Some(timers) => {
                        self.waiting.borrow_mut()[session.number()] = Some(statement);
                        self.set_timers(&timers);
                    }
                }
            }
        }
    }

    /// Passes the changes of a commit to the tables and wakes the tasks that wait for them.
    pub(super) fn publish(self: &Rc<Self>, server: &Env, event: u32) {
        let commits = self.with_database(Database::take_commits);
        let recording = server.world.core.borrow().recording.is_some();
        for commit in &commits {
            for change in &commit.changes {
                self.observe(change, |table| table.committed(server, change));
                if let Some(row) = change.after.as_ref().filter(|_| recording) {
                    let place = Rc::as_ptr(row).cast::<()>().addr();
                    self.writers.borrow_mut().insert(place, (Rc::clone(row), event));
                }
            }
            self.raise_signals(server, commit);
            self.tell_holders(&self.commits);
        }
        self.follow(commits);
        if self.with_database(|database| !database.notified().is_empty()) {
            self.notices.raise(server);
        }
        self.settle(&server.world);
    }

    /// Calls the observer of a changed table. The list of tables is not borrowed meanwhile: a hook may use the store.
    pub(super) fn observe(&self, change: &RowChange, call: impl FnOnce(&dyn CommitObserver)) {
        let table = self.tables.borrow().get(change.table).map(Rc::clone);
        if let Some(table) = table {
            call(&*table);
        }
    }

    pub(super) fn raise_signals(&self, server: &Env, commit: &CommitRecord) {
        for (at, change) in commit.changes.iter().enumerate() {
            if commit.changes[..at].iter().all(|earlier| earlier.table != change.table) {
                self.observe(change, |table| table.signal().raise(server));
            }
        }
    }

    /// Returns the signals of the tables with these names; other names are ignored.
    pub(super) fn signals_of(&self, names: &[Label]) -> Vec<Signal> {
        let tables = self.tables.borrow();
        tables
            .iter()
            .filter(|table| names.contains(&table.name()))
            .map(|table| table.signal().clone())
            .collect()
    }

    /// Records in the trace which commit wrote the row that is read.
    pub(super) fn note_read<R>(&self, row: &R) {
        let mut core = self.env.world.core.borrow_mut();
        if core.recording.is_none() {
            return;
        }
        let place = std::ptr::from_ref(row).addr();
        if let Some((_, event)) = self.writers.borrow().get(&place) {
            core.follows_from(*event);
        }
    }

    /// The client is gone. The server notices that later and then ends the session.
    pub(super) fn notice_later(self: &Rc<Self>, session: Session, scope: Scope) {
        let server = self.env.within(scope);
        let site = Site::new(STORE, NOTICE);
        let delay = server.fault_for(User::ENGINE, &site, Delays(self.profile.notice)).unwrap_or_default();
        if !delay.is_zero() {
            server.lasts(delay);
        }
        // The client's line already has the error of a session that was ended meanwhile.
        let gone = self.with_database(|database| database.client_gone(session, None::<Statement<()>>));
        let here = Rc::clone(self);
        drop(gone);
        server.world.act_later(server.place(), delay, move |world| here.close(world, session));
    }

    /// Ends a session from the server's side.
    pub(super) fn close(self: &Rc<Self>, world: &Rc<World>, session: Session) {
        if let Some(kept) = self.waiting.borrow_mut().get_mut(session.number()) {
            drop(kept.take());
        }
        if self.holds_noted(session) {
            self.note_release(&self.env, session, "ends a session");
        }
        self.releasing(session, || self.with_database(|database| database.disconnect(session)));
        self.settle(world);
    }

    /// Cancels a statement that its client has abandoned.
    pub(super) fn cancel(self: &Rc<Self>, session: Session) {
        drop(self.with_database(|database| database.cancel(session)));
        self.settle(&self.env.world);
    }
}

/// The result as the client receives it.
pub(super) fn for_client<T>(answer: Result<T, DatabaseError>) -> Result<T, StoreError> {
    answer.map_err(StoreError::from_server)
}
