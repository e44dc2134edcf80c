//! A client's line to a session: how a statement gets to the server, and what comes back.

use super::StoreError;
use super::late::Delay;
use super::profile::{StatementFault, Statements};
use super::server::{STORE, Server, for_client};
use super::statements::ADVISORY;
use crate::choice::{Alternatives, Site};
use crate::engine::effects::Reach;
use crate::engine::schedule::{Interruption, StatementMoment};
use crate::env::{Env, put, slot, take};
use crate::event::Kind;
use crate::label::Label;
use crate::poller::Turn;
use crate::signal::{Signal, any_changed};
use crate::time::Duration;
use shakedown_database::{
    self as database, Arrangement, DatabaseError, LockWait, Scope, Session, Statement, Step, TableHandle,
    TableLock,
};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

const STATEMENT: Label = Label::new("statement");
const ORDER: Label = Label::new("order of");
const ORDERS: Alternatives = Alternatives::new(&["as scanned", "backwards", "from the middle"]);

/// A client pauses before a statement as long as this lives.
struct Pause<'a>(&'a Cell<u32>);

impl<'a> Pause<'a> {
    fn begin(pauses: &'a Cell<u32>) -> Self {
        pauses.set(pauses.get() + 1);
        Self(pauses)
    }
}

impl Drop for Pause<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

/// One client's use of one session.
pub(super) struct Line {
    pub(super) server: Rc<Server>,
    pub(super) client: Env,
    /// The number under which the client's doings appear in digests.
    pub(super) id: u32,
    session: Result<Session, StoreError>,
    broken: Cell<bool>,
    /// Whether a statement of the dead client is still on its way.
    pub(super) has_orphan: Cell<bool>,
    /// The key that the next statement is about, in a recorded run.
    pub(super) aim: RefCell<String>,
    /// The tables that were read without a lock, in a run that offers interruptions.
    has_read: RefCell<Vec<Label>>,
    /// Whether a statement was sent.
    has_begun: Cell<bool>,
}

impl Line {
    /// A line to a session; without one, the server has rejected the client with this error.
    pub(super) fn to(server: &Rc<Server>, client: &Env, session: Result<Session, StoreError>) -> Self {
        let (server, client) = (Rc::clone(server), client.clone());
        client.world.core.borrow_mut().uses(client.node, server.env.node);
        let (broken, has_orphan) = (Cell::new(false), Cell::new(false));
        let (aim, has_read, has_begun) = (RefCell::default(), RefCell::default(), Cell::new(false));
        let id = server.next_transaction();
        Self { id, server, client, session, broken, has_orphan, aim, has_read, has_begun }
    }

    /// The session, as long as the line holds.
    pub(super) fn session(&self) -> Result<Session, StoreError> {
        if self.broken.get() { Err(StoreError::ConnectionLost) } else { self.session }
    }

    /// Never returns if the client is dead: its statements have no effect.
    pub(super) async fn alive(&self) {
        if !self.client.is_alive() {
            std::future::pending().await
        }
    }

    /// Records that the next action may affect other clients.
    pub(super) fn touch(&self) {
        self.client.world.core.borrow_mut().touch(Reach::Lock, u64::from(self.id));
    }

    /// Returns the session that a statement about `object` reaches, and how long it takes there before it has an
    /// effect. The connection may break at the statement.
    fn reach(&self, object: Label) -> Result<(Session, Delay), StoreError> {
        let session = self.session()?;
        let (faults, transit) = (self.server.profile.statement_faults, self.server.profile.statement / 2);
        if faults.is_empty() {
            return Ok((session, Delay { transit, work: Duration::ZERO }));
        }
        let fault = self.client.choose_fault(&Site::of(STORE, STATEMENT, object), Statements(faults));
        match fault {
            None => return Ok((session, Delay { transit, work: Duration::ZERO })),
            Some(StatementFault::Slow(work)) => {
                self.client.lasts(work);
                return Ok((session, Delay { transit, work }));
            }
            Some(StatementFault::Lost) => {}
        }
        self.lose(object);
        Err(StoreError::ConnectionLost)
    }

