//! A client on a server connection, until its transaction ends.

use super::upstream::Upstream;
use super::variables::Variables;
use crate::connection::Connection;
use crate::frame::Frame;
use std::future::poll_fn;
use std::io;
use std::task::Poll;

/// How a client's use of a server connection ended.
pub(super) enum Linked {
    /// Outside of a transaction, with all responses received.
    Ends,
    ClientIsGone,
    ServerIsGone,
}

/// What arrives.
enum Event {
    FromServer(io::Result<Vec<u8>>),
    FromClient(io::Result<Vec<u8>>),
}

/// What is open on a link.
#[derive(Default)]
struct Open {
    /// Requests without `ReadyForQuery`.
    requests: u32,
    /// Whether messages were sent that no `Sync` has followed.
    is_unsynced: bool,
    is_in_transaction: bool,
}

impl Open {
    fn request(&mut self, messages: &[u8]) {
        for message in Frame::all(messages) {
            match message.tag {
                b'Q' | b'S' | b'F' => {
                    self.requests += 1;
                    self.is_unsynced = false;
                }
                b'P' | b'B' | b'D' | b'E' | b'C' | b'H' => self.is_unsynced = true,
                _ => {}
            }
        }
    }

    fn response(&mut self, messages: &[u8]) {
        for message in Frame::all(messages).filter(|message| message.tag == b'Z') {
            self.requests = self.requests.saturating_sub(1);
            self.is_in_transaction = message.body != b"I";
        }
    }

    fn is_closed(&self) -> bool {
        self.requests == 0 && !self.is_unsynced && !self.is_in_transaction
    }
}

/// Forwards messages in both directions, first those that the client has sent.
pub(super) async fn run(
    client: &mut Connection,
    variables: &mut Variables,
    upstream: &mut Upstream,
    first: &[u8],
) -> Linked {
    if upstream.apply(variables).await.is_err() || upstream.connection.send(first).await.is_err() {
        return Linked::ServerIsGone;
    }
    let mut open = Open::default();
    open.request(first);
    while !open.is_closed() {
        let event = poll_fn(|context| match upstream.connection.poll_messages(context) {
            Poll::Ready(messages) => Poll::Ready(Event::FromServer(messages)),
            Poll::Pending => client.poll_messages(context).map(Event::FromClient),
        });
        match event.await {
            Event::FromServer(Ok(messages)) => {
                open.response(&messages);
                upstream.variables.note(&messages);
                variables.note(&messages);
                if client.send(&messages).await.is_err() && !open.is_closed() {
                    return Linked::ClientIsGone;
                }
            }
            Event::FromServer(Err(_)) => return Linked::ServerIsGone,
            Event::FromClient(Ok(messages)) => {
                if Frame::all(&messages).any(|message| message.tag == b'X') {
                    return Linked::ClientIsGone;
                }
                open.request(&messages);
                if upstream.connection.send(&messages).await.is_err() {
                    return Linked::ServerIsGone;
                }
            }
            Event::FromClient(Err(_)) => return Linked::ClientIsGone,
        }
    }
    Linked::Ends
}
