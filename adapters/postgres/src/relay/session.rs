//! A client's session, from its first message to its last.

use super::batch::{Assembly, Prepared, Request, add_response};
use super::{News, Relay, startup};
use crate::connection::Connection;
use crate::engine::{Batch, Ending, Notice};
use crate::faults::Fate;
use crate::frame::{self, Frame};
use shakedown_net::Stream;
use shakedown_sim::ambient::Handle;
use shakedown_sim::trace::Kind;
use shakedown_sim::{Digest, Duration, Moment};
use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;

/// Serves a connection.
pub(super) async fn serve(relay: Rc<Relay>, stream: Stream, own: Handle) {
    let mut client = Connection::new(stream);
    let Ok(Some(number)) = startup::open(&relay, &mut client, own).await else { return };
    let session = Session { relay, number, own };
    // An error means that the client is gone without closing the session.
    let _ = session.serve(client).await;
    session.relay.close(own, number);
}

struct Session {
    relay: Rc<Relay>,
    number: usize,
    own: Handle,
}

/// What a session waits for while it is idle.
enum Next {
    Message(Vec<u8>),
    /// Output that no request caused, such as a notification.
    Push(Vec<u8>),
    /// The server has ended the session, with this last message.
    Ended(Vec<u8>),
    /// The session has been idle for too long.
    Overdue,
}

impl Session {
    async fn serve(&self, mut client: Connection) -> io::Result<()> {
        let mut assembly = Assembly::default();
        loop {
            let message = match self.next(&mut client).await? {
                Next::Message(message) => message,
                Next::Push(messages) => {
                    client.send(&messages).await?;
                    continue;
                }
                Next::Ended(last) => return client.send(&last).await,
                Next::Overdue => {
                    self.relay.look_at_clock(self.own, self.number);
                    continue;
                }
            };
            match assembly.add(&message) {
                None => {}
                Some(Request::Terminate) => return Ok(()),
                Some(Request::Unserved(what)) => {
                    let text = format!("the simulation does not serve {what}");
                    return client.send(&frame::fatal("0A000", &text)).await;
                }
                Some(Request::Batch(batch)) => match self.run(client, batch).await? {
                    Some(back) => client = back,
                    None => return Ok(()),
                },
            }
        }
    }

    /// Waits for a message of the client, or for output for it.
    async fn next(&self, client: &mut Connection) -> io::Result<Next> {
        let overdue = self.relay.idle_until(self.number).map(|micros| self.moment(micros));
        let mut timer = overdue.map(|at| self.own.sleep_until(at));
        poll_fn(|context| {
            match self.relay.news(self.number) {
                News::Idle(push) if !push.is_empty() => return Poll::Ready(Ok(Next::Push(push))),
                News::Ended(Ending::Closed, last) => return Poll::Ready(Ok(Next::Ended(last))),
                News::Ended(_, messages) => return Poll::Ready(Ok(Next::Push(messages))),
                News::Idle(_) | News::Waits(_) => {}
            }
            self.relay.awaits(self.number, context.waker());
            if let Poll::Ready(message) = client.poll_message(context) {
                return Poll::Ready(message.map(Next::Message));
            }
            match &mut timer {
                Some(timer) => Pin::new(timer).poll(context).map(|()| Ok(Next::Overdue)),
                None => Poll::Pending,
            }
        })
        .await
    }

    /// Runs a batch as its fate decides. Returns the client, or nothing if it is lost.
    async fn run(&self, client: Connection, batch: Prepared) -> io::Result<Option<Connection>> {
        let fate = if batch.runs { self.relay.fate(self.own, batch.name) } else { Fate::Runs };
        match fate {
            Fate::Runs => return self.respond(client, &batch).await,
            Fate::LostBefore => {}
            Fate::LostAfter => _ = self.execute(&batch).await,
            Fate::LostDuring => {
                drop(client);
                self.idle_for(self.relay.faults.late).await;
                self.execute(&batch).await;
            }
            Fate::Outlives => {
                drop(client);
                self.idle_for(self.relay.faults.notices_after).await;
            }
            Fate::Restart => self.relay.restart(self.own),
            Fate::RestartAfter => {
                self.execute(&batch).await;
                self.relay.restart(self.own);
            }
            Fate::Failover => return self.fail_over(client, batch).await,
        }
        Ok(None)
    }

    /// Runs a batch and sends its response. Returns the client unless the session has ended.
    async fn respond(&self, mut client: Connection, batch: &Prepared) -> io::Result<Option<Connection>> {
        let (ending, out) = self.execute(batch).await;
        client.send(&out).await?;
        Ok((ending != Ending::Closed).then_some(client))
    }

