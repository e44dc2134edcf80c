//! The servers behind one address: a primary, its disk, and a replica, and how they fail over.

use super::command::{Command, Reply, ServerError};
use super::keyspace::{Change, Keyspace, Revisions};
use super::profile::{KvFailover, KvProfile, Persistence};
use crate::env::Env;
use crate::scope::Scope;
use crate::time::{Duration, Moment};
use std::collections::VecDeque;

/// Data that receives the changes of the primary some time later.
struct Follower {
    data: Keyspace,
    /// What is on its way, in order.
    pending: VecDeque<Pending>,
    /// The offset of the last changes that it has.
    applied: u64,
}

/// Changes on their way: when they arrive, and their offset.
struct Pending {
    due: Moment,
    offset: u64,
    changes: Vec<Change>,
}

impl Follower {
    fn new(data: Keyspace) -> Self {
        Self { data, pending: VecDeque::new(), applied: 0 }
    }

    /// Sends changes, which arrive at `due` but not before those that were sent earlier.
    fn send(&mut self, due: Moment, offset: u64, changes: Vec<Change>) {
        let due = self.pending.back().map_or(due, |last| due.max(last.due));
        self.pending.push_back(Pending { due, offset, changes });
    }

    /// Applies what has arrived.
    fn catch_up(&mut self, now: Moment) -> &mut Keyspace {
        while self.pending.front().is_some_and(|next| next.due <= now) {
            let next = self.pending.pop_front().expect("it is there");
            next.changes.into_iter().for_each(|change| self.data.replicate(change));
            self.applied = next.offset;
        }
        &mut self.data
    }
}

/// The position of a write: the epoch of the primary, and the offset in what it has sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Written {
    epoch: u32,
    offset: u64,
}

/// What clients reach at the address.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Status {
    Up,
    /// The primary is down.
    Down,
    /// The primary is loading its data.
    Loading,
    /// The former primary, which is read-only now.
    Stale,
    /// The primary, which cannot reach its replica.
    Apart,
}

/// The end of a disturbance of the servers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Transition {
    /// The primary serves again, or another one does.
    Serves,
    /// The replica takes over from a primary that it could not reach.
    TakesOver,
}

/// The server that a connection leads to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    Primary,
    Replica,
}

/// A primary and what follows it.
pub(super) struct Cluster {
    primary: (Env, Keyspace),
    replica: Option<(Env, Follower)>,
    persistence: Persistence,
    /// What a restart would find, if that is less than the primary has.
    disk: Option<Follower>,
    status: Status,
    /// The data of the former primary, while clients still reach it.
    stale: Option<Keyspace>,
    /// Increases when connections to the primary break.
    epoch: u32,
    /// The number of times that the primary has sent changes.
    offset: u64,
    pub(super) failovers: u32,
}

/// Why a command is not executed.
pub(super) struct Unreachable;

impl Cluster {
    pub(super) fn new(primary: &Env, replica: Option<&Env>, profile: &KvProfile) -> Self {
        let data = Keyspace::new(profile.memory, profile.eviction);
        let disk = (profile.persistence == Persistence::EverySecond).then(|| Follower::new(data.clone()));
        Self {
            replica: replica.map(|env| (env.clone(), Follower::new(data.clone()))),
            primary: (primary.clone(), data),
            persistence: profile.persistence,
            disk,
            status: Status::Up,
            stale: None,
            epoch: 0,
            offset: 0,
            failovers: 0,
        }
    }

    /// Returns the number of times at which the connections to the primary broke.
    pub(super) fn epoch(&self) -> u32 {
        self.epoch
    }

    /// Returns the node that executes commands for clients of `target`.
    pub(super) fn node(&self, target: Target) -> &Env {
        let primary = &self.primary.0;
        let replica = self.replica.as_ref().map_or(primary, |(env, _)| env);
        match (target, self.status) {
            (Target::Primary, Status::Stale) => replica,
            // The surviving server has become the primary.
            (Target::Replica, Status::Down) => primary,
            (Target::Primary, _) => primary,
            (Target::Replica, _) => replica,
        }
    }

    fn clock(&self, target: Target, scope: Scope) -> i64 {
        self.node(target).within(scope).clock().unix_nanos().div_euclid(1_000_000)
    }

    /// Returns whether clients reach a server that serves them.
    pub(super) fn reach(&self) -> Result<Result<(), ServerError>, Unreachable> {
        match self.status {
            Status::Down => Err(Unreachable),
            Status::Loading => Ok(Err(ServerError::Loading)),
            Status::Up | Status::Apart | Status::Stale => Ok(Ok(())),
        }
    }

    /// Executes `act` on the primary, for a client in `scope`. `act` receives the time of the server's clock.
    pub(super) fn on_primary<T>(
        &mut self,
        scope: Scope,
        act: impl FnOnce(i64, &mut Keyspace) -> Result<T, ServerError>,
    ) -> Result<Result<T, ServerError>, Unreachable> {
        Ok(match self.status {
            Status::Down => return Err(Unreachable),
            Status::Loading => Err(ServerError::Loading),
            Status::Stale => Err(ServerError::ReadOnly),
            Status::Up | Status::Apart => {
                let now = self.clock(Target::Primary, scope);
                act(now, &mut self.primary.1)
            }
        })
    }