    /// Breaks the connection at a statement on `object`, which does not reach the server.
    fn lose(&self, object: Label) {
        self.client.event(Kind::Failed, [object.word(), u64::from(self.id)], || {
            "loses its connection to the store".to_owned()
        });
        self.break_off();
    }

    /// Nothing more goes over the line; the server will notice.
    pub(super) fn break_off(&self) {
        if let Ok(session) = self.session() {
            self.broken.set(true);
            self.server.notice_later(session, self.client.scope());
        }
    }

    /// Interrupts the client before a statement on `object` if the run offers and draws that; waits forever if the client is
    /// dead. `is_read` is a read without a lock.
    async fn ready(&self, object: Label, is_read: bool) {
        match self.interruption(object) {
            None => {}
            Some(Interruption::Pause(length)) => {
                let _pause = Pause::begin(&self.server.pauses);
                self.client.sleep(length).await;
            }
            Some(Interruption::PauseUntilMet(most)) => {
                let _pause = Pause::begin(&self.server.pauses);
                self.until_met(object, most).await;
            }
            // The statement then meets the broken connection.
            Some(Interruption::ConnectionLost) => self.lose(object),
        }
        self.alive().await;
        self.has_begun.set(true);
        if is_read && self.client.world.core.borrow().schedule.offers_statements {
            self.has_read.borrow_mut().push(object);
        }
    }

    fn interruption(&self, object: Label) -> Option<Interruption> {
        let Env { world, node, incarnation, .. } = &self.client;
        let mut core = world.core.borrow_mut();
        if !core.schedule.offers_statements || !core.is_alive(*node, *incarnation) {
            return None;
        }
        let moment =
            StatementMoment { is_first: !self.has_begun.get(), is_amid_pause: self.server.pauses.get() > 0 };
        core.interruption(self.client.place(), object, moment)
    }

    /// Waits until another transaction waits for a lock, or changes a table that this one has read without a lock: that of
    /// the statement, if it is one of them, and otherwise any. Waits no longer than `most`.
    async fn until_met(&self, object: Label, most: Duration) {
        let has_read = self.has_read.borrow().clone();
        let watched = if has_read.contains(&object) { vec![object] } else { has_read };
        let mut signals = self.server.signals_of(&watched);
        signals.push(self.server.waits.clone());
        let seen: Vec<_> = signals.into_iter().map(|signal| (signal.clone(), signal.version())).collect();
        any_changed(&self.client, &seen, self.client.now() + most).await;
    }

