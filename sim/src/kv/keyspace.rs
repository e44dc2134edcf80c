//! The data of one server as a state machine: values, times to live, memory, eviction.
//!
//! Times are those of the server's own clock, in milliseconds since 1970. A key has expired when the clock shows a
//! later time than its expiry. The primary deletes what has expired before each command; a replica only hides it.

use super::command::{Command, Reply, ServerError, SetIf, Ttl};
use super::parse::integer;
use std::collections::{BTreeMap, BTreeSet};

/// The bound of the memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Memory {
    /// None.
    Unbounded,
    /// So many keys.
    Keys(usize),
    /// So many bytes of keys, fields, members and values; the server's own overhead is not counted (`maxmemory`).
    Bytes(usize),
}

/// What the server deletes when its memory bound is exceeded (`maxmemory-policy`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Eviction {
    /// Nothing: commands that need memory are rejected (`noeviction`).
    Never,
    /// The key whose last use is longest ago (`allkeys-lru`).
    LeastRecent,
    /// The same, among the keys with a time to live (`volatile-lru`).
    LeastRecentVolatile,
    /// The key that expires first (`volatile-ttl`).
    FirstToExpire,
}

/// A value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Value {
    Text(String),
    Hash(BTreeMap<String, String>),
    Set(BTreeSet<String>),
}

impl Value {
    fn bytes(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Hash(fields) => fields.iter().map(|(field, value)| field.len() + value.len()).sum(),
            Self::Set(members) => members.iter().map(String::len).sum(),
        }
    }
}

/// What a key holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Stored {
    value: Value,
    expires: Option<i64>,
    /// The number of the command that used it last.
    used: u64,
}

/// A key and what it holds now; `None` if it is deleted.
pub(super) type Change = (String, Option<Stored>);

/// The revisions of watched keys; see [`Keyspace::watch`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Revisions(Vec<(String, u64)>);

/// The data of one server.
#[derive(Clone, Debug)]
pub struct Keyspace {
    memory: Memory,
    eviction: Eviction,
    entries: BTreeMap<String, Stored>,
    expiries: BTreeSet<(i64, String)>,
    bytes: usize,
    /// The number of commands so far, which orders uses.
    commands: u64,
    /// The number of the last change of each key.
    revisions: BTreeMap<String, u64>,
    revision: u64,
    /// The keys that have changed since [`Keyspace::take_changes`].
    changed: Vec<String>,
}

impl Keyspace {
    /// Creates an empty one.
    pub fn new(memory: Memory, eviction: Eviction) -> Self {
        Self {
            memory,
            eviction,
            entries: BTreeMap::new(),
            expiries: BTreeSet::new(),
            bytes: 0,
            commands: 0,
            revisions: BTreeMap::new(),
            revision: 0,
            changed: Vec::new(),
        }
    }

    /// Sets the bound of the memory, as an administrator does (`CONFIG SET maxmemory`).
    pub fn bound(&mut self, memory: Memory) {
        self.memory = memory;
    }

    /// Creates an empty one with the same bound and policy.
    pub(super) fn emptied(&self) -> Self {
        Self::new(self.memory, self.eviction)
    }

    /// Executes a command on the primary: deletes what has expired, evicts keys if the memory bound is exceeded, and
    /// executes the command.
    ///
    /// # Errors
    /// The error with which the server replies; nothing has changed but what has expired or was evicted.
    pub fn execute(&mut self, now: i64, command: &Command) -> Result<Reply, ServerError> {
        self.expire(now);
        if !self.make_room() && command.needs_memory() {
            return Err(ServerError::OutOfMemory);
        }
        self.commands += 1;
        self.run(now, command)
    }

    /// Executes the commands of a transaction, one after the other. An error of one does not undo the others.
    ///
    /// # Errors
    /// [`ServerError::ExecAborted`] if one needs memory and there is none: none is executed.
    pub fn execute_all(
        &mut self,
        now: i64,
        commands: &[Command],
    ) -> Result<Vec<Result<Reply, ServerError>>, ServerError> {
        self.expire(now);
        if !self.make_room() && commands.iter().any(Command::needs_memory) {
            return Err(ServerError::ExecAborted);
        }
        self.commands += 1;
        Ok(commands.iter().map(|command| self.run(now, command)).collect())
    }

    /// Executes a command on a replica, which hides what has expired by its own clock.
    ///
    /// # Errors
    /// [`ServerError::ReadOnly`] if the command may write, and that of the command.
    pub fn read(&self, now: i64, command: &Command) -> Result<Reply, ServerError> {
        if command.is_write() {
            return Err(ServerError::ReadOnly);
        }
        // A read changes nothing but the order of uses, which a replica does not have.
        self.reads(now, command, |key| self.entries.get(key).filter(|stored| !has_expired(stored, now)))
    }

