//! The server's side: what happens when a command arrives, and when a fault of the servers begins and ends.

use super::cluster::{Target, Transition, Unreachable, Written};
use super::command::{Command, Reply, ServerError};
use super::keyspace::{Change, Keyspace, Revisions};
use super::profile::{Evictions, Failovers, KvFailover};
use super::{Kv, KvState};
use crate::broker_request::Refused;
use crate::choice::Site;
use crate::digest::Digest;
use crate::env::Env;
use crate::event::Kind;
use crate::fault::{Delays, Listed};
use crate::label::Label;
use crate::scope::{Scope, User};
use serde::Serialize;
use std::rc::Rc;

const EVICTION: Label = Label::new("eviction");
const REPLICATION: Label = Label::new("replica applies");
const DOWN: Label = Label::new("goes down at");
const TRANSITION: Label = Label::new("transition");

/// The result that the server replies with, and what the simulation records about it.
pub(super) struct Served<T> {
    pub(super) result: Result<T, ServerError>,
    /// The position of what the command wrote.
    pub(super) written: Option<Written>,
    /// The event that wrote what the command has read.
    pub(super) writer: Option<u32>,
}

impl<T> Served<T> {
    pub(super) fn of(value: T) -> Self {
        Self::of_result(Ok(value))
    }

    pub(super) fn of_result(result: Result<T, ServerError>) -> Self {
        Self { result, written: None, writer: None }
    }

    pub(super) fn map<U>(self, map: impl FnOnce(T) -> U) -> Served<U> {
        let Self { result, written, writer } = self;
        Served { result: result.map(map), written, writer }
    }
}

/// The result of a request: refused if no server is up.
pub(super) type Outcome<T> = Result<Served<T>, Refused>;

impl From<Unreachable> for Refused {
    fn from(Unreachable: Unreachable) -> Self {
        Refused
    }
}

/// A request of a client: the effect that names its crash points, the keys, and its text.
#[derive(Clone)]
pub(super) struct Request {
    pub(super) scope: Scope,
    pub(super) effect: Label,
    pub(super) keys: Rc<[String]>,
    pub(super) text: Option<Rc<str>>,
}

/// Commands that a script executes, one after the other; the server executes no other command meanwhile.
pub struct Script<'a> {
    now: i64,
    data: &'a mut Keyspace,
}

impl Script<'_> {
    /// Executes a command.
    ///
    /// # Errors
    /// The error with which the server replies. What the script has done before stays done.
    pub fn call(&mut self, command: &Command) -> Result<Reply, ServerError> {
        self.data.execute(self.now, command)
    }
}

impl Kv {
    /// Returns the handle of the node that serves clients of `target`, within an entity.
    pub(super) fn server(&self, target: Target, scope: Scope) -> Env {
        self.0.cluster.borrow().node(target).within(scope)
    }

    /// Serves a command.
    pub(super) fn serve(&self, target: Target, request: &Request, command: &Command) -> Outcome<Reply> {
        if target == Target::Primary {
            self.draw_eviction(request);
        }
        let result = self.0.cluster.borrow_mut().execute(target, request.scope, command)?;
        Ok(self.conclude(target, request, result, command.is_write(), ToString::to_string))
    }