    /// Runs a statement that may wait.
    pub(super) async fn run<T: 'static>(
        &self,
        object: Label,
        mut statement: Statement<T>,
    ) -> Result<T, StoreError> {
        self.ready(object, false).await;
        let look = Look::begin(self);
        let (session, delay) = look.note(self.reach(object))?;
        self.touch();
        self.note_user(session, object);
        if !delay.is_none() {
            let answer = self.run_late(session, statement, delay).await;
            self.server.note_acquisition(session);
            self.watch_idleness(session);
            return look.note(for_client(answer));
        }
        let answer = match self.server.start(session, &mut statement) {
            Step::Done(answer) => {
                self.server.settle(&self.client.world);
                answer
            }
            Step::Wait(wait) => self.wait(session, statement, &wait).await,
        };
        self.server.note_acquisition(session);
        self.watch_idleness(session);
        look.note(for_client(answer))
    }

    /// Waits for the end of a statement that waits.
    async fn wait<T: 'static>(
        &self,
        session: Session,
        statement: Statement<T>,
        wait: &database::Wait,
    ) -> Result<T, DatabaseError> {
        let reply = slot();
        let answer = Rc::clone(&reply);
        self.client.aside(Kind::LockWait, || self.server.wait_of(session));
        self.server.tell_holders(&self.server.waits);
        self.server.keep(session, statement, &wait.timers, move |world, result| put(world, &answer, result));
        let wait = Wait { line: self, session, over: Cell::new(false) };
        let result = take(&self.client.world, &reply).await;
        wait.over.set(true);
        result
    }

    /// Runs a read of no table, which never waits.
    pub(super) fn read<T>(
        &self,
        object: Label,
        body: impl FnOnce(&mut Scope<'_>) -> Result<T, DatabaseError>,
    ) -> impl Future<Output = Result<T, StoreError>> {
        self.read_behind(object, || None, body)
    }

    /// Runs a read of a table, which waits only for locks of whole tables.
    pub(super) fn read_table<R: 'static, T>(
        &self,
        object: Label,
        table: TableHandle<R>,
        body: impl FnOnce(&mut Scope<'_>) -> Result<T, DatabaseError>,
    ) -> impl Future<Output = Result<T, StoreError>> {
        self.read_behind(object, move || Some(table.lock(TableLock::AccessShare, LockWait::Block)), body)
    }

    /// Runs a read. While any session holds or awaits a strong lock on a table, it takes a lock of its own first.
    async fn read_behind<T>(
        &self,
        object: Label,
        lock: impl FnOnce() -> Option<Statement<()>>,
        body: impl FnOnce(&mut Scope<'_>) -> Result<T, DatabaseError>,
    ) -> Result<T, StoreError> {
        match self.undisturbed() {
            Some(session) => for_client(self.query(session, body)),
            None => self.read_slowly(object, lock, body).await,
        }
    }

    /// Returns the session, if nothing can intervene in a read now and nothing takes note of it. It is the frequent case.
    fn undisturbed(&self) -> Option<Session> {
        let session = self.session().ok()?;
        let Env { world, node, incarnation, .. } = &self.client;
        let core = world.core.borrow();
        let takes_note = core.recording.is_some() || !core.turns.is_empty();
        let may_intervene = core.schedule.offers_statements || !core.is_alive(*node, *incarnation);
        let is_instant = self.server.profile.has_instant_statements();
        let waits = || self.server.with_database(|database| database.has_table_locks());
        (is_instant && !takes_note && !may_intervene && !waits()).then_some(session)
    }

    async fn read_slowly<T>(
        &self,
        object: Label,
        lock: impl FnOnce() -> Option<Statement<()>>,
        body: impl FnOnce(&mut Scope<'_>) -> Result<T, DatabaseError>,
    ) -> Result<T, StoreError> {
        self.ready(object, true).await;
        let look = Look::begin(self);
        let (session, delay) = look.note(self.reach(object))?;
        self.note_user(session, object);
        if !delay.is_none() {
            self.await_read(session, delay).await.map_err(StoreError::from_server)?;
        }
        if self.server.with_database(|database| database.has_table_locks())
            && let Some(mut lock) = lock()
        {
            let locked = match self.server.start(session, &mut lock) {
                Step::Done(locked) => locked,
                Step::Wait(wait) => self.wait(session, lock, &wait).await,
            };
            look.note(for_client(locked))?;
        }
        let answer = self.query(session, body);
        if !delay.transit.is_zero() {
            self.client.sleep(delay.transit).await;
        }
        look.note(for_client(answer))
    }

    /// Lets the server run a read.
    fn query<T>(
        &self,
        session: Session,
        body: impl FnOnce(&mut Scope<'_>) -> Result<T, DatabaseError>,
    ) -> Result<T, DatabaseError> {
        let now = self.client.now().nanos();
        let (answer, leaves_marks) = self.server.with_database(|database| {
            let answer = database.query(session, now, body);
            (answer, database.is_serializable(session))
        });
        // At serializable others may fail for what this one has read.
        if leaves_marks {
            self.touch();
        }
        if answer.is_err() {
            self.server.settle(&self.client.world);
        }
        self.watch_idleness(session);
        answer
    }

    /// Returns the order of the rows of a statement without `ORDER BY` on `object`.
    pub(super) fn arrangement(&self, object: Label) -> Arrangement {
        if !self.server.profile.unordered {
            return Arrangement::AsScanned;
        }
        match self.client.choose(Site::of(STORE, ORDER, object), &ORDERS).index() {
            0 => Arrangement::AsScanned,
            1 => Arrangement::Reversed,
            _ => Arrangement::FromMiddle,
        }
    }

    /// Tries to take an advisory lock. A poller's turn that does not get the lock waits for releases.
    pub(super) async fn try_lock(&self, statement: Statement<bool>) -> Result<bool, StoreError> {
        let (turn, releases) = (self.client.running_turn(), self.server.releases.clone());
        let before = releases.version();
        let is_locked = self.run(ADVISORY, statement).await?;
        if let Some(turn) = turn.filter(|_| !is_locked) {
            turn.looks_at(&releases, before);
        }
        Ok(is_locked)
    }

    /// Makes the running turn of a poller, if there is one, wait for this signal.
    pub(super) fn looks_at(&self, signal: &Signal) {
        if let Some(turn) = self.client.running_turn() {
            turn.looks_at(signal, signal.version());
        }
    }

    fn watch_idleness(&self, session: Session) {
        if !self.server.profile.idle_in_transaction.is_zero() {
            let timer = self.server.with_database(|database| database.idle_timer(session));
            self.server.set_timers(timer.as_slice());
        }
    }

    /// Rolls back what is open on a line that goes on.
    pub(super) fn roll_back(&self) {
        if let Ok(session) = self.session()
            && self.client.is_alive()
        {
            let rollback = || drop(self.server.start(session, &mut Statement::rollback()));
            self.note_roll_back(session);
            self.server.releasing(session, rollback);
            self.server.settle(&self.client.world);
        }
    }

    /// Gives up the session to another user.
    pub(super) fn leave(&self) -> Result<Session, StoreError> {
        let session = self.session();
        self.broken.set(true);
        session
    }

    /// Hangs up: rolls back what is open and gives the session back, or closes it. What a dead client leaves
    /// behind stays until the server notices.
    pub(super) fn hang_up(&self, keep: bool) {
        let Ok(session) = self.session() else { return };
        self.broken.set(true);
        let world = &self.client.world;
        if !self.client.is_alive() {
            let is_missed = self.has_orphan.get()
                || self.server.with_database(|database| database.is_in_the_way(session));
            if is_missed {
                self.server.notice_later(session, self.client.scope());
            } else {
                self.server.close(world, session);
            }
            return;
        }
        if keep {
            // Others use the session from now on, which they would not if the client had crashed.
            self.touch();
            // A session that the server has ended answers with an error, and is not kept.
            let rollback = || drop(self.server.start(session, &mut Statement::rollback()));
            self.note_roll_back(session);
            self.server.releasing(session, rollback);
            self.server.give_back(session);
            self.server.settle(world);
        } else {
            self.server.close(world, session);
        }
    }
}

/// Records, for the poller's turn that runs the statement, what could change the statement's result.
struct Look<'a>(Option<Watch<'a>>);

struct Watch<'a> {
    turn: Rc<Turn>,
    server: &'a Server,
    /// Held while the statement runs: a release in the meantime raises it.
    releases: Signal,
    released_before: u64,
    skipped_before: u64,
}

impl<'a> Look<'a> {
    fn begin(line: &'a Line) -> Self {
        let server = &*line.server;
        Self(line.client.running_turn().map(|turn| {
            if line
                .session()
                .is_ok_and(|session| server.with_database(|database| database.is_on_standby(session)))
            {
                turn.looks_at(&server.replays, server.replays.version());
            }
            let releases = server.releases.clone();
            let released_before = releases.version();
            let skipped_before = server.with_database(|database| database.skipped());
            Watch { turn, server, releases, released_before, skipped_before }
        }))
    }

    fn note<T>(&self, result: Result<T, StoreError>) -> Result<T, StoreError> {
        if let Some(Watch { turn, server, releases, released_before, skipped_before }) = &self.0 {
            let is_locked_out = matches!(result, Err(StoreError::RowLocked))
                || server.with_database(|database| database.skipped()) != *skipped_before;
            if is_locked_out {
                turn.looks_at(releases, *released_before);
            }
            if result.as_ref().is_err_and(|error| error.may_pass()) {
                turn.fails();
            }
        }
        result
    }
}

/// Cancels a statement if its client abandons it. The statement of a dead client continues.
struct Wait<'a> {
    line: &'a Line,
    session: Session,
    over: Cell<bool>,
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        if !self.over.get() && self.line.client.is_alive() {
            self.line.server.cancel(self.session);
        }
    }
}
