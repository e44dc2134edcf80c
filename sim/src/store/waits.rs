//! Waits for locks and the locks that are held, as recorded traces show them.
//!
//! A statement that waits names the sessions that block it, each by its client and the object that it waits for, and
//! those that block these in turn. If the chain returns to its beginning, it is a cycle. Waits that are still pending
//! at rest are reported to [`blocked`](crate::blocked), which combines them with those of semaphores.

use super::line::Line;
use super::server::Server;
use crate::access::{Access, Object, Verb};
use crate::blocked::{self, Holder, PendingWait};
use crate::env::Env;
use crate::event::Kind;
use crate::label::Label;
use shakedown_database::Session;

/// The last user of a session, and the object of its last statement.
#[derive(Clone)]
pub(super) struct Client {
    session: Session,
    holder: Holder,
    object: Object,
}

impl Line {
    /// Sets the key that the next statement is about, while the run is recorded.
    pub(super) fn aims_at(&self, key: impl FnOnce() -> String) {
        if self.is_recorded() {
            self.aim.replace(key());
        }
    }

    pub(super) fn is_recorded(&self) -> bool {
        self.client.world.core.borrow().recording.is_some()
    }

    /// Records who uses the session now, and for what.
    pub(super) fn note_user(&self, session: Session, object: Label) {
        if self.is_recorded() {
            let object = Object { table: object.text().to_owned(), key: self.aim.take() };
            let client = Client { session, holder: Holder::running(&self.client), object };
            self.server.users.borrow_mut().insert(session.number(), client);
        }
    }

    /// Adds a step that only recorded traces have. What it locks or writes is held until the transaction ends.
    pub(super) fn note(&self, step: impl FnOnce() -> (Vec<Access>, String)) {
        let hold = |step: &(Vec<Access>, String)| {
            let Ok(session) = self.session() else { return };
            let holds = step.0.iter().filter(|access| access.verb.is_write() || access.verb == Verb::Lock);
            let mut held = self.server.held.borrow_mut();
            held.entry(session.number()).or_default().extend(holds.cloned());
        };
        self.client.aside(Kind::Statement, || {
            let step = step();
            hold(&step);
            step
        });
    }

    /// Records that a transaction is rolled back, if it holds something.
    pub(super) fn note_roll_back(&self, session: Session) {
        if self.is_recorded() && self.server.holds_noted(session) {
            self.server.note_release(&self.client, session, "rolls back");
        }
    }
}

impl Server {
    /// Returns the accesses of a transaction's end: what it wrote, if it commits, and what it releases.
    pub(super) fn take_held(&self, session: Session, commits: bool) -> Vec<Access> {
        let held = self.held.borrow_mut().remove(&session.number()).unwrap_or_default();
        let mut accesses: Vec<Access> = Vec::new();
        let ends = held.iter().map(|access| Access { verb: Verb::Release, object: access.object.clone() });
        let writes = held.iter().filter(|access| commits && access.verb.is_write()).cloned();
        for access in writes.chain(ends) {
            if !accesses.contains(&access) {
                accesses.push(access);
            }
        }
        accesses
    }

    /// Records that a session releases what it holds without a commit.
    pub(super) fn note_release(&self, env: &Env, session: Session, what: &str) {
        env.aside(Kind::Release, || {
            let accesses = self.take_held(session, false);
            let objects: Vec<String> = accesses.iter().map(|access| access.object.to_string()).collect();
            let text = if objects.is_empty() {
                what.to_owned()
            } else {
                format!("{what}, which releases {}", blocked::list(&objects))
            };
            (accesses, text)
        });
    }

    /// Returns whether a session holds something that the trace shows; never in a run that is not recorded.
    pub(super) fn holds_noted(&self, session: Session) -> bool {
        self.held.borrow().get(&session.number()).is_some_and(|held| !held.is_empty())
    }

    /// Returns the step of a session that has just begun to wait.
    pub(super) fn wait_of(&self, session: Session) -> (Vec<Access>, String) {
        let chain = self.chain(session);
        let object = self.user(session).map(|client| client.object);
        let access = object.map(|object| Access { verb: Verb::Wait, object });
        (access.into_iter().collect(), format!("waits for a lock: {}", self.text(session, &chain)))
    }

    /// Returns the sessions along which a session waits: one that blocks it, one that blocks that, until one that waits
    /// for nothing, or the first again.
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

    /// Returns the sessions along which one waits, as text.
    fn text(&self, session: Session, chain: &[Session]) -> String {
        let mut text = String::new();
        let mut waiting = session;
        for (at, holder) in chain.iter().enumerate() {
            let object =
                self.user(waiting).map_or("something".to_owned(), |client| client.object.to_string());
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
        self.users.borrow().get(&session.number()).cloned()
    }

    fn name(&self, session: Session) -> String {
        let Some(Client { holder, .. }) = self.user(session) else { return blocked::list(&[]) };
        blocked::name(&self.env.world.core.borrow(), holder)
    }

    /// Returns the waits that are pending when the run comes to rest.
    pub(super) fn waits_at_rest(&self) -> Vec<PendingWait> {
        let waiting: Vec<Client> = {
            let (waiting, users) = (self.waiting.borrow(), self.users.borrow());
            let waits = |number: &usize| waiting.get(*number).is_some_and(Option::is_some);
            users.iter().filter(|(number, _)| waits(number)).map(|(_, client)| client.clone()).collect()
        };
        let wait = |client: Client| {
            let blockers = self.with_database(|database| database.blockers(client.session));
            let holders = blockers.unwrap_or_default().into_iter().filter_map(|blocker| self.user(blocker));
            let holders = holders.map(|client| client.holder).collect();
            PendingWait { waiter: client.holder, object: client.object, holders }
        };
        waiting.into_iter().map(wait).collect()
    }
}
