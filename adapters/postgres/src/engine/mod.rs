//! [`Engine`]: the server, its sessions, and the order in which they run: at most one at a time.

mod lockstep;
mod redact;
mod reset;
mod rewind;
mod slot;

pub(crate) use redact::FIRST_PROCESS;
pub(crate) use slot::{Ending, State};

use crate::backend::{Backend, Parameters, Refused};
use crate::changes::{self, PrimaryKeys, RowChange};
use crate::feed::{Feed, Position};
use crate::frame::frame;
use crate::monitor::{Monitor, MonitorError, Values};
use crate::server::Schema;
use crate::setup::{ClockFile, Cluster, SetupError};
use crate::timeouts::{self, Timeouts};
pub(crate) use lockstep::{Batch, Notice};
use redact::Redaction;
use reset::Reset;
use rustix::process::Signal;
use shakedown_sim::WallTime;
use shakedown_sim::ambient::Handle;
use slot::Slot;
use std::cell::Cell;
use std::task::Waker;
use std::time::Duration;

/// What the engine needs from the run.
pub(crate) trait World {
    /// Chooses which of `count` sessions, in the order in which they began to wait, continues first.
    fn pick(&mut self, releaser: Handle, count: usize) -> usize;
    /// Reports rows that the session `by` has committed.
    fn committed(&mut self, by: Handle, changes: &[RowChange]);
}

/// The state of the server at one moment.
struct Seen {
    /// The positions up to which its log is written, and is on disk.
    inserted: Position,
    flushed: Position,
    /// The processes that wait for a lock.
    blocked: Vec<i32>,
}

/// Sessions kept open for later runs, which saves starting a process for each.
const MOST_IDLE: usize = 24;

/// The number of runs between checkpoints. A checkpoint removes old log records.
const RUNS_PER_CHECKPOINT: u64 = 32;

/// The server and its sessions.
pub(crate) struct Engine {
    cluster: Cluster,
    monitor: Monitor,
    feed: Feed,
    clock: ClockFile,
    reset: Reset,
    /// The sessions of the run by number; `None` once they have ended.
    slots: Vec<Option<Slot>>,
    idle: Vec<(Parameters, Backend)>,
    redaction: Redaction,
    run: u64,
    transactions: u64,
    /// Primary keys of the tables that have changed, from the catalog.
    keys: PrimaryKeys,
    /// The number of waits that began in this run.
    waits: u64,
    /// The position up to which the log was decoded.
    decoded: Position,
    /// How long a batch may take, in real time.
    real_limit: Duration,
    /// Whether the server has failed: it serves no further run.
    is_broken: Cell<bool>,
}

impl Engine {
    pub(crate) fn start(schema: Schema) -> Result<Self, SetupError> {
        let real_limit = schema.real_limit;
        let cluster = match &schema.existing {
            Some(existing) => Cluster::existing(existing)?,
            None => Cluster::start(&schema.settings)?,
        };
        reset::check_settings(&cluster)?;
        let clock = cluster.clock().map_err(SetupError::io("opening the clock file"))?;
        let (reset, monitor, feed) = Reset::prepare(&cluster, schema)?;
        let mut engine = Self {
            cluster,
            monitor,
            feed,
            clock,
            reset,
            slots: Vec::new(),
            idle: Vec::new(),
            redaction: Redaction::default(),
            run: 0,
            transactions: 0,
            keys: PrimaryKeys::new(),
            waits: 0,
            decoded: Position::default(),
            real_limit,
            is_broken: Cell::new(false),
        };
        engine.check_clock()?;
        Ok(engine)
    }

    /// Checks that the server's clock shows the time in the clock file.
    fn check_clock(&mut self) -> Result<(), SetupError> {
        let later = WallTime::AT_START + shakedown_sim::Duration::from_micros(86_401_123_457);
        for time in [later, WallTime::AT_START] {
            self.clock.show(time).map_err(SetupError::io("writing the clock file"))?;
            let shown =
                self.monitor.value("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint");
            let (shown, expected) = (shown.map_err(SetupError::schema)?, self.clock.micros().to_string());
            if shown != expected {
                return Err(SetupError::Clock { expected, shown });
            }
        }
        Ok(())
    }

    /// Begins a run: ends the sessions of the previous run and resets the database to the schema. Returns the run's number.
    pub(crate) fn begin_run(&mut self) -> u64 {
        self.end_sessions();
        self.slots.clear();
        (self.redaction, self.transactions, self.waits) = (Redaction::default(), 0, 0);
        self.show(WallTime::AT_START);
        self.run += 1;
        match self.reset.begin(&self.cluster, &mut self.monitor, &mut self.feed) {
            Ok(false) => {}
            Ok(true) => {
                self.idle.clear();
                self.keys.clear();
            }
            Err(error) => self.fails(&error.to_string()),
        }
        if self.run.is_multiple_of(RUNS_PER_CHECKPOINT) {
            if let Err(error) = self.feed.confirm() {
                self.fails(&error.to_string());
            }
            self.ask("CHECKPOINT");
        }
        let seen = self.look();
        self.decode(&seen);
        self.transactions = 0;
        self.run
    }

