//! LISTEN and NOTIFY: wake-ups that are sent at commit and can be missed.
//!
//! PostgreSQL documentation, NOTIFY: a notice is delivered when its transaction commits, equal notices of one
//! transaction are merged into one, and a session that is not listening at that moment never receives it. LISTEN and
//! UNLISTEN take effect at commit, too.

use crate::Database;
use crate::error::DatabaseError;
use crate::session::Session;

/// One delivered notice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    /// The channel.
    pub channel: String,
    /// The payload.
    pub payload: String,
    /// The number of the sending session.
    pub sender: usize,
}

impl Database {
    /// Takes the notices that reached a session. As with a real connection, none arrive inside a transaction.
    ///
    /// # Errors
    /// [`DatabaseError::ConnectionClosed`] if the session is over, or why the server ended it.
    pub fn take_notifications(&mut self, session: Session) -> Result<Vec<Notification>, DatabaseError> {
        let me = self.slot(session, "take_notifications")?;
        let state = &mut self.sessions[me];
        if state.xact.block != crate::xact::Block::Idle {
            return Ok(Vec::new());
        }
        Ok(state.inbox.drain(..).collect())
    }

    /// Returns the sessions with pending notices, in order of their numbers.
    pub fn notified(&self) -> Vec<Session> {
        let has_mail = |slot: &usize| self.sessions[*slot].open && !self.sessions[*slot].inbox.is_empty();
        (0..self.sessions.len()).filter(has_mail).map(|slot| self.handle(slot)).collect()
    }

    /// Applies the listens and delivers the notices of a transaction that has just committed.
    pub(crate) fn deliver_notices(&mut self, me: usize) {
        let xact = &mut self.sessions[me].xact;
        if xact.listens.is_empty() && xact.notices.is_empty() {
            return;
        }
        let listens = std::mem::take(&mut xact.listens);
        let notices = std::mem::take(&mut xact.notices);
        for (channel, listen) in listens {
            let channels = &mut self.sessions[me].channels;
            match (channel, listen) {
                (Some(channel), true) => drop(channels.insert(channel)),
                (Some(channel), false) => drop(channels.remove(&channel)),
                (None, _) => channels.clear(),
            }
        }
        for (channel, payload) in notices {
            for state in &mut self.sessions {
                if state.open && !state.client_gone && state.channels.contains(&channel) {
                    let (channel, payload) = (channel.clone(), payload.clone());
                    state.inbox.push_back(Notification { channel, payload, sender: me });
                }
            }
        }
    }
}