    /// Returns the revisions of keys: as long as they are unchanged, so are the keys (`WATCH`).
    pub fn watch(&mut self, now: i64, keys: &[String]) -> Revisions {
        self.expire(now);
        Revisions(keys.iter().map(|key| (key.clone(), self.revision_of(key))).collect())
    }

    /// Returns whether no watched key was changed, has expired or was evicted since.
    pub fn is_unchanged(&mut self, now: i64, watched: &Revisions) -> bool {
        self.expire(now);
        watched.0.iter().all(|(key, revision)| self.revision_of(key) == *revision)
    }

    /// Returns the number of keys, those included that have expired and are not deleted yet.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns whether there is no key.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Returns whether the policy may evict this key.
    pub fn may_evict(&self, key: &str) -> bool {
        self.entries.get(key).is_some_and(|stored| match self.eviction {
            Eviction::Never => false,
            Eviction::LeastRecent => true,
            Eviction::LeastRecentVolatile | Eviction::FirstToExpire => stored.expires.is_some(),
        })
    }

    /// Deletes a key as the eviction does.
    pub(super) fn evict(&mut self, key: &str) {
        self.delete(key);
    }

    /// Takes the keys that have changed, with what they hold now, in the order of their first change.
    pub(super) fn take_changes(&mut self) -> Vec<Change> {
        let mut changed = std::mem::take(&mut self.changed);
        let mut seen = BTreeSet::new();
        changed.retain(|key| seen.insert(key.clone()));
        changed.into_iter().map(|key| (key.clone(), self.entries.get(&key).cloned())).collect()
    }

    /// Replicates a change of another server's data.
    pub(super) fn replicate(&mut self, (key, stored): Change) {
        // Uses after a failover are later than those that the other server has counted.
        self.commands = self.commands.max(stored.as_ref().map_or(0, |stored| stored.used));
        self.put(&key, stored);
        self.changed.clear();
    }

    fn revision_of(&self, key: &str) -> u64 {
        self.revisions.get(key).copied().unwrap_or(0)
    }

    /// Deletes the keys that have expired.
    fn expire(&mut self, now: i64) {
        while self.expiries.first().is_some_and(|(at, _)| *at < now) {
            if let Some((_, key)) = self.expiries.pop_first() {
                self.delete(&key);
            }
        }
    }

    fn is_full(&self) -> bool {
        match self.memory {
            Memory::Unbounded => false,
            Memory::Keys(max) => self.entries.len() > max,
            Memory::Bytes(max) => self.bytes > max,
        }
    }

    /// Evicts keys until the bound is kept; returns whether it is.
    fn make_room(&mut self) -> bool {
        while self.is_full() {
            let Some(key) = self.next_to_evict() else { return false };
            self.delete(&key);
        }
        true
    }

    fn next_to_evict(&self) -> Option<String> {
        match self.eviction {
            Eviction::Never => None,
            Eviction::FirstToExpire => self.expiries.first().map(|(_, key)| key.clone()),
            Eviction::LeastRecent | Eviction::LeastRecentVolatile => {
                let evictable = self.entries.iter().filter(|(key, _)| self.may_evict(key));
                evictable.min_by_key(|(_, stored)| stored.used).map(|(key, _)| key.clone())
            }
        }
    }

    /// Replaces what a key holds.
    fn put(&mut self, key: &str, stored: Option<Stored>) {
        let size = |stored: &Stored| key.len() + stored.value.bytes();
        if let Some(at) = stored.as_ref().and_then(|stored| stored.expires) {
            self.expiries.insert((at, key.to_owned()));
        }
        self.bytes += stored.as_ref().map_or(0, size);
        let kept = stored.as_ref().and_then(|stored| stored.expires);
        let before = match stored {
            Some(stored) => self.entries.insert(key.to_owned(), stored),
            None => self.entries.remove(key),
        };
        if let Some(before) = before {
            self.bytes -= size(&before);
            if let Some(at) = before.expires.filter(|at| Some(*at) != kept) {
                self.expiries.remove(&(at, key.to_owned()));
            }
        }
        self.revision += 1;
        self.revisions.insert(key.to_owned(), self.revision);
        self.changed.push(key.to_owned());
    }

    fn delete(&mut self, key: &str) -> bool {
        let exists = self.entries.contains_key(key);
        if exists {
            self.put(key, None);
        }
        exists
    }

    fn used_now(&mut self, key: &str) {
        let commands = self.commands;
        if let Some(stored) = self.entries.get_mut(key) {
            stored.used = commands;
        }
    }

