//! [`Assembly`]: a client's messages become batches, and batches get names.

use crate::frame::{Frame, Reader, frame};
use crate::statement;
use shakedown_sim::{Digest, Label};
use std::collections::BTreeMap;

/// A request of a client.
pub(crate) enum Request {
    /// Messages to run, up to `Sync` or one simple query.
    Batch(Prepared),
    /// The client closes the session.
    Terminate,
    /// A request that the relay does not serve, by its name.
    Unserved(&'static str),
}

/// A batch that is complete.
pub(crate) struct Prepared {
    pub(crate) messages: Vec<u8>,
    pub(crate) name: Label,
    /// Whether it may end with the server waiting for more: it ends with `Flush`, or with the last of the rows to copy.
    pub(crate) flushes: bool,
    /// Whether it runs statements, and does not prepare them only.
    pub(crate) runs: bool,
    /// The word that digests take for the batch, without the driver's names of statements and portals.
    pub(crate) digest: u64,
    /// The texts in it.
    pub(crate) texts: Vec<String>,
}

impl Prepared {
    /// Returns a batch of one simple query.
    pub(super) fn simple(sql: &str) -> Self {
        let messages = frame(b'Q', &[sql.as_bytes(), b"\0"].concat());
        match Assembly::default().add(&messages) {
            Some(Request::Batch(batch)) => batch,
            _ => unreachable!("a simple query is a batch"),
        }
    }

    /// Returns whether it is a simple query that only commits.
    pub(super) fn is_simple_commit(&self) -> bool {
        self.messages.first() == Some(&b'Q') && self.name.text() == "commit"
    }
}

/// The messages since the last batch, and the statements that were prepared.
#[derive(Default)]
pub(crate) struct Assembly {
    messages: Vec<u8>,
    digest: Digest,
    /// What the batch runs, and what it prepares without running it.
    runs: Vec<Label>,
    prepares: Option<Label>,
    texts: Vec<String>,
    /// By the name that the client gave the prepared statement, or the portal.
    statements: BTreeMap<String, Label>,
    portals: BTreeMap<String, Label>,
}

impl Assembly {
    /// Adds a message; returns what is complete with it.
    pub(crate) fn add(&mut self, message: &[u8]) -> Option<Request> {
        let frame = Frame::all(message).next()?;
        let mut body = Reader(frame.body);
        match frame.tag {
            b'X' => return Some(Request::Terminate),
            b'F' => return Some(Request::Unserved("a function call by the protocol")),
            b'Q' => {
                let sql = body.text().unwrap_or_default();
                self.runs.push(statement::name(sql));
                self.texts.push(sql.to_owned());
            }
            b'P' => {
                let (name, sql) = (body.text().unwrap_or_default(), body.text().unwrap_or_default());
                let label = statement::name(sql);
                self.statements.insert(name.to_owned(), label);
                self.prepares = Some(label);
                self.texts.push(sql.to_owned());
            }
            b'B' => {
                let (portal, name) = (body.text().unwrap_or_default(), body.text().unwrap_or_default());
                if let Some(label) = self.statements.get(name) {
                    self.portals.insert(portal.to_owned(), *label);
                }
            }
            b'E' => self.runs.extend(self.portals.get(body.text().unwrap_or_default())),
            _ => {}
        }
        self.messages.extend(message);
        self.digest.word(u64::from(frame.tag));
        self.digest.bytes(unnamed(&frame));
        // `CopyDone` and `CopyFail` end what a simple query reads; after an extended one the server waits for `Sync`.
        let flushes = matches!(frame.tag, b'H' | b'c' | b'f');
        matches!(frame.tag, b'Q' | b'S' | b'H' | b'c' | b'f').then(|| Request::Batch(self.complete(flushes)))
    }

    fn complete(&mut self, flushes: bool) -> Prepared {
        let runs = std::mem::take(&mut self.runs);
        let prepares = self.prepares.take();
        Prepared {
            messages: std::mem::take(&mut self.messages),
            name: name_of(&runs, prepares).unwrap_or(Label::new("sync")),
            runs: !runs.is_empty(),
            flushes,
            digest: std::mem::take(&mut self.digest).bits(),
            texts: std::mem::take(&mut self.texts),
        }
    }
}

/// Returns the name of messages that run these statements, or prepare one without running it; `None` if they do neither.
pub(super) fn name_of(runs: &[Label], prepares: Option<Label>) -> Option<Label> {
    match runs {
        [] => prepares.map(|label| statement::intern(format!("prepare {label}"))),
        [only] => Some(*only),
        several => {
            let names: Vec<_> = several.iter().take(3).map(|label| label.text()).collect();
            Some(statement::intern(names.join("; ")))
        }
    }
}

/// Returns the body of a message without the names that drivers number: of the prepared statement and the portal.
fn unnamed<'a>(frame: &Frame<'a>) -> &'a [u8] {
    let mut body = Reader(frame.body);
    let names = match frame.tag {
        b'P' | b'E' => 1,
        b'B' => 2,
        b'C' | b'D' => return frame.body.split_at(1.min(frame.body.len())).0,
        _ => 0,
    };
    for _ in 0..names {
        body.text();
    }
    body.0
}

/// Adds the messages of a response to a digest. Numbers of objects that a service creates differ from run to run.
pub(super) fn add_response(digest: &mut Digest, messages: &[u8]) {
    for message in Frame::all(messages) {
        digest.word(u64::from(message.tag));
        if message.tag != b'T' || add_columns(digest, Reader(message.body)).is_none() {
            digest.bytes(message.body);
        }
    }
}

/// The first number of an object that is not the server's own.
const FIRST_OBJECT: i32 = 16_384;

/// Adds the names, types and formats of a result's columns.
fn add_columns(digest: &mut Digest, mut columns: Reader<'_>) -> Option<()> {
    for _ in 0..columns.int16()? {
        let name = columns.text()?;
        let (_table, _number, kind) = (columns.int32()?, columns.int16()?, columns.int32()?);
        let (_length, _modifier, format) = (columns.int16()?, columns.int32()?, columns.int16()?);
        digest.text(name);
        digest.word(if kind < FIRST_OBJECT { kind as u64 } else { 0 });
        digest.word(format as u64);
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(name: &str) -> Prepared {
        let mut assembly = Assembly::default();
        let parse = frame(b'P', format!("{name}\0select $1\0\0\0").as_bytes());
        let bind = frame(b'B', format!("\0{name}\0\0\0").as_bytes());
        let execute = frame(b'E', b"\0\0\0\0\0");
        for message in [parse, bind, execute] {
            assert!(assembly.add(&message).is_none());
        }
        match assembly.add(&frame(b'S', b"")) {
            Some(Request::Batch(batch)) => batch,
            _ => panic!("`Sync` ends a batch"),
        }
    }

    #[test]
    fn the_driver_s_numbers_do_not_change_the_digest_of_a_batch() {
        let (one, other) = (batch("s9"), batch("s10"));
        assert_eq!((one.name.text(), one.runs, one.digest), ("select", true, other.digest));
    }
}