    /// Reports a commit, after which the standby takes over. A commit that it does not have is checked as by the server and then rolled
    /// back.
    async fn fail_over(&self, mut client: Connection, batch: Prepared) -> io::Result<Option<Connection>> {
        if self.relay.faults.lag().is_none() {
            let responded = self.respond(client, &batch).await;
            self.relay.fail_over(self.own);
            return responded.map(|_| None);
        }
        let is_open = self.relay.is_in_block(self.number);
        if !is_open || !batch.is_simple_commit() {
            return self.respond(client, &batch).await;
        }
        let (_, out) = self.execute(&Prepared::simple("SET CONSTRAINTS ALL IMMEDIATE")).await;
        let errors: Vec<u8> = Frame::all(&out)
            .filter(|message| message.tag == b'E')
            .flat_map(|message| message.whole.to_vec())
            .collect();
        self.execute(&Prepared::simple("ROLLBACK")).await;
        if !errors.is_empty() {
            client.send(&[errors, frame::frame(b'Z', b"I")].concat()).await?;
            return Ok(Some(client));
        }
        client.send(&[frame::frame(b'C', b"COMMIT\0"), frame::frame(b'Z', b"I")].concat()).await?;
        self.relay.fail_over(self.own);
        Ok(None)
    }

    /// Keeps the session idle without a client, while a fault lasts or until the server ends it.
    async fn idle_for(&self, duration: Duration) {
        self.own.lasts(duration);
        let end = self.own.now() + duration;
        while let Some(micros) = self.relay.idle_until(self.number) {
            let overdue = self.moment(micros);
            if overdue > end {
                break;
            }
            self.own.sleep_until(overdue).await;
            self.relay.look_at_clock(self.own, self.number);
        }
        self.own.sleep_until(end).await;
    }

    /// Runs a batch, and lets virtual time pass while the session waits.
    async fn execute(&self, batch: &Prepared) -> (Ending, Vec<u8>) {
        self.relay.notes(self.number, &batch.texts);
        let (messages, name) = (&batch.messages[..], batch.name.text());
        self.relay.submit(self.own, self.number, &Batch { messages, name, flushes: batch.flushes });
        let mut has_waited = false;
        loop {
            let deadline = match self.relay.news(self.number) {
                News::Ended(ending, out) => {
                    self.record(batch, &out);
                    return (ending, out);
                }
                // The batch ended with the session.
                News::Idle(out) => return (Ending::Ready, out),
                News::Waits(deadline) => deadline,
            };
            if !std::mem::replace(&mut has_waited, true) {
                self.own.step(Kind::LockWait, [0, 0], None, || format!("waits in `{name}`"));
            }
            let due = deadline.map(|micros| self.moment(micros));
            if self.changed_or(due).await {
                self.relay.rouse(self.own, self.number, Notice::Clock);
            }
        }
    }

    /// Returns the moment at which the server's clock shows `micros` microseconds since 1970, if it does not jump until then.
    fn moment(&self, micros: i64) -> Moment {
        let shown = self.own.wall_clock().unix_nanos().div_euclid(1_000);
        let left = u64::try_from(micros - shown).unwrap_or_default();
        self.own.now() + Duration::from_micros(left)
    }

    /// Waits until the session does not wait any more, or a moment has come. Returns whether it is the moment.
    async fn changed_or(&self, due: Option<Moment>) -> bool {
        let mut timer = due.map(|due| self.own.sleep_until(due));
        poll_fn(|context| {
            if !self.relay.waits(self.number) {
                return Poll::Ready(false);
            }
            self.relay.awaits(self.number, context.waker());
            match &mut timer {
                Some(timer) => Pin::new(timer).poll(context).map(|()| true),
                None => Poll::Pending,
            }
        })
        .await
    }

    /// Adds the batch and its response to the trace.
    fn record(&self, batch: &Prepared, out: &[u8]) {
        let mut digest = Digest::default();
        add_response(&mut digest, out);
        let words = [batch.digest, digest.bits()];
        self.own.step(Kind::Statement, words, None, || format!("runs `{}`: {}", batch.name, result_of(out)));
        if let Some(env) = self.own.try_env() {
            env.attach(|| self.relay.take_written(self.own));
        }
    }
}

/// Summarizes a response: its command tags, or its error.
fn result_of(out: &[u8]) -> String {
    let mut results = Vec::new();
    for message in Frame::all(out) {
        match message.tag {
            b'C' => results.extend(frame::Reader(message.body).text().map(str::to_owned)),
            b'E' => results.push(crate::monitor::message_of(message.whole)),
            _ => {}
        }
    }
    if results.is_empty() { "done".to_owned() } else { results.join(", ") }
}