    /// Serves a script.
    pub(super) fn serve_script<T: Serialize>(
        &self,
        request: &Request,
        script: impl FnOnce(&mut Script<'_>) -> Result<T, ServerError>,
    ) -> Outcome<T> {
        let run = |now, data: &mut Keyspace| script(&mut Script { now, data });
        let result = self.0.cluster.borrow_mut().on_primary(request.scope, run)?;
        Ok(self.conclude(Target::Primary, request, result, true, |_| "done".to_owned()))
    }

    /// Serves `EXEC`; without a result if a watched key has changed.
    pub(super) fn serve_transaction(
        &self,
        request: &Request,
        commands: &[Command],
        watched: Option<&Revisions>,
    ) -> Outcome<Option<Vec<Result<Reply, ServerError>>>> {
        self.draw_eviction(request);
        let run = |now, data: &mut Keyspace| {
            let is_unchanged = watched.is_none_or(|watched| data.is_unchanged(now, watched));
            if is_unchanged { data.execute_all(now, commands).map(Some) } else { Ok(None) }
        };
        let result = self.0.cluster.borrow_mut().on_primary(request.scope, run)?;
        let text = |replies: &Option<Vec<_>>| match replies {
            None => "nil: a watched key has changed".to_owned(),
            Some(replies) => {
                let texts = replies.iter().map(|reply: &Result<Reply, ServerError>| match reply {
                    Ok(reply) => reply.to_string(),
                    Err(error) => error.to_string(),
                });
                texts.collect::<Vec<_>>().join(", ")
            }
        };
        Ok(self.conclude(Target::Primary, request, result, true, text))
    }

    /// Serves `WATCH`.
    pub(super) fn serve_watch(&self, request: &Request, keys: &[String]) -> Outcome<(u32, Revisions)> {
        let result = self.0.cluster.borrow_mut().watch(request.scope, keys)?;
        let epoch = self.0.cluster.borrow().epoch();
        let reply = result.as_ref().map(|_| "OK").map_err(|error| *error);
        let Served { writer, .. } =
            self.conclude(Target::Primary, request, reply, false, |reply| (*reply).to_owned());
        let result = result.map(|revisions| (epoch, revisions));
        Ok(Served { writer, ..Served::of_result(result) })
    }

    /// Draws whether the first key that a command names was evicted before.
    fn draw_eviction(&self, request: &Request) {
        let KvState { name, profile, cluster, .. } = &*self.0;
        let Some(key) = request.keys.first() else { return };
        if profile.faults.eviction.is_empty() || !cluster.borrow().may_evict(key) {
            return;
        }
        let server = self.server(Target::Primary, request.scope);
        let site = Site::new(*name, EVICTION);
        if server.fault_for(User::ENGINE, &site, Evictions(&profile.faults)).is_some() {
            cluster.borrow_mut().evict(key);
            server.event(Kind::Note, [EVICTION.word(), 0], || format!("has evicted {key}"));
        }
    }

    /// Records the reply of the server. A write is replicated, and may be followed by a failover.
    pub(super) fn conclude<T: Serialize>(
        &self,
        target: Target,
        request: &Request,
        result: Result<T, ServerError>,
        is_write: bool,
        reply_text: impl FnOnce(&T) -> String,
    ) -> Served<T> {
        let server = self.server(target, request.scope);
        let writer = self.writer_of(&request.keys);
        let mut replies = Digest::default();
        replies.value(&result);
        let words = [request.effect.word(), replies.bits()];
        let event = server.event(Kind::Arrive, words, || {
            let reply = result.as_ref().map_or_else(ToString::to_string, reply_text);
            format!("replies to {}: {reply}", request.text.as_deref().unwrap_or_default())
        });
        let changes = self.0.cluster.borrow_mut().take_changes();
        if changes.is_empty() {
            return Served { result, written: None, writer };
        }
        if let Some(event) = event.filter(|_| server.world.core.borrow().recording.is_some()) {
            let mut writers = self.0.writers.borrow_mut();
            writers.extend(changes.iter().map(|(key, _)| (key.clone(), event)));
        }
        let mut written = None;
        server.world.with_cause(event, || {
            let position = self.replicate(&server, changes, is_write);
            if is_write {
                written = Some(position);
                self.draw_failover(&server);
            }
        });
        Served { result, written, writer }
    }

    fn writer_of(&self, keys: &[String]) -> Option<u32> {
        let writers = self.0.writers.borrow();
        keys.iter().filter_map(|key| writers.get(key).copied()).max()
    }

    /// Sends changes to the disk and to the replica.
    fn replicate(&self, server: &Env, changes: Vec<Change>, is_write: bool) -> Written {
        let KvState { name, profile, cluster, .. } = &*self.0;
        let mut delay = profile.replication;
        if is_write && !profile.faults.replication.is_empty() && cluster.borrow().is_up() {
            let site = Site::new(*name, REPLICATION);
            let more = server.fault_for(User::ENGINE, &site, Delays(profile.faults.replication));
            let more = more.unwrap_or_default();
            if !more.is_zero() {
                server.lasts(more);
            }
            delay += more;
        }
        cluster.borrow_mut().send(changes, delay)
    }

    /// Draws whether the primary fails right after a write.
    fn draw_failover(&self, server: &Env) {
        let KvState { name, profile, cluster, .. } = &*self.0;
        let faults = &profile.faults;
        let is_possible = cluster.borrow().is_up() && cluster.borrow().failovers < profile.failovers_max;
        if faults.failover.is_empty() || !is_possible {
            return;
        }
        let fault = server.fault_for(User::ENGINE, &Site::new(*name, DOWN), Failovers(faults));
        let Some(fault) = fault else { return };
        let length = fault.length().unwrap_or_default();
        server.lasts(length);
        let before = cluster.borrow().epoch();
        let transition = cluster.borrow_mut().fail(fault);
        let (kv, scope) = (self.clone(), server.scope());
        let primary = self.server(Target::Primary, scope);
        let words = [DOWN.word(), u64::from(before)];
        let event = primary.event(Kind::Note, words, || consequence(fault).to_owned());
        server.world.with_cause(event, || {
            self.break_connections(before);
            let place = primary.place();
            server.world.act_later(place, length, move |_| kv.end_failure(scope, transition));
        });
    }

    fn end_failure(&self, scope: Scope, transition: Transition) {
        let before = self.0.cluster.borrow().epoch();
        self.0.cluster.borrow_mut().end(transition);
        let server = self.server(Target::Primary, scope);
        let name = self.0.name;
        let event = server.event(Kind::Note, [TRANSITION.word(), u64::from(before)], || match transition {
            Transition::Serves => format!("serves {name}"),
            Transition::TakesOver => format!("takes {name} over, with what it has received"),
        });
        server.world.with_cause(event, || self.break_connections(before));
    }

    /// Breaks the connections of subscribers, if those to the primary have broken.
    fn break_connections(&self, before: u32) {
        if self.0.cluster.borrow().epoch() != before {
            self.disconnect_subscribers();
        }
    }
}

/// Returns what the server at the address does right after the fault.
fn consequence(fault: KvFailover) -> &'static str {
    match fault {
        KvFailover::Crash(_) => "is going to serve, with what it has received",
        KvFailover::Partition(_) => "serves on without its replica",
        KvFailover::Demotion(_) => "serves no client yet: clients still reach the former primary",
        KvFailover::Restart(_) => "loads what is on its disk",
    }
}
