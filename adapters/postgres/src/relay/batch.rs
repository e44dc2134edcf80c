//! [`Assembly`]: a client's messages become batches, and batches get names.

use crate::frame::{Frame, Reader};
use crate::statement;
use shakedown_sim::Label;
use std::collections::BTreeMap;

/// What a client wants.
pub(crate) enum Request {
    /// These messages run, up to `Sync` or one simple query.
    Batch(Prepared),
    /// It leaves.
    Terminate,
    /// What the relay does not serve, by its name.
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
    /// The texts in it.
    pub(crate) texts: Vec<String>,
}

/// The messages since the last batch, and the statements that were prepared.
#[derive(Default)]
pub(crate) struct Assembly {
    messages: Vec<u8>,
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
        // `CopyDone` and `CopyFail` end what a simple query reads; after an extended one the server waits for `Sync`.
        let flushes = matches!(frame.tag, b'H' | b'c' | b'f');
        matches!(frame.tag, b'Q' | b'S' | b'H' | b'c' | b'f').then(|| Request::Batch(self.complete(flushes)))
    }

    fn complete(&mut self, flushes: bool) -> Prepared {
        let runs = std::mem::take(&mut self.runs);
        let prepares = self.prepares.take();
        let name = match (&runs[..], prepares) {
            ([], Some(label)) => statement::intern(format!("prepare {label}")),
            ([], None) => Label::new("sync"),
            ([only], _) => *only,
            (several, _) => {
                let mut names: Vec<_> = several.iter().map(|label| label.text()).collect();
                names.truncate(3);
                statement::intern(names.join("; "))
            }
        };
        Prepared {
            messages: std::mem::take(&mut self.messages),
            name,
            runs: !runs.is_empty(),
            flushes,
            texts: std::mem::take(&mut self.texts),
        }
    }
}