    /// Replaces the value of a key and keeps its expiry; an empty hash or set does not exist.
    fn write(&mut self, key: &str, value: Value) {
        let is_empty = match &value {
            Value::Text(_) => false,
            Value::Hash(fields) => fields.is_empty(),
            Value::Set(members) => members.is_empty(),
        };
        let expires = self.entries.get(key).and_then(|stored| stored.expires);
        self.put(key, (!is_empty).then_some(Stored { value, expires, used: self.commands }));
    }

    fn text(&self, key: &str) -> Result<Option<String>, ServerError> {
        text_of(self.entries.get(key)).map(|text| text.cloned())
    }

    fn hash(&self, key: &str) -> Result<BTreeMap<String, String>, ServerError> {
        hash_of(self.entries.get(key)).map(|fields| fields.cloned().unwrap_or_default())
    }

    fn set(&self, key: &str) -> Result<BTreeSet<String>, ServerError> {
        set_of(self.entries.get(key)).map(|members| members.cloned().unwrap_or_default())
    }

    fn run(&mut self, now: i64, command: &Command) -> Result<Reply, ServerError> {
        if !matches!(command, Command::PTtl { .. } | Command::Exists { .. }) {
            command.keys().iter().for_each(|key| self.used_now(key));
        }
        match command {
            Command::Set { key, value, when, ttl, returns_old } => {
                self.run_set(now, key, value, (*when, *ttl, *returns_old))
            }
            Command::GetDel { key } => {
                let text = self.text(key)?;
                self.delete(key);
                Ok(Reply::text_or_nil(text))
            }
            Command::Del { keys } => {
                Ok(Reply::Integer(keys.iter().map(|key| i64::from(self.delete(key))).sum()))
            }
            Command::IncrBy { key, by } => {
                let number = self.text(key)?.map_or(Some(0), |text| integer(&text));
                let sum = number.ok_or(ServerError::NotAnInteger)?.checked_add(*by);
                let sum = sum.ok_or(ServerError::Overflow)?;
                self.write(key, Value::Text(sum.to_string()));
                Ok(Reply::Integer(sum))
            }
            Command::PExpire { key, ms } => self.run_expire(now, key, *ms),
            Command::Persist { key } => {
                let stored = self.entries.get(key).filter(|stored| stored.expires.is_some()).cloned();
                let is_volatile = stored.is_some();
                if let Some(stored) = stored {
                    self.put(key, Some(Stored { expires: None, ..stored }));
                }
                Ok(Reply::flag(is_volatile))
            }
            Command::DelIfEqual { key, value } => {
                let is_equal = self.text(key)?.as_ref() == Some(value);
                Ok(Reply::flag(is_equal && self.delete(key)))
            }
            Command::PExpireIfEqual { key, value, ms } => {
                if self.text(key)?.as_ref() == Some(value) {
                    self.run_expire(now, key, *ms)
                } else {
                    Ok(Reply::Integer(0))
                }
            }
            Command::HSet { .. } | Command::HDel { .. } | Command::HIncrBy { .. } => self.run_hash(command),
            Command::SAdd { .. } | Command::SRem { .. } => self.run_members(command),
            Command::PTtl { .. }
            | Command::Exists { .. }
            | Command::Get { .. }
            | Command::HGet { .. }
            | Command::HGetAll { .. }
            | Command::SIsMember { .. }
            | Command::SMembers { .. }
            | Command::SCard { .. } => self.reads(now, command, |key| self.entries.get(key)),
        }
    }

    fn run_set(
        &mut self,
        now: i64,
        key: &str,
        value: &str,
        (when, ttl, returns_old): (SetIf, Ttl, bool),
    ) -> Result<Reply, ServerError> {
        let invalid = ServerError::InvalidExpire { command: "set" };
        let expires = match ttl {
            Ttl::Never => None,
            Ttl::Millis(ms) if ms > 0 => Some(now.checked_add(ms).ok_or(invalid)?),
            Ttl::At(at) if at > 0 => Some(at),
            Ttl::Millis(_) | Ttl::At(_) => return Err(invalid),
            Ttl::Keep => self.entries.get(key).and_then(|stored| stored.expires),
        };
        let old = if returns_old { self.text(key)? } else { None };
        let exists = self.entries.contains_key(key);
        let writes = match when {
            SetIf::Always => true,
            SetIf::Absent => !exists,
            SetIf::Exists => exists,
        };
        if writes {
            let value = Value::Text(value.to_owned());
            self.put(key, Some(Stored { value, expires, used: self.commands }));
        }
        Ok(match (returns_old, writes) {
            (true, _) => Reply::text_or_nil(old),
            (false, true) => Reply::Ok,
            (false, false) => Reply::Nil,
        })
    }

    fn run_expire(&mut self, now: i64, key: &str, ms: i64) -> Result<Reply, ServerError> {
        let at = now.checked_add(ms).ok_or(ServerError::InvalidExpire { command: "pexpire" })?;
        let Some(stored) = self.entries.get(key).cloned() else { return Ok(Reply::Integer(0)) };
        if ms <= 0 {
            self.delete(key);
        } else {
            self.put(key, Some(Stored { expires: Some(at), ..stored }));
        }
        Ok(Reply::Integer(1))
    }

