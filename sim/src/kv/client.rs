//! The client's side: sends commands, and waits for the replies.

use super::Kv;
use super::cluster::{Target, Written};
use super::command::{Command, Reply, ServerError, SetIf, Ttl};
use super::keyspace::Revisions;
use super::profile::{CommandFault, Commands};
use super::server::{Outcome, Request, Script, Served};
use crate::access::{Access, Verb};
use crate::broker_request::{BrokerRequest, Fate, RequestError};
use crate::choice::Site;
use crate::env::{Env, Side};
use crate::event::Kind;
use crate::label::Label;
use crate::time::Duration;
use serde::Serialize;
use std::cell::Cell;
use std::rc::Rc;

const EXEC: Label = Label::new("exec");
const WATCH: Label = Label::new("watch");
const WAIT: Label = Label::new("wait");

/// Why a client has no reply, or which error the server replied with.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error, serde::Serialize)]
pub enum KvError {
    /// The server replied with an error.
    #[error("{0}")]
    Server(#[from] ServerError),
    /// No server accepts connections: nothing has changed.
    #[error("connection refused")]
    Refused,
    /// No reply came in time: the command may have been executed, or may still be.
    #[error("no reply in time")]
    TimedOut,
    /// The connection broke. What it watched, waited for, or subscribed to is lost.
    #[error("connection lost")]
    ConnectionLost,
}

impl From<RequestError> for KvError {
    fn from(error: RequestError) -> Self {
        match error {
            RequestError::Refused => Self::Refused,
            RequestError::TimedOut => Self::TimedOut,
        }
    }
}

impl From<CommandFault> for Fate {
    fn from(fault: CommandFault) -> Self {
        match fault {
            CommandFault::Lost => Self::Lost,
            CommandFault::Refused => Self::Refused,
            CommandFault::ResponseLost => Self::ResponseLost,
            CommandFault::Late(by) => Self::Late(by),
        }
    }
}

/// What the replies to a transaction are; see [`Client::transaction`].
pub type Replies = Vec<Result<Reply, ServerError>>;

/// A client of a key-value store on one node. Clones share a connection.
#[derive(Clone)]
pub struct Client {
    pub(super) kv: Kv,
    pub(super) env: Env,
    target: Target,
    /// The position of its last write.
    written: Rc<Cell<Option<Written>>>,
}

impl Client {
    pub(super) fn new(kv: &Kv, env: &Env, target: Target) -> Self {
        let server = kv.server(target, env.scope());
        env.world.core.borrow_mut().uses(env.node, server.node());
        Self { kv: kv.clone(), env: env.clone(), target, written: Rc::default() }
    }

    /// Returns this client for another entity of its node.
    pub fn within(&self, env: &Env) -> Client {
        Self { env: env.clone(), ..self.clone() }
    }

    /// Executes a command. A command that may write has a crash point before the request and one after the reply.
    ///
    /// # Errors
    /// [`KvError::Server`] with the error of the server, [`KvError::Refused`] if nothing has changed, and
    /// [`KvError::TimedOut`] if the outcome is unknown.
    #[track_caller]
    pub fn execute(&self, command: Command) -> impl Future<Output = Result<Reply, KvError>> {
        self.env.placed(async move {
            let (effect, is_write, target) = (Label::from(command.name()), command.is_write(), self.target);
            self.env.digest(&command);
            let text = self.text(|| command.to_string());
            let request = self.request(effect, command.keys(), text);
            let serve = move |kv: &Kv, request: &Request| kv.serve(target, request, &command);
            self.send(request, is_write, serve).await
        })
    }

    /// Executes the command with these words, as [`Command::parse`] reads them.
    ///
    /// # Errors
    /// As [`Client::execute`].
    ///
    /// # Panics
    /// As [`Command::parse`].
    #[track_caller]
    pub fn call(&self, words: &[&str]) -> impl Future<Output = Result<Reply, KvError>> {
        self.env.placed(async move { self.execute(Command::parse(words)?).await })
    }

    /// Returns the text of a key.
    ///
    /// # Errors
    /// As [`Client::execute`].
    #[track_caller]
    pub fn get(&self, key: impl Into<String>) -> impl Future<Output = Result<Option<String>, KvError>> {
        self.env.placed(async move {
            match self.execute(Command::Get { key: key.into() }).await? {
                Reply::Text(text) => Ok(Some(text)),
                _ => Ok(None),
            }
        })
    }

    /// Sets the text of a key, without a time to live.
    ///
    /// # Errors
    /// As [`Client::execute`].
    #[track_caller]
    pub fn set(
        &self,
        key: impl Into<String>,
        value: impl Into<String>,
    ) -> impl Future<Output = Result<(), KvError>> {
        self.env.placed(async move {
            self.set_with(key.into(), value.into(), SetIf::Always, Ttl::Never).await.map(drop)
        })
    }