    /// Makes the database, as it is now, the state with which each run begins.
    pub(crate) fn adopt(&mut self) -> Result<(), MonitorError> {
        self.end_sessions();
        self.slots.clear();
        self.show(WallTime::AT_START);
        let idle = std::mem::take(&mut self.idle);
        for (_, backend) in idle {
            backend.terminate(self.real_limit);
        }
        self.reset.adopt(&self.cluster, &mut self.monitor, &mut self.feed)
    }

    pub(crate) fn run(&self) -> u64 {
        self.run
    }

    pub(crate) fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// Sets the server's clock.
    pub(crate) fn show(&mut self, time: WallTime) {
        if let Err(error) = self.clock.show(time) {
            self.fails(&format!("its clock file: {error}"));
        }
    }

    /// Opens a session. Returns its number, or the server's error as a message.
    pub(crate) fn open(&mut self, parameters: &Parameters, handle: Handle) -> Result<usize, Vec<u8>> {
        self.show(handle.wall_clock());
        let known = self.idle.iter().position(|(of, _)| of == parameters);
        let mut backend = match known {
            Some(at) => self.idle.remove(at).1,
            None => match Backend::open(&self.cluster, parameters) {
                Ok(backend) => backend,
                Err(Refused::Error(error)) => return Err(error),
                Err(Refused::Io(error)) => self.fails(&format!("a session cannot be opened: {error}")),
            },
        };
        let timeouts = match self.prepare(&mut backend, handle) {
            Ok(timeouts) => timeouts,
            Err(error) => self.fails(&error.to_string()),
        };
        let number = self.slots.len();
        self.redaction.session(backend.pid(), number);
        let mut slot = Slot::new(backend, handle, timeouts);
        slot.out = slot.backend.greeting.clone();
        slot.rest(self.clock.micros());
        self.slots.push(Some(slot));
        Ok(number)
    }

    /// Seeds a session's random numbers, and returns its timeouts.
    fn prepare(&self, backend: &mut Backend, handle: Handle) -> Result<Timeouts, MonitorError> {
        let bits = handle.try_env().map_or(0, |env| env.uuid()) as u32;
        let seed = f64::from(bits) / f64::from(u32::MAX);
        let begin = format!("RESET idle_session_timeout; SELECT setseed({seed}); {}", timeouts::SHOW);
        let mut rows = run(backend, &begin)?;
        rows.remove(0);
        let shown = last_values(rows);
        Timeouts::of(&shown).ok_or_else(|| MonitorError::Server(format!("timeouts {shown:?} cannot be read")))
    }

    /// Returns a session that has not ended.
    pub(crate) fn slot(&mut self, number: usize) -> Option<&mut Slot> {
        self.slots.get_mut(number)?.as_mut()
    }

    /// Sets the waker that wakes when there is output for the session's client.
    pub(crate) fn awaits(&mut self, number: usize, waker: &Waker) {
        if let Some(slot) = self.slot(number) {
            slot.waker = Some(waker.clone());
        }
    }

    /// Ends a session without resuming the sessions that wait for it.
    fn end(&mut self, number: usize) {
        let Some(slot) = self.slots.get_mut(number).and_then(Option::take) else { return };
        let can_be_fresh = !slot.creates_settings && self.reset.can_reuse_sessions();
        let may_time_out = slot.timeouts.idle_session != 0 || slot.sets_timeouts;
        let Slot { mut backend, state, status, waker, flushes, .. } = slot;
        waker.into_iter().for_each(Waker::wake);
        let mut is_idle = matches!(state, State::Idle | State::Done(Ending::Ready));
        let mut is_open = status != b'I';
        match state {
            State::Done(Ending::Closed) => return,
            State::Waiting { .. } if !flushes => {
                backend.resume(Some(Signal::INT));
                is_idle =
                    matches!(crate::monitor::results(&mut backend), Ok(_) | Err(MonitorError::Server(_)));
                is_open = true;
            }
            _ => {}
        }
        backend.resume(None);
        if is_idle && can_be_fresh && self.idle.len() < MOST_IDLE {
            let rolled_back = if is_open { run(&mut backend, "ROLLBACK").map(drop) } else { Ok(()) };
            let discarded = rolled_back.and_then(|()| run(&mut backend, "DISCARD ALL"));
            // With a timeout it would end while it is idle and later runs let time pass; see `prepare`.
            let paused = discarded.and_then(|rows| {
                if may_time_out { run(&mut backend, "SET idle_session_timeout = 0") } else { Ok(rows) }
            });
            if paused.is_ok() {
                let parameters = backend.parameters().clone();
                return self.idle.push((parameters, backend));
            }
        }
        if !backend.terminate(self.real_limit) {
            self.fails("a session does not end");
        }
    }

