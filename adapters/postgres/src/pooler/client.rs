//! A client of the pooler, from its first message to its last.

use super::link::{Linked, run};
use super::pool::Pools;
use super::upstream::Login;
use super::variables::Variables;
use crate::connection::Connection;
use crate::frame::{Frame, fatal, frame};
use crate::opening::{self, Opening};
use shakedown_net::Stream;
use shakedown_sim::ambient::Handle;
use shakedown_sim::trace::Kind;
use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::rc::Rc;

/// The SQLSTATE of the pooler's own errors: a violation of the protocol.
const PROTOCOL_VIOLATION: &str = "08P01";

/// A client whose session has begun.
struct Client {
    pools: Rc<Pools>,
    own: Handle,
    login: Login,
    variables: Variables,
    /// The process id that it was given.
    process: i32,
}

/// Serves a connection.
pub(super) async fn serve(pools: Rc<Pools>, stream: Stream, own: Handle, number: u32) {
    let mut connection = Connection::new(stream);
    // An error means that the client is gone.
    let _ = begin(pools, &mut connection, own, number).await;
}

async fn begin(pools: Rc<Pools>, connection: &mut Connection, own: Handle, number: u32) -> io::Result<()> {
    let parameters = match opening::read(connection).await? {
        Opening::Startup(parameters) => parameters,
        Opening::Cancel { process, secret } => return cancel(&pools, process, secret).await,
        Opening::Refused => return Ok(()),
    };
    let mut client = match Client::of(&parameters, pools, own, number as i32) {
        Ok(client) => client,
        Err(refusal) => return connection.send(&fatal(PROTOCOL_VIOLATION, &refusal)).await,
    };
    match client.pools.welcome(&client.login, own).await {
        Ok(welcome) => client.variables.complete_from(&welcome),
        Err(error) => return connection.send(&unavailable(&error)).await,
    }
    connection.send(&client.greeting()).await?;
    client.serve(connection).await
}

/// Cancels what a client runs, by a connection of its own to the server.
async fn cancel(pools: &Pools, process: i32, secret: i32) -> io::Result<()> {
    let request = pools.running.borrow().get(&process).cloned();
    if let Some(request) = request.filter(|_| secret == opening::secret_of(process)) {
        Connection::new(Stream::connect_to(&pools.pooler.server, 5432).await?).send(&request).await?;
    }
    Ok(())
}

/// Returns the message with which a client is disconnected that gets no server connection.
fn unavailable(error: &io::Error) -> Vec<u8> {
    let text = match error.kind() {
        ErrorKind::TimedOut => "query_wait_timeout".to_owned(),
        _ => format!("server login failed: {error}"),
    };
    fatal(PROTOCOL_VIOLATION, &text)
}

impl Client {
    /// Returns the client with these parameters, or why it is refused.
    fn of(
        parameters: &[(String, String)],
        pools: Rc<Pools>,
        own: Handle,
        process: i32,
    ) -> Result<Self, String> {
        let (mut user, mut database, mut variables) = (None, None, Variables::default());
        for (name, value) in parameters {
            match name.as_str() {
                "user" => user = Some(value.clone()),
                "database" => database = Some(value.clone()),
                _ if pools.pooler.ignored.contains(&name.to_ascii_lowercase()) => {}
                _ => match Variables::tracked(name) {
                    Some(tracked) => variables.set(tracked, value),
                    None => return Err(format!("unsupported startup parameter: {name}")),
                },
            }
        }
        let user = user.ok_or("no username supplied")?;
        let login = Login { database: database.unwrap_or_else(|| user.clone()), user };
        Ok(Self { pools, own, login, variables, process })
    }

    fn greeting(&self) -> Vec<u8> {
        let key = [self.process.to_be_bytes(), opening::secret_of(self.process).to_be_bytes()].concat();
        [frame(b'R', &0_i32.to_be_bytes()), self.variables.messages(), frame(b'K', &key), frame(b'Z', b"I")]
            .concat()
    }

    /// Serves transactions one after another.
    async fn serve(mut self, connection: &mut Connection) -> io::Result<()> {
        loop {
            let messages = poll_fn(|context| connection.poll_messages(context)).await?;
            let (requests, leaves) = requests_in(&messages);
            if requests.is_empty() {
                return Ok(());
            }
            let mut upstream = match self.pools.take(&self.login, self.own).await {
                Ok(upstream) => upstream,
                Err(error) => return connection.send(&unavailable(&error)).await,
            };
            if !leaves && connection.has_ended().await {
                self.pools.give_back(&self.login, upstream);
                return Ok(());
            }
            let number = upstream.number;
            let words = [u64::from(number), 0];
            self.own.step(Kind::Note, words, None, || format!("runs it on server connection {number}"));
            self.pools.running.borrow_mut().insert(self.process, upstream.cancel_request());
            let linked = run(connection, &mut self.variables, &mut upstream, requests).await;
            self.pools.running.borrow_mut().remove(&self.process);
            match linked {
                Linked::Ends => {
                    self.pools.give_back(&self.login, upstream);
                    if leaves {
                        return Ok(());
                    }
                }
                Linked::ClientIsGone => {
                    self.pools.lost(&self.login);
                    return Ok(());
                }
                Linked::ServerIsGone => {
                    self.pools.lost(&self.login);
                    return connection.send(&fatal(PROTOCOL_VIOLATION, "server conn crashed?")).await;
                }
            }
        }
    }
}

/// Returns the messages before the one that ends the session, and whether there is one.
fn requests_in(messages: &[u8]) -> (&[u8], bool) {
    let mut length = 0;
    for message in Frame::all(messages) {
        if message.tag == b'X' {
            return (&messages[..length], true);
        }
        length += message.whole.len();
    }
    (messages, false)
}