    /// Sets the text of a key for a time, in whole milliseconds (`SET key value PX ms`).
    ///
    /// # Errors
    /// As [`Client::execute`].
    #[track_caller]
    pub fn set_for(
        &self,
        key: impl Into<String>,
        value: impl Into<String>,
        ttl: Duration,
    ) -> impl Future<Output = Result<(), KvError>> {
        self.env.placed(async move {
            self.set_with(key.into(), value.into(), SetIf::Always, Ttl::Millis(millis(ttl))).await.map(drop)
        })
    }

    /// Sets the text of a key for a time unless it exists; returns whether it did (`SET key value NX PX ms`). This is
    /// how a lock is taken.
    ///
    /// # Errors
    /// As [`Client::execute`].
    #[track_caller]
    pub fn set_if_absent(
        &self,
        key: impl Into<String>,
        value: impl Into<String>,
        ttl: Duration,
    ) -> impl Future<Output = Result<bool, KvError>> {
        self.env.placed(async move {
            self.set_with(key.into(), value.into(), SetIf::Absent, Ttl::Millis(millis(ttl))).await
        })
    }

    async fn set_with(&self, key: String, value: String, when: SetIf, ttl: Ttl) -> Result<bool, KvError> {
        let reply = self.execute(Command::Set { key, value, when, ttl, returns_old: false }).await?;
        Ok(reply == Reply::Ok)
    }

    /// Deletes a key; returns whether it existed.
    ///
    /// # Errors
    /// As [`Client::execute`].
    #[track_caller]
    pub fn del(&self, key: impl Into<String>) -> impl Future<Output = Result<bool, KvError>> {
        self.env.placed(async move {
            Ok(self.execute(Command::Del { keys: vec![key.into()] }).await? == Reply::Integer(1))
        })
    }

    /// Deletes a key if its text is this one; returns whether it was. This is how a lock is released.
    ///
    /// # Errors
    /// As [`Client::execute`].
    #[track_caller]
    pub fn del_if_equal(
        &self,
        key: impl Into<String>,
        value: impl Into<String>,
    ) -> impl Future<Output = Result<bool, KvError>> {
        self.env.placed(async move {
            let command = Command::DelIfEqual { key: key.into(), value: value.into() };
            Ok(self.execute(command).await? == Reply::Integer(1))
        })
    }

    /// Adds to the number of a key, which is 0 if the key does not exist; returns the sum.
    ///
    /// # Errors
    /// As [`Client::execute`].
    #[track_caller]
    pub fn incr_by(&self, key: impl Into<String>, by: i64) -> impl Future<Output = Result<i64, KvError>> {
        self.env.placed(async move {
            match self.execute(Command::IncrBy { key: key.into(), by }).await? {
                Reply::Integer(sum) => Ok(sum),
                reply => unreachable!("INCRBY replies with a number, not {reply}"),
            }
        })
    }

    /// Executes commands one after the other; the server executes no other command in between (`MULTI` … `EXEC`). An error
    /// of one does not undo the others.
    ///
    /// # Errors
    /// As [`Client::execute`]; [`ServerError::ExecAborted`] if none was executed.
    #[track_caller]
    pub fn transaction(&self, commands: Vec<Command>) -> impl Future<Output = Result<Replies, KvError>> {
        self.env.placed(async move {
            let replies = self.exec(commands, None).await?;
            Ok(replies.unwrap_or_default())
        })
    }

    /// Watches keys: [`Watch::transaction`] executes its commands only if they have not changed since.
    ///
    /// # Errors
    /// As [`Client::execute`].
    #[track_caller]
    pub fn watch(&self, keys: &[&str]) -> impl Future<Output = Result<Watch, KvError>> {
        self.env.placed(async move {
            let keys: Vec<String> = keys.iter().map(|key| (*key).to_owned()).collect();
            let text = self.text(|| format!("WATCH {}", keys.join(" ")));
            let request = self.request(WATCH, &keys, text);
            let serve = move |kv: &Kv, request: &Request| kv.serve_watch(request, &keys);
            let (epoch, revisions) = self.send(request, false, serve).await?;
            Ok(Watch { client: self.clone(), epoch, revisions })
        })
    }

    async fn exec(
        &self,
        commands: Vec<Command>,
        watched: Option<(u32, Revisions)>,
    ) -> Result<Option<Replies>, KvError> {
        self.env.digest(&commands);
        let text = self.text(|| {
            let texts: Vec<_> = commands.iter().map(ToString::to_string).collect();
            format!("MULTI; {}; EXEC", texts.join("; "))
        });
        let keys: Vec<String> = commands.iter().flat_map(|command| command.keys().iter().cloned()).collect();
        let request = self.request(EXEC, &keys, text);
        let served = move |kv: &Kv, request: &Request| -> Outcome<Result<Option<Replies>, KvError>> {
            if let Some((epoch, _)) = &watched
                && *epoch != kv.epoch()
            {
                return Ok(Served::of(Err(KvError::ConnectionLost)));
            }
            let revisions = watched.as_ref().map(|(_, revisions)| revisions);
            Ok(kv.serve_transaction(request, &commands, revisions)?.map(Ok))
        };
        self.send(request, true, served).await?
    }