    fn run_hash(&mut self, command: &Command) -> Result<Reply, ServerError> {
        let key = &command.keys()[0];
        let mut hash = self.hash(key)?;
        let before = hash.len() as i64;
        match command {
            Command::HSet { fields, .. } => {
                hash.extend(fields.iter().cloned());
                let added = hash.len() as i64 - before;
                self.write(key, Value::Hash(hash));
                Ok(Reply::Integer(added))
            }
            Command::HDel { fields, .. } => {
                hash.retain(|field, _| !fields.contains(field));
                let removed = before - hash.len() as i64;
                if removed > 0 {
                    self.write(key, Value::Hash(hash));
                }
                Ok(Reply::Integer(removed))
            }
            Command::HIncrBy { field, by, .. } => {
                let number = hash.get(field).map_or(Some(0), |text| integer(text));
                let sum = number.ok_or(ServerError::HashNotAnInteger)?.checked_add(*by);
                let sum = sum.ok_or(ServerError::Overflow)?;
                hash.insert(field.clone(), sum.to_string());
                self.write(key, Value::Hash(hash));
                Ok(Reply::Integer(sum))
            }
            _ => unreachable!("`run` passes commands that write hashes"),
        }
    }

    fn run_members(&mut self, command: &Command) -> Result<Reply, ServerError> {
        let key = &command.keys()[0];
        let mut set = self.set(key)?;
        let before = set.len() as i64;
        match command {
            Command::SAdd { members, .. } => set.extend(members.iter().cloned()),
            Command::SRem { members, .. } => set.retain(|member| !members.contains(member)),
            _ => unreachable!("`run` passes commands that write sets"),
        }
        let changed = (set.len() as i64 - before).abs();
        if changed > 0 {
            self.write(key, Value::Set(set));
        }
        Ok(Reply::Integer(changed))
    }

    /// Executes a command that only reads, on the entries that `find` shows.
    fn reads<'a>(
        &'a self,
        now: i64,
        command: &Command,
        find: impl Fn(&str) -> Option<&'a Stored>,
    ) -> Result<Reply, ServerError> {
        let first = find(&command.keys()[0]);
        Ok(match command {
            Command::Get { .. } => Reply::text_or_nil(text_of(first)?.cloned()),
            Command::PTtl { .. } => ttl_of(first, now),
            Command::Exists { keys } => {
                Reply::Integer(keys.iter().filter(|key| find(key).is_some()).count() as i64)
            }
            Command::HGet { field, .. } => {
                Reply::text_or_nil(hash_of(first)?.and_then(|fields| fields.get(field).cloned()))
            }
            Command::HGetAll { .. } => {
                let fields = hash_of(first)?.into_iter().flatten();
                Reply::texts(fields.flat_map(|(field, value)| [field, value]))
            }
            Command::SIsMember { member, .. } => {
                Reply::flag(set_of(first)?.is_some_and(|members| members.contains(member)))
            }
            Command::SMembers { .. } => Reply::texts(set_of(first)?.into_iter().flatten()),
            Command::SCard { .. } => Reply::Integer(set_of(first)?.map_or(0, BTreeSet::len) as i64),
            _ => unreachable!("the command reads"),
        })
    }
}

fn has_expired(stored: &Stored, now: i64) -> bool {
    stored.expires.is_some_and(|at| at < now)
}

fn ttl_of(stored: Option<&Stored>, now: i64) -> Reply {
    Reply::Integer(match stored {
        None => -2,
        Some(Stored { expires: None, .. }) => -1,
        Some(Stored { expires: Some(at), .. }) => at - now,
    })
}

fn text_of(stored: Option<&Stored>) -> Result<Option<&String>, ServerError> {
    match stored.map(|stored| &stored.value) {
        None => Ok(None),
        Some(Value::Text(text)) => Ok(Some(text)),
        Some(_) => Err(ServerError::WrongType),
    }
}

fn hash_of(stored: Option<&Stored>) -> Result<Option<&BTreeMap<String, String>>, ServerError> {
    match stored.map(|stored| &stored.value) {
        None => Ok(None),
        Some(Value::Hash(fields)) => Ok(Some(fields)),
        Some(_) => Err(ServerError::WrongType),
    }
}

fn set_of(stored: Option<&Stored>) -> Result<Option<&BTreeSet<String>>, ServerError> {
    match stored.map(|stored| &stored.value) {
        None => Ok(None),
        Some(Value::Set(members)) => Ok(Some(members)),
        Some(_) => Err(ServerError::WrongType),
    }
}
