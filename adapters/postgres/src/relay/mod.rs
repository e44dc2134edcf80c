//! The relay: the node that clients connect to. It speaks the protocol with them over simulated streams, and with the real server over a
//! local socket.

mod batch;
mod session;
mod startup;
mod wording;

use crate::changes::RowChange;
use crate::engine::{Batch, Ending, Engine, FIRST_PROCESS, Notice, State, World};
use crate::faults::{Fate, ServerFaults};
use crate::frame;
use crate::server::Server;
use crate::statement;
use shakedown_net::Listener;
use shakedown_sim::access::Access;
use shakedown_sim::ambient::Handle;
use shakedown_sim::trace::Kind;
use shakedown_sim::{Alternatives, Env, Label, Moment, Site, time};
use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::rc::Rc;
use std::sync::{Arc, MutexGuard};
use std::task::Waker;

pub(crate) use wording::{Wording, response};

const SESSION: Label = Label::new("session");
const STATEMENT: Label = Label::new("statement");
const CONTINUES: Label = Label::new("continues");

/// States what a committed row means.
pub(crate) type StateFact = Box<dyn Fn(&Env, &RowChange)>;

/// The server as a node of one run.
pub(crate) struct Relay {
    server: Arc<Server>,
    /// The number of the run among those of the server.
    run: u64,
    role: Label,
    faults: &'static ServerFaults,
    state_fact: StateFact,
    /// Until when the server restarts.
    down_until: Cell<Moment>,
    /// The rows that sessions have committed since their last step; filled only while the run is recorded.
    written: RefCell<Vec<(Handle, Access)>>,
    /// The rows that were committed in this run, and when; filled only if a standby may lag.
    committed: RefCell<Vec<(Moment, RowChange)>>,
}

/// What there is for a session's client.
pub(crate) enum News {
    /// The current batch has ended, with this output.
    Ended(Ending, Vec<u8>),
    /// The session waits, until a deadline if there is one: a time on the server's clock, in microseconds since 1970.
    Waits(Option<i64>),
    /// The session is idle, with output that no request caused, such as a notification.
    Idle(Vec<u8>),
}

/// Serves clients until the node ends.
pub(crate) async fn serve(relay: Rc<Relay>) {
    // Sessions of the node's previous incarnation.
    if let Some(mut engine) = relay.engine() {
        engine.end_sessions();
    }
    let address = SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 5432);
    let Ok(listener) = Listener::bind(address) else { return };
    loop {
        let stream = poll_fn(|context| listener.poll_accept(context)).await;
        let own = Handle::current().within(stream.scope());
        let relay = Rc::clone(&relay);
        own.spawn(session::serve(relay, stream, own));
    }
}

impl Relay {
    pub(crate) fn new(
        server: Arc<Server>,
        run: u64,
        role: Label,
        faults: &'static ServerFaults,
        state_fact: StateFact,
    ) -> Self {
        let (down_until, written) = (Cell::new(Moment::START), RefCell::default());
        Self { server, run, role, faults, state_fact, down_until, written, committed: RefCell::default() }
    }

