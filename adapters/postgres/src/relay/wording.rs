//! [`Wording`]: describes for traces what is sent on a connection: `insert orders`, `error 23505`.

use super::batch::name_of;
use crate::frame::{self, Frame, Reader};
use crate::statement;
use shakedown_sim::{Label, Scope};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// The statements that were prepared, by the connection and the name that the driver gave them.
#[derive(Default)]
pub(crate) struct Wording(Mutex<BTreeMap<(Scope, String), Label>>);

impl Wording {
    /// Describes what the client sends. `bytes` begin with a message.
    pub(crate) fn request(&self, connection: Scope, bytes: &[u8]) -> String {
        // Only the startup message has no type, and begins with its length.
        if bytes.first() == Some(&0) {
            return "a startup message".to_owned();
        }
        let (mut runs, mut prepares, mut syncs) = (Vec::new(), None, false);
        let mut statements = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for frame in Frame::all(bytes) {
            let mut body = Reader(frame.body);
            let mut text = || body.text().unwrap_or_default();
            match frame.tag {
                b'Q' => runs.push(statement::name(text())),
                b'P' => {
                    let (name, label) = (text().to_owned(), statement::name(text()));
                    statements.insert((connection, name), label);
                    prepares = Some(label);
                }
                b'B' => {
                    let (_portal, name) = (text(), text().to_owned());
                    runs.extend(statements.get(&(connection, name)));
                }
                b'S' => syncs = true,
                b'X' => return "the end of the session".to_owned(),
                _ => {}
            }
        }
        match name_of(&runs, prepares) {
            Some(name) => format!("`{name}`"),
            None if syncs => "`sync`".to_owned(),
            None => "a message".to_owned(),
        }
    }
}

/// Describes what the server sends.
pub(crate) fn response(bytes: &[u8]) -> String {
    let error = Frame::all(bytes).find(|message| message.tag == b'E');
    if let Some(code) = error.and_then(|message| frame::field(message.body, b'C')) {
        return format!("error {code}");
    }
    let done = Frame::all(bytes).filter(|message| message.tag == b'C').last();
    done.and_then(|message| Reader(message.body).text()).unwrap_or("a message").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::frame;

    #[test]
    fn messages_are_described_by_their_statements() {
        let (wording, here) = (Wording::default(), Scope::default());
        let parse = frame(b'P', b"s1\0INSERT INTO orders VALUES ($1)\0\0\0");
        let bind = frame(b'B', b"\0s1\0\0\0\0\0\0\0");
        assert_eq!(wording.request(here, &[0, 0, 0, 8]), "a startup message");
        assert_eq!(wording.request(here, &parse), "`prepare insert orders`");
        assert_eq!(wording.request(here, &bind), "`insert orders`");
        assert_eq!(wording.request(here, &frame(b'Q', b"COMMIT\0")), "`commit`");
        assert_eq!(response(&frame(b'C', b"INSERT 0 1\0")), "INSERT 0 1");
        assert_eq!(response(&crate::frame::fatal("57P03", "starting up")), "error 57P03");
    }
}