    /// Executes a command.
    pub(super) fn execute(
        &mut self,
        target: Target,
        scope: Scope,
        command: &Command,
    ) -> Result<Result<Reply, ServerError>, Unreachable> {
        let reads_stale = target == Target::Replica || self.status == Status::Stale;
        if !reads_stale {
            return self.on_primary(scope, |now, data| data.execute(now, command));
        }
        let now = self.clock(target, scope);
        let moment = self.primary.0.now();
        if self.status == Status::Down || self.replica.is_none() {
            return Ok(self.primary.1.read(now, command));
        }
        match (&self.stale, &mut self.replica) {
            (Some(stale), _) => Ok(stale.read(now, command)),
            (None, Some((_, follower))) => Ok(follower.catch_up(moment).read(now, command)),
            (None, None) => Err(Unreachable),
        }
    }

    /// Returns whether a key may be evicted now.
    pub(super) fn may_evict(&self, key: &str) -> bool {
        matches!(self.status, Status::Up | Status::Apart) && self.primary.1.may_evict(key)
    }

    pub(super) fn evict(&mut self, key: &str) {
        self.primary.1.evict(key);
    }

    /// Returns the revisions of keys on the primary.
    pub(super) fn watch(
        &mut self,
        scope: Scope,
        keys: &[String],
    ) -> Result<Result<Revisions, ServerError>, Unreachable> {
        self.on_primary(scope, |now, data| Ok(data.watch(now, keys)))
    }

    /// Takes what the primary has changed.
    pub(super) fn take_changes(&mut self) -> Vec<Change> {
        self.primary.1.take_changes()
    }

    /// Sends changes to the disk and, if the primary reaches it, to the replica, which has them after `delay`.
    pub(super) fn send(&mut self, changes: Vec<Change>, delay: Duration) -> Written {
        let now = self.primary.0.now();
        self.offset += 1;
        if let Some(disk) = &mut self.disk {
            disk.catch_up(now);
            disk.send(next_second(now), self.offset, changes.clone());
        }
        if let Some((_, replica)) = self.replica.as_mut().filter(|_| self.status == Status::Up) {
            replica.catch_up(now);
            replica.send(now + delay, self.offset, changes);
        }
        Written { epoch: self.epoch, offset: self.offset }
    }

    /// Returns when the replica has what was written, as far as is known now; `None` if the primary has failed since.
    pub(super) fn replicated(&mut self, written: Written, now: Moment) -> Option<Moment> {
        if written.epoch != self.epoch {
            return None;
        }
        let Some((_, replica)) = &mut self.replica else { return Some(Moment::NEVER) };
        replica.catch_up(now);
        if replica.applied >= written.offset {
            return Some(now);
        }
        let pending = replica.pending.iter().find(|pending| pending.offset >= written.offset);
        Some(pending.map_or(Moment::NEVER, |pending| pending.due))
    }

    /// Returns whether faults of the primary are possible now.
    pub(super) fn is_up(&self) -> bool {
        self.status == Status::Up
    }

    /// Applies a fault of the primary; returns what ends it.
    pub(super) fn fail(&mut self, fault: KvFailover) -> Transition {
        self.failovers += 1;
        match fault {
            KvFailover::Crash(_) => {
                self.take_over();
                self.status = Status::Down;
                Transition::Serves
            }
            KvFailover::Partition(_) => {
                let now = self.primary.0.now();
                if let Some((_, replica)) = &mut self.replica {
                    replica.catch_up(now);
                    replica.pending.clear();
                }
                self.status = Status::Apart;
                Transition::TakesOver
            }
            KvFailover::Demotion(_) => {
                self.stale = Some(self.primary.1.clone());
                self.take_over();
                self.status = Status::Stale;
                Transition::Serves
            }
            KvFailover::Restart(_) => {
                self.restart();
                self.status = Status::Loading;
                Transition::Serves
            }
        }
    }

    /// Ends a fault.
    pub(super) fn end(&mut self, transition: Transition) {
        if transition == Transition::TakesOver {
            self.take_over();
        }
        self.status = Status::Up;
        if self.stale.take().is_some() {
            self.epoch += 1;
        }
    }

    /// Makes the replica the primary, with the data that it has. The former primary becomes its replica, and its other data is
    /// lost.
    fn take_over(&mut self) {
        let now = self.primary.0.now();
        let Some((env, mut follower)) = self.replica.take() else { return };
        let data = follower.catch_up(now).clone();
        let (former, _) = std::mem::replace(&mut self.primary, (env, data.clone()));
        self.reset_disk();
        self.replica = Some((former, Follower::new(data)));
        self.epoch += 1;
    }

    /// Restarts the primary with what is on its disk. The replica copies it.
    fn restart(&mut self) {
        let now = self.primary.0.now();
        let on_disk = self.disk.as_mut().map(|disk| disk.catch_up(now).clone());
        let data = &mut self.primary.1;
        match (self.persistence, on_disk) {
            (Persistence::EverySecond, Some(on_disk)) => *data = on_disk,
            (Persistence::Nothing, _) => *data = data.emptied(),
            (Persistence::Always | Persistence::EverySecond, _) => {}
        }
        self.reset_disk();
        if let Some((_, follower)) = &mut self.replica {
            *follower = Follower::new(self.primary.1.clone());
        }
        self.epoch += 1;
    }

    fn reset_disk(&mut self) {
        if let Some(disk) = &mut self.disk {
            *disk = Follower::new(self.primary.1.clone());
        }
    }
}

/// Returns the next full second after a moment: the disk is synced every second.
fn next_second(now: Moment) -> Moment {
    const SECOND: u64 = 1_000_000_000;
    Moment::from_nanos((now.nanos() / SECOND + 1).saturating_mul(SECOND))
}
