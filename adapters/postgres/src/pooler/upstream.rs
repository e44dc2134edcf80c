//! [`Upstream`]: a connection of the pooler to the server.

use super::variables::Variables;
use crate::connection::Connection;
use crate::frame::{Frame, Reader};
use crate::monitor::message_of;
use shakedown_net::Stream;
use std::future::poll_fn;
use std::io::{self, ErrorKind};

/// Who shares connections: clients of one user and database.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Login {
    pub(super) user: String,
    pub(super) database: String,
}

/// A connection to the server, whose session has begun.
pub(super) struct Upstream {
    pub(super) connection: Connection,
    /// Its number among those that the pooler has opened, from 1.
    pub(super) number: u32,
    pub(super) variables: Variables,
    /// What a request to cancel must name.
    key: Vec<u8>,
}

impl Upstream {
    /// Opens a connection to port 5432 of the node or role `server`.
    ///
    /// # Errors
    /// With the server's message if it refuses the session.
    pub(super) async fn open(server: &str, login: &Login, number: u32) -> io::Result<Self> {
        let mut connection = Connection::new(Stream::connect_to(server, 5432).await?);
        let mut startup = bytes::BytesMut::new();
        let parameters = [("user", login.user.as_str()), ("database", login.database.as_str())];
        postgres_protocol::message::frontend::startup_message(parameters, &mut startup)?;
        connection.send(&startup).await?;
        let mut upstream = Self { connection, number, variables: Variables::default(), key: Vec::new() };
        let messages = upstream.until_ready().await?;
        for message in Frame::all(&messages) {
            match message.tag {
                b'E' => return Err(io::Error::other(message_of(message.whole))),
                b'R' if Reader(message.body).int32() != Some(0) => {
                    return Err(io::Error::other("the server requests a password"));
                }
                b'K' => upstream.key = message.body.to_vec(),
                _ => {}
            }
        }
        Ok(upstream)
    }

    /// Gives the session the tracked settings of a client.
    pub(super) async fn apply(&mut self, client: &Variables) -> io::Result<()> {
        let sql = client.to_apply(&self.variables);
        if !sql.is_empty() {
            self.connection.send(&crate::frame::frame(b'Q', format!("{sql}\0").as_bytes())).await?;
            self.until_ready().await?;
        }
        Ok(())
    }

    /// Reads up to `ReadyForQuery`, or an error after which the server closes the connection.
    async fn until_ready(&mut self) -> io::Result<Vec<u8>> {
        let mut read = Vec::new();
        loop {
            let arrived = poll_fn(|context| self.connection.poll_messages(context)).await;
            let messages = match arrived {
                Err(error) if error.kind() == ErrorKind::UnexpectedEof && !read.is_empty() => {
                    return Ok(read);
                }
                arrived => arrived?,
            };
            self.variables.note(&messages);
            read.extend(messages);
            if Frame::all(&read).last().is_some_and(|message| message.tag == b'Z') {
                return Ok(read);
            }
        }
    }

    /// Returns the message that requests to cancel what runs on this connection.
    pub(super) fn cancel_request(&self) -> Vec<u8> {
        [&16_i32.to_be_bytes(), &80_877_102_i32.to_be_bytes(), &self.key[..]].concat()
    }
}
