//! Who waits for whom: what a recorded trace says of lock waits.
//!
//! A statement that waits names the sessions that block it, each by its client and what that used last, and those that
//! block these in turn. If the chain comes back to its beginning, it is a cycle. What is still waiting once a run has come to
//! rest will wait for ever: there a holder that waits for nothing of the store must wait within its own node.

use super::line::Line;
use super::server::Server;
use crate::engine::Core;
use crate::event::Kind;
use crate::label::Label;
use crate::node::{NodeId, State};
use crate::scope::Scope;
use shakedown_database::Session;

/// Who used a session last, and for what.
#[derive(Clone, Copy)]
pub(super) struct Client {
    session: Session,
    place: (NodeId, Scope),
    /// A table, or what else its last statement was about.
    object: Label,
}

impl Line {
    /// Says whose session it is now, and what for.
    pub(super) fn note_user(&self, session: Session, object: Label) {
        if self.client.world.core.borrow().recording.is_some() {
            let client = Client { session, place: self.client.place(), object };
            self.server.users.borrow_mut().insert(session.number(), client);
        }
    }
}

impl Server {
    /// What a session that has just begun to wait waits for.
    pub(super) fn wait_of(&self, session: Session) -> String {
        let chain = self.chain(session);
        format!("waits for a lock: {}", self.text(session, &chain))
    }

    /// The sessions along which a session waits: one that blocks it, one that blocks that, until one that waits for
    /// nothing, or the first again.
    fn chain(&self, session: Session) -> Vec<Session> {
        let mut chain = Vec::new();
        let mut next = session;
        loop {
            let blockers = self.with_database(|database| database.blockers(next)).unwrap_or_default();
            let Some(first) = blockers.first().copied() else { return chain };
            let is_known = chain.contains(&first);
            chain.push(first);
            if first == session || is_known {
                return chain;
            }
            next = first;
        }
    }

    /// Says along which sessions one waits.
    fn text(&self, session: Session, chain: &[Session]) -> String {
        let mut text = String::new();
        let mut waiting = session;
        for (at, holder) in chain.iter().enumerate() {
            let object = self.user(waiting).map_or("something", |client| client.object.text());
            if at > 0 {
                text += ", which waits in turn: ";
            }
            text += &format!("{object}, held by {}", self.name(*holder));
            waiting = *holder;
        }
        if chain.last() == Some(&session) {
            text += ", which is a cycle";
        }
        text
    }

    fn user(&self, session: Session) -> Option<Client> {
        self.users.borrow().get(&session.number()).copied()
    }

    fn name(&self, session: Session) -> String {
        let Some(Client { place: (node, scope), .. }) = self.user(session) else {
            return "a session that ran no statement".to_owned();
        };
        let core = self.env.world.core.borrow();
        format!("{} on {}", core.scopes.path(scope), core.nodes[node].name())
    }

    /// Records what waits as the run comes to rest, and so for ever.
    pub(super) fn note_stuck(&self) {
        let waiting: Vec<Client> = {
            let (waiting, users) = (self.waiting.borrow(), self.users.borrow());
            let waits = |number: &usize| waiting.get(*number).is_some_and(Option::is_some);
            users.iter().filter(|(number, _)| waits(number)).map(|(_, client)| *client).collect()
        };
        for client in &waiting {
            let chain = self.chain(client.session);
            let mut text = format!("still waits for a lock: {}", self.text(client.session, &chain));
            if chain.last().is_some_and(|last| *last != client.session) {
                let last = chain.last().copied().and_then(|last| self.user(last));
                let core = self.env.world.core.borrow();
                text += &last.map(|last| outside(&core, client.place, last)).unwrap_or_default();
            }
            self.env.world.core.borrow_mut().aside(client.place, Kind::Stuck, text);
        }
    }
}

/// What holds up a client that waits for nothing of the store, at rest: something within its node, if its task is there.
fn outside(core: &Core, waiting: (NodeId, Scope), Client { place: (node, scope), .. }: Client) -> String {
    let is_there = core.nodes[node].state != State::Down && core.has_task((node, scope));
    match is_there {
        false => ", whose task is gone".to_owned(),
        true if node == waiting.0 => {
            let path = core.scopes.path(waiting.1);
            format!(
                ", which waits for something within its own node that {path} may hold: a cycle, if it does"
            )
        }
        true => ", which waits for something within its own node".to_owned(),
    }
}
