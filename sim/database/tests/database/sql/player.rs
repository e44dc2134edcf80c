//! Plays SQL on the core, session by session, under a virtual clock.

use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use shakedown_database::{Database, DatabaseError, Session, Timer, WaitFor};

use super::answer::{Answer, Seen};
use super::catalog::Catalog;
use super::front::{self, Prepared};
use super::select::KeyModes;
use super::value::UNSUPPORTED;

/// The time after which a running statement counts as blocked.
pub(crate) const GLANCE_NS: u64 = 300_000_000;

/// The time for which the player waits for a statement that is known to end.
pub(crate) const TIMEOUT_NS: u64 = 3_600_000_000_000;

/// One connection of the player.
struct Client {
    session: Session,
    running: Option<Prepared>,
    /// The remaining statements of the same text.
    queue: VecDeque<(sqlparser::ast::Statement, KeyModes)>,
    outcome: Option<Result<Answer, DatabaseError>>,
    waits_on: &'static str,
}

/// A core with its sessions, driven by SQL text.
pub(crate) struct Player {
    pub db: Database,
    pub catalog: Rc<Catalog>,
    clients: BTreeMap<String, Client>,
    timers: Vec<Timer>,
    now: u64,
    /// Which of the sessions that are woken together runs first; 0 is the order of waiting.
    pub wake_order: usize,
}

impl Default for Player {
    fn default() -> Self {
        Self {
            db: Database::new(0),
            catalog: Rc::new(Catalog::default()),
            clients: BTreeMap::new(),
            timers: Vec::new(),
            now: 0,
            wake_order: 0,
        }
    }
}

impl Player {
    /// Returns whether a session is in the middle of a statement.
    pub(crate) fn is_running(&self, name: &str) -> bool {
        self.clients.get(name).is_some_and(|client| client.running.is_some())
    }

    /// Starts a statement (or several, separated by semicolons) and observes the result.
    pub(crate) fn step(&mut self, name: &str, sql: &str, timeout_ns: u64) -> Result<Seen, String> {
        let statements = front::parse(sql).map_err(|error| explain(&error, sql))?;
        self.now += 1_000_000;
        self.fire_until(self.now);
        if !self.clients.contains_key(name) {
            let client = Client {
                session: self.db.connect(),
                running: None,
                queue: VecDeque::new(),
                outcome: None,
                waits_on: "",
            };
            self.clients.insert(name.to_owned(), client);
        }
        let Some(client) = self.clients.get_mut(name) else {
            return Err("no such client".to_owned());
        };
        if client.running.is_some() {
            return Err(format!("{name} is still running a statement and was given: {sql}"));
        }
        client.queue = statements.into();
        client.outcome = None;
        self.go_on(name);
        self.pump();
        self.look(name, timeout_ns, sql)
    }

    /// Observes a blocked statement again.
    pub(crate) fn look(&mut self, name: &str, timeout_ns: u64, sql: &str) -> Result<Seen, String> {
        let deadline = self.now + timeout_ns;
        while self.is_running(name) && self.fire_next(deadline) {}
        let Some(client) = self.clients.get_mut(name) else {
            return Err(format!("no session {name}"));
        };
        if client.running.is_some() {
            let (on, session) = (client.waits_on.to_owned(), client.session);
            let blockers = self.db.blockers(session).map_err(|error| error.to_string())?;
            let by = blockers.into_iter().map(|blocker| self.name_of(blocker)).collect();
            return Ok(Seen::Blocked { by, on });
        }
        match client.outcome.take() {
            Some(Ok(answer)) => Ok(Seen::Done(answer)),
            Some(Err(error)) if error.code() == UNSUPPORTED => Err(explain(&error, sql)),
            Some(Err(error)) => Ok(Seen::Error(error.code().to_owned())),
            None => Err(format!("{name} has no answer to look at")),
        }
    }

    /// Returns the waiting sessions whose statements have ended since the last observation.
    pub(crate) fn unblocked(&self) -> Vec<String> {
        let ended = |(_, client): &(&String, &Client)| client.running.is_none() && client.outcome.is_some();
        self.clients.iter().filter(ended).map(|(name, _)| name.clone()).collect()
    }

    /// Takes the results of blocked statements that have ended.
    pub(crate) fn take_ended(&mut self) -> BTreeMap<String, Result<Answer, DatabaseError>> {
        let names = self.unblocked();
        let mut ended = BTreeMap::new();
        for name in names {
            if let Some(outcome) = self.clients.get_mut(&name).and_then(|client| client.outcome.take()) {
                ended.insert(name, outcome);
            }
        }
        ended
    }

    /// Returns the waiting sessions, and those that they wait for.
    pub(crate) fn blocked(&self) -> BTreeMap<String, Vec<String>> {
        let mut blocked = BTreeMap::new();
        for (name, client) in self.clients.iter().filter(|(_, client)| client.running.is_some()) {
            let blockers = self.db.blockers(client.session).unwrap_or_default();
            let mut names: Vec<String> = blockers.into_iter().map(|blocker| self.name_of(blocker)).collect();
            names.sort();
            blocked.insert(name.clone(), names);
        }
        blocked
    }