    /// Returns the engine, unless it serves another run by now.
    fn engine(&self) -> Option<MutexGuard<'_, Engine>> {
        let engine = self.server.engine();
        (engine.run() == self.run).then_some(engine)
    }

    /// Returns why no session is opened now, as a message: a fault, or a restart.
    fn refuses(&self, own: Handle) -> Option<Vec<u8>> {
        let starting = || frame::fatal("57P03", "the database system is starting up");
        if own.now() < self.down_until.get() {
            return Some(starting());
        }
        match self.choose(own, &Site::new(self.role, SESSION), &self.faults.session) {
            None => None,
            Some("too many connections") => Some(frame::fatal("53300", "sorry, too many clients already")),
            Some("starting up") => Some(starting()),
            Some(other) => unreachable!("`{other}` was rejected when the world was built"),
        }
    }

    /// Chooses what becomes of a batch.
    fn fate(&self, own: Handle, name: Label) -> Fate {
        let faults = if statement::commits(name) { &self.faults.commit } else { &self.faults.statement };
        self.choose(own, &Site::of(self.role, STATEMENT, name), faults).map_or(Fate::Runs, Fate::named)
    }

    /// Returns the name of the fault that was chosen, if it is not the benign alternative.
    fn choose(&self, own: Handle, site: &Site, among: &Alternatives) -> Option<&'static str> {
        let pick = own.choose(site, among);
        if pick.is_benign() { None } else { among.names().get(pick.index()).copied() }
    }

    fn submit(&self, own: Handle, number: usize, batch: &Batch<'_>) {
        if let Some(mut engine) = self.engine() {
            engine.submit(number, batch, own.wall_clock(), &mut &*self);
        }
    }

    fn rouse(&self, own: Handle, number: usize, notice: Notice) {
        if let Some(mut engine) = self.engine() {
            engine.rouse(number, notice, own.wall_clock(), &mut &*self);
        }
    }

    fn close(&self, own: Handle, number: usize) {
        if let Some(mut engine) = self.engine() {
            engine.close(number, own.wall_clock(), &mut &*self);
        }
    }

    /// Restarts the server: all sessions end, what was not committed is gone, and for a while there are no new ones.
    fn restart(&self, own: Handle) {
        self.down_until.set(own.now() + self.faults.restart);
        own.step(Kind::Stop, [2, 0], None, || "restarts; all sessions end".to_owned());
        if let Some(mut engine) = self.engine() {
            engine.end_sessions();
        }
    }

    /// Replaces the server by its standby, after a commit: as a restart. An asynchronous standby does not have the commits of the last
    /// while. The one at which it takes over was rolled back before.
    fn fail_over(&self, own: Handle) {
        let Some(lag) = self.faults.lag() else {
            own.step(Kind::Stop, [4, 0], None, || "is replaced by a standby that has all commits".to_owned());
            return self.restart(own);
        };
        let (kept, lost): (Vec<_>, Vec<_>) =
            self.committed.take().into_iter().partition(|(time, _)| *time + lag <= own.now());
        let count = 1 + lost.chunk_by(|(_, one), (_, next)| one.transaction == next.transaction).count();
        own.step(Kind::Stop, [3, 0], None, || match count {
            1 => "is replaced by a standby that does not have the last commit".to_owned(),
            _ => format!(
                "is replaced by a standby that is {} behind: it does not have the last {count} commits",
                time::text(lag)
            ),
        });
        self.restart(own);
        if !lost.is_empty() {
            let rows = |changes: &[(Moment, RowChange)]| -> Vec<RowChange> {
                changes.iter().map(|(_, change)| change.clone()).collect()
            };
            let changes = self.engine().map(|mut engine| engine.rewind(&rows(&kept), &rows(&lost)));
            self.state(own, &changes.unwrap_or_default());
        }
        self.committed.replace(kept);
    }

    /// States what rows are from now on.
    fn state(&self, by: Handle, changes: &[RowChange]) {
        let Some(env) = by.try_env() else { return };
        for change in changes {
            let access = || {
                let access = change.access();
                self.written.borrow_mut().push((by, access.clone()));
                access
            };
            env.for_row(access, || (self.state_fact)(&env, change));
        }
    }

    /// Takes the rows that a session has committed, without repeats.
    fn take_written(&self, own: Handle) -> Vec<Access> {
        let (taken, left) = self.written.take().into_iter().partition(|(by, _)| *by == own);
        self.written.replace(left);
        let taken: Vec<(Handle, Access)> = taken;
        let mut accesses: Vec<Access> = Vec::new();
        for (_, access) in taken {
            if !accesses.contains(&access) {
                accesses.push(access);
            }
        }
        accesses
    }

    /// Returns whether a session is in a transaction block that has not failed.
    fn is_in_block(&self, number: usize) -> bool {
        let Some(mut engine) = self.engine() else { return false };
        engine.slot(number).is_some_and(|slot| slot.status == b'T')
    }

    /// Cancels the statement of a session that waits. A statement that does not wait has ended by now.
    fn cancel(&self, own: Handle, process: i32) {
        let number = u32::try_from(process).ok().and_then(|process| process.checked_sub(FIRST_PROCESS));
        if let Some(number) = number {
            self.rouse(own, number as usize, Notice::Cancel);
        }
    }

    /// Makes a session read the clock, because its idle timeout has passed.
    fn look_at_clock(&self, own: Handle, number: usize) {
        if let Some(mut engine) = self.engine() {
            engine.look_at_clock(number, own.wall_clock(), &mut &*self);
        }
    }

    /// Returns when a session's timeout for being idle passes, on the server's clock, if it has one.
    fn idle_until(&self, number: usize) -> Option<i64> {
        self.engine()?.slot(number)?.idle_until()
    }

    /// Notes the settings that the texts of a batch may change in a session.
    fn notes(&self, number: usize, texts: &[String]) {
        if let Some(mut engine) = self.engine()
            && let Some(slot) = engine.slot(number)
        {
            texts.iter().for_each(|sql| slot.notes(sql));
        }
    }

    /// Sets the waker that wakes when there is news of a session.
    fn awaits(&self, number: usize, waker: &Waker) {
        if let Some(mut engine) = self.engine() {
            engine.awaits(number, waker);
        }
    }

    /// Returns whether a session waits.
    fn waits(&self, number: usize) -> bool {
        let Some(mut engine) = self.engine() else { return false };
        engine.slot(number).is_some_and(|slot| matches!(slot.state, State::Waiting { .. }))
    }

    /// Takes what there is for a session's client.
    fn news(&self, number: usize) -> News {
        let ended = || {
            News::Ended(
                Ending::Closed,
                frame::fatal("57P01", "terminating connection due to administrator command"),
            )
        };
        let Some(mut engine) = self.engine() else { return ended() };
        let Some(slot) = engine.slot(number) else { return ended() };
        match &slot.state {
            State::Done(ending) => {
                let ending = *ending;
                let out = std::mem::take(&mut slot.out);
                match ending {
                    Ending::Ready => {
                        let now = slot.ended;
                        slot.rest(now);
                    }
                    Ending::Reads => slot.state = State::Idle,
                    Ending::Closed => {}
                }
                News::Ended(ending, out)
            }
            State::Waiting { deadlines, .. } => News::Waits(deadlines.first().copied()),
            State::Running => News::Waits(None),
            State::Idle => News::Idle(std::mem::take(&mut slot.out)),
        }
    }
}

impl World for &Relay {
    fn pick(&mut self, releaser: Handle, count: usize) -> usize {
        let pick = releaser.choose(&Site::new(self.role, CONTINUES), &Alternatives::numbered(count));
        pick.index().min(count - 1)
    }

    fn committed(&mut self, by: Handle, changes: &[RowChange]) {
        if self.faults.lag().is_some_and(|lag| !lag.is_zero()) {
            let now = by.now();
            self.committed.borrow_mut().extend(changes.iter().map(|change| (now, change.clone())));
        }
        self.state(by, changes);
    }
}