    /// Executes a script; the server executes no other command meanwhile (`EVAL`). `name` names its crash points and choices;
    /// `keys` are those that it uses.
    ///
    /// # Errors
    /// As [`Client::execute`]; an error of the script is a server error. What it has done before stays done.
    #[track_caller]
    pub fn script<T: Serialize + 'static>(
        &self,
        name: impl Into<Label>,
        keys: &[&str],
        script: impl FnOnce(&mut Script<'_>) -> Result<T, ServerError> + 'static,
    ) -> impl Future<Output = Result<T, KvError>> {
        self.env.placed(async move {
            let name = name.into();
            let keys: Vec<String> = keys.iter().map(|key| (*key).to_owned()).collect();
            self.env.digest(&keys);
            let text = self.text(|| format!("the script {name} on {}", keys.join(" ")));
            let request = self.request(name, &keys, text);
            self.send(request, true, move |kv: &Kv, request: &Request| kv.serve_script(request, script)).await
        })
    }

    /// Waits until the replica has everything that this client has written, at most for `timeout`; returns the number
    /// of replicas that have it (`WAIT`). A primary that fails later may still lose it, if its replica fails too.
    ///
    /// # Errors
    /// As [`Client::execute`]; [`KvError::ConnectionLost`] if the primary failed meanwhile, or since the last write.
    #[track_caller]
    pub fn wait(&self, timeout: Duration) -> impl Future<Output = Result<usize, KvError>> {
        self.env.placed(async move {
            let (written, text) = (self.written.get(), self.text(|| "WAIT".to_owned()));
            let request = self.request(WAIT, &[], text);
            let reach = |kv: &Kv, _: &Request| Ok(Served::of_result(kv.0.cluster.borrow().reach()?));
            self.send(request, false, reach).await?;
            let replicated = |now| self.kv.replicated(written, now).ok_or(KvError::ConnectionLost);
            let deadline = self.env.now() + timeout;
            self.env.sleep_until(replicated(self.env.now())?.min(deadline)).await;
            let now = self.env.now();
            Ok(usize::from(replicated(now)? <= now))
        })
    }

    /// Returns the words of a request, if the run is recorded.
    pub(super) fn text(&self, text: impl FnOnce() -> String) -> Option<Rc<str>> {
        self.env.world.core.borrow().recording.is_some().then(|| text().into())
    }

    pub(super) fn request(&self, effect: Label, keys: &[String], text: Option<Rc<str>>) -> Request {
        Request { scope: self.env.scope(), effect, keys: keys.into(), text }
    }

    /// Sends a request and waits for the reply. A write has a crash point on either side.
    pub(super) async fn send<T: 'static>(
        &self,
        request: Request,
        is_write: bool,
        serve: impl FnOnce(&Kv, &Request) -> Outcome<T> + 'static,
    ) -> Result<T, KvError> {
        let (env, kv, effect) = (&self.env, self.kv.clone(), request.effect);
        let (name, profile) = (kv.0.name, &self.kv.0.profile);
        if is_write {
            env.crash_point(Side::Before, effect).await;
        }
        env.event(Kind::Call, [effect.word(), 0], || {
            format!("sends {} to {name}", request.text.as_deref().unwrap_or_default())
        });
        env.attach(|| {
            let verb = if is_write { Verb::Write } else { Verb::Read };
            request.keys.iter().map(|key| Access::new(verb, name, key)).collect()
        });
        let fault = env.choose_fault(&Site::new(name, effect), Commands(&profile.faults));
        let server = kv.server(self.target, env.scope());
        let exchange = BrokerRequest {
            client: env,
            broker: &server,
            service: "server",
            effect,
            latency: profile.latency,
            fate: fault.map_or(Fate::Arrives, Fate::from),
        };
        let served = exchange.response(profile.timeout, move || serve(&kv, &request)).await?;
        if let Some(writer) = served.writer {
            env.world.core.borrow_mut().follows_from(writer);
        }
        if served.written.is_some() {
            self.written.set(served.written);
        }
        if is_write {
            env.crash_point(Side::After, effect).await;
        }
        Ok(served.result?)
    }
}

/// Watched keys; [`Client::watch`] returns it.
pub struct Watch {
    client: Client,
    epoch: u32,
    revisions: Revisions,
}

impl Watch {
    /// Executes commands one after the other, if no watched key has changed, has expired or was evicted since; returns
    /// `None` if one was.
    ///
    /// # Errors
    /// As [`Client::transaction`]; [`KvError::ConnectionLost`] if the server failed since: none was executed.
    #[track_caller]
    pub fn transaction(
        self,
        commands: Vec<Command>,
    ) -> impl Future<Output = Result<Option<Replies>, KvError>> {
        let env = self.client.env.clone();
        env.placed(async move { self.client.exec(commands, Some((self.epoch, self.revisions))).await })
    }
}

fn millis(ttl: Duration) -> i64 {
    i64::try_from(ttl.as_millis()).unwrap_or(i64::MAX)
}