    /// Makes a session's transaction fail: its running statement is cancelled, or `fails` is run in it.
    pub(crate) fn abort(&mut self, name: &str, fails: &str) {
        if self.is_running(name) {
            if let Some(client) = self.clients.get(name) {
                drop(self.db.cancel(client.session));
            }
            self.pump();
        } else {
            drop(self.step(name, fails, 0));
        }
    }

    /// Lets this much time pass.
    pub(crate) fn pause(&mut self, ns: u64) {
        let until = self.now + ns;
        self.fire_until(until);
        self.now = until;
    }

    /// Advances time until no session is deadlocked; returns whether one was.
    pub(crate) fn resolve_deadlocks(&mut self) -> bool {
        let stuck = |player: &Self| {
            let mut clients = player.clients.values();
            clients.any(|client| player.db.is_in_deadlock(client.session).unwrap_or(false))
        };
        let is_stuck = stuck(self);
        while stuck(self) && self.fire_next(u64::MAX) {}
        is_stuck
    }

    fn name_of(&self, session: Session) -> String {
        let named = self.clients.iter().find(|(_, client)| client.session == session);
        named.map_or_else(|| "?".to_owned(), |(name, _)| name.clone())
    }

    /// Drives a client's statements until one waits or fails or none is left.
    fn go_on(&mut self, name: &str) {
        loop {
            let Some(client) = self.clients.get_mut(name) else {
                return;
            };
            if client.running.is_none() {
                let Some((statement, modes)) = client.queue.pop_front() else {
                    return;
                };
                match front::prepare(&statement, modes, &self.catalog) {
                    Ok(prepared) => client.running = Some(prepared),
                    Err(error) => {
                        // The server also finds such errors before it runs anything.
                        let failed = front_error(&error);
                        client.running = Some(failed);
                    }
                }
            }
            let Some(running) = &mut client.running else {
                return;
            };
            match running.poll(&mut self.db, client.session, self.now) {
                Err(wait) => {
                    client.waits_on = match wait.on {
                        WaitFor::Transaction(_) => "transactionid",
                        WaitFor::RowQueue => "tuple",
                        WaitFor::Table(_) => "relation",
                        WaitFor::Advisory(_) => "advisory",
                        WaitFor::Acknowledgement => "SyncRep",
                    };
                    self.timers.extend(wait.timers);
                    return;
                }
                Ok(result) => {
                    let finished = client.running.take();
                    let failed = result.is_err();
                    client.outcome = Some(result);
                    if failed {
                        client.queue.clear();
                    }
                    self.after(name, finished);
                }
            }
        }
    }

    /// Applies a finished statement to the player itself.
    fn after(&mut self, name: &str, finished: Option<Prepared>) {
        match finished {
            Some(Prepared::Sleep(ns)) => {
                let until = self.now + ns;
                self.fire_until(until);
                self.now = until;
            }
            Some(Prepared::CreateTable(create)) => {
                let mut catalog = Catalog {
                    tables: self.catalog.tables.clone(),
                    sequences: self.catalog.sequences.clone(),
                };
                let made = catalog.create_table(&mut self.db, &create);
                self.catalog = Rc::new(catalog);
                if let (Err(error), Some(client)) = (made, self.clients.get_mut(name)) {
                    client.outcome = Some(Err(error));
                }
            }
            _ => {}
        }
    }

    /// Advances every session that can continue.
    fn pump(&mut self) {
        loop {
            let mut ready = self.db.take_ready();
            if ready.is_empty() {
                return;
            }
            let turn = self.wake_order.checked_rem(ready.len()).unwrap_or(0);
            ready.rotate_left(turn);
            if self.wake_order >= ready.len() {
                ready.reverse();
            }
            for session in ready {
                let name = self.name_of(session);
                if self.is_running(&name) {
                    self.go_on(&name);
                }
            }
        }
    }

    /// Fires the earliest timer up to a moment; returns false if there is none.
    fn fire_next(&mut self, until: u64) -> bool {
        let idle: Vec<Timer> =
            self.clients.values().filter_map(|client| self.db.idle_timer(client.session)).collect();
        let all = self.timers.iter().chain(&idle);
        let Some(next) = all.copied().min_by_key(|timer| (timer.at, timer.session, timer.kind)) else {
            return false;
        };
        if next.at > until {
            return false;
        }
        self.timers.retain(|timer| *timer != next);
        self.now = self.now.max(next.at);
        self.db.timer(next, self.now);
        self.pump();
        true
    }

    fn fire_until(&mut self, until: u64) {
        while self.fire_next(until) {}
    }
}

/// Returns a statement that only reports an error of the front end, through the core, so that it counts as a failed
/// statement of the transaction.
fn front_error(error: &DatabaseError) -> Prepared {
    let error = error.clone();
    Prepared::Query(shakedown_database::Statement::compute(move |_| Err(error)))
}

fn explain(error: &DatabaseError, sql: &str) -> String {
    format!("{error}\n  in: {sql}")
}
