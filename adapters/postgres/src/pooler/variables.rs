//! [`Variables`]: the settings that follow a client from one server connection to another.

use crate::frame::{Frame, Reader, frame};
use std::collections::BTreeMap;

/// The settings that the pooler tracks, as the server reports them.
pub(super) const TRACKED: [&str; 5] =
    ["client_encoding", "DateStyle", "TimeZone", "standard_conforming_strings", "application_name"];

/// Settings by name: the tracked ones of a client or server connection, and what else the server reported at the start.
#[derive(Clone, Default, Debug)]
pub(super) struct Variables(BTreeMap<String, String>);

impl Variables {
    /// Returns the name under which a parameter of a startup message is tracked, in whatever case.
    pub(super) fn tracked(parameter: &str) -> Option<&'static str> {
        TRACKED.into_iter().find(|name| name.eq_ignore_ascii_case(parameter))
    }

    pub(super) fn set(&mut self, name: &str, value: &str) {
        self.0.insert(name.to_owned(), value.to_owned());
    }

    /// Notes the settings that messages of the server report.
    pub(super) fn note(&mut self, messages: &[u8]) {
        for message in Frame::all(messages).filter(|message| message.tag == b'S') {
            let mut body = Reader(message.body);
            if let (Some(name), Some(value)) = (body.text(), body.text()) {
                self.set(name, value);
            }
        }
    }

    /// Adds what `other` has and this has not.
    pub(super) fn complete_from(&mut self, other: &Variables) {
        for (name, value) in &other.0 {
            self.0.entry(name.clone()).or_insert_with(|| value.clone());
        }
    }

    /// Returns the messages that report them to a client.
    pub(super) fn messages(&self) -> Vec<u8> {
        let report = |(name, value): (&String, &String)| frame(b'S', format!("{name}\0{value}\0").as_bytes());
        self.0.iter().flat_map(report).collect()
    }

    /// Returns the statements that give `server` these values of the tracked settings; empty if it has them.
    pub(super) fn to_apply(&self, server: &Variables) -> String {
        let wanted = TRACKED.into_iter().filter_map(|name| Some((name, self.0.get(name)?)));
        let differing = wanted.filter(|(name, value)| server.0.get(*name) != Some(value));
        differing.map(|(name, value)| format!("SET {name}='{}';", value.replace('\'', "''"))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_is_set() {
        let (mut client, mut server) = (Variables::default(), Variables::default());
        client.set("TimeZone", "Asia/Tokyo");
        client.set("application_name", "it's");
        server.note(&frame(b'S', b"TimeZone\0UTC\0"));
        assert_eq!(client.to_apply(&server), "SET TimeZone='Asia/Tokyo';SET application_name='it''s';");
        server.note(&frame(b'S', b"TimeZone\0Asia/Tokyo\0"));
        server.note(&frame(b'S', b"application_name\0it's\0"));
        assert_eq!(client.to_apply(&server), "");
    }
}