    /// Ends all sessions.
    pub(crate) fn end_sessions(&mut self) {
        (0..self.slots.len()).for_each(|number| self.end(number));
    }

    /// Runs the engine's own statements.
    fn ask(&mut self, sql: &str) -> Vec<Values> {
        match self.monitor.query(sql) {
            Ok(rows) => rows,
            Err(error) => self.fails(&error.to_string()),
        }
    }

    /// Returns whether a session of the run waits.
    fn has_waiting(&self) -> bool {
        let waits = |slot: &Slot| matches!(slot.state, State::Waiting { .. });
        self.slots.iter().flatten().any(waits)
    }

    /// Reads the positions of the server's log, and the processes that wait for a lock if sessions of the run may be among them.
    fn look(&mut self) -> Seen {
        let sql = if self.has_waiting() { reset::LOOK_AT_LOCKS } else { reset::LOOK };
        let mut row = self.ask(sql).pop().unwrap_or_default().into_iter().map(Option::unwrap_or_default);
        let mut next = || row.next().unwrap_or_default();
        let mut position = || Position::of(&next()).unwrap_or_default();
        let (inserted, flushed) = (position(), position());
        let blocked = next().split_whitespace().filter_map(|pid| pid.parse().ok()).collect();
        Seen { inserted, flushed, blocked }
    }

    /// Returns the row changes committed since the last call.
    fn decode(&mut self, seen: &Seen) -> Vec<RowChange> {
        if seen.inserted == self.decoded {
            return Vec::new();
        }
        self.decoded = seen.inserted;
        let mut flushed = seen.flushed;
        if seen.inserted != flushed {
            // Asynchronous commits are decoded once they are on disk; this commit flushes them.
            self.ask("SELECT pg_logical_emit_message(true, '', '')");
            flushed = self.look().flushed;
        }
        let lines = match self.feed.up_to(flushed, self.real_limit) {
            Ok(lines) => lines,
            Err(error) => self.fails(&format!("committed rows cannot be read: {error}")),
        };
        let mut changes = changes::read(lines.iter().map(String::as_str), &mut self.transactions);
        if changes.iter().any(|change| !self.keys.contains_key(&change.table)) {
            self.read_keys(&changes);
        }
        changes::set_keys(&mut changes, &self.keys);
        changes
    }

    /// Reads the primary keys of all tables; the changed tables that have none get an empty one.
    fn read_keys(&mut self, changes: &[RowChange]) {
        self.keys = changes.iter().map(|change| (change.table.clone(), Vec::new())).collect();
        for row in self.ask(changes::PRIMARY_KEYS) {
            if let [Some(table), Some(column)] = &row[..] {
                self.keys.entry(table.clone()).or_default().push(column.clone());
            }
        }
    }

    pub(crate) fn is_broken(&self) -> bool {
        self.is_broken.get()
    }

    /// Ends the server, so that another finds the room that this one takes.
    pub(crate) fn end_server(&mut self) {
        self.cluster.end();
    }

    /// Ends the run, because the server has failed the simulation; the system under test is not at fault.
    fn fails(&self, what: &str) -> ! {
        self.is_broken.set(true);
        // A process that was killed is there for a moment after its sessions.
        let ends = (0..20).any(|turn| {
            std::thread::sleep(std::time::Duration::from_millis(if turn == 0 { 0 } else { 10 }));
            !self.cluster.is_running()
        });
        let state = if ends { "the server has ended: " } else { "" };
        let disk = if self.cluster.disk_is_full() { "its disk is full: " } else { "" };
        panic!(
            "the PostgreSQL of this simulation: {state}{disk}{what}. Its log ends with:\n{}",
            self.cluster.log()
        )
    }
}

/// Returns the last value of each row, without nulls.
fn last_values(rows: Vec<Values>) -> Vec<String> {
    rows.into_iter().filter_map(|mut row| row.pop().flatten()).collect()
}

/// Runs the engine's own statements in a session.
fn run(backend: &mut Backend, sql: &str) -> Result<Vec<Values>, MonitorError> {
    backend.send(&frame(b'Q', &[sql.as_bytes(), b"\0"].concat()))?;
    crate::monitor::results(backend)
}
