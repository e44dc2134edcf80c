//! Commits: the request, its outcome, and the response that the client gets.

use super::profile::{CommitFault, Commits};
use super::server::{STORE, Server, for_client};
use super::{StoreError, Transaction};
use crate::choice::Site;
use crate::env::{Env, SharedSlot, Side, put, slot, take};
use crate::event::Kind;
use crate::label::Label;
use crate::node::NodeId;
use crate::scope::Source;
use crate::world::World;
use shakedown_database::{CommitOutcome, DatabaseError, Session, Statement, Step};
use std::cell::Cell;
use std::panic::Location;
use std::rc::Rc;

const COMMIT: Label = Label::new("commit");

/// A request to commit, on its way.
struct Request {
    session: Session,
    server: Env,
    /// The client's node.
    client: NodeId,
    name: Label,
    id: u32,
    fault: Option<CommitFault>,
    busy: Option<Rc<Cell<bool>>>,
    reply: SharedSlot<Result<(), StoreError>>,
}

impl Transaction {
    /// Commits. `name` says what is committed, for choice sites and reports. Crash points stand before the
    /// request and after its response.
    ///
    /// A transaction of which a statement has failed is rolled back, and that is *no* error: PostgreSQL answers
    /// `ROLLBACK` to such a `COMMIT`, and common clients do not check that. A caller that ignores a statement's
    /// error gets no error here.
    ///
    /// # Errors
    /// [`StoreError::CommitUnknown`] if the connection broke: the client must find out.
    /// [`StoreError::SerializationFailure`] at serializable; what was read must be forgotten then.
    #[track_caller]
    pub fn commit(self, name: impl Into<Label>) -> impl Future<Output = Result<(), StoreError>> {
        self.commit_at(name.into(), Location::caller())
    }

    /// Like [`commit`](Transaction::commit), for code that called the engine at `place`.
    async fn commit_at(mut self, name: Label, place: Source) -> Result<(), StoreError> {
        let env = self.line.client.clone();
        env.crash_point_at(Side::Before, name, place).await;
        let session = self.line.leave()?;
        let (id, busy, server) = (self.line.id, self.busy.take(), Rc::clone(&self.line.server));
        let word = name.word();
        env.event(Kind::Commit, [word, u64::from(id)], || format!("commits: {name}"));
        let faults = Commits(server.profile.commit_faults);
        let fault = env.choose_fault_at(&Site::of(STORE, COMMIT, name), faults, Some(place));
        let (reply, whole) = (slot(), server.profile.commit);
        let at = server.env.within(env.scope());
        let request = Request {
            session,
            server: at,
            client: env.node(),
            name,
            id,
            fault,
            busy,
            reply: Rc::clone(&reply),
        };
        let mut delay = whole / 2;
        if let Some(CommitFault::Late(late)) = fault {
            env.lasts(whole + late);
            delay += late;
            let reply = Rc::clone(&reply);
            env.world
                .deliver(env.place(), whole, move |world| put(world, &reply, Err(StoreError::CommitUnknown)));
        }
        env.world.act_later(request.server.place(), delay, move |world| server.read_commit(world, request));
        let result = take(&env.world, &reply).await;
        if let Err(error) = &result
            && let Some(turn) = env.running_turn()
            && error.may_pass()
        {
            turn.fails();
        }
        match result {
            Ok(()) => env.crash_point_at(Side::After, name, place).await,
            Err(StoreError::CommitUnknown) => {
                env.event(Kind::Failed, [word, u64::from(id)], || {
                    "loses the connection while it commits".to_owned()
                });
            }
            Err(error) => {
                env.event(Kind::Failed, [word, u64::from(id)], || format!("receives an error: {error}"));
            }
        }
        result
    }
}

impl Server {
    /// A request to commit has arrived.
    fn read_commit(self: &Rc<Self>, world: &Rc<World>, request: Request) {
        if request.fault == Some(CommitFault::Fails) || self.goes_down(&request.server, request.name) {
            let word = request.name.word();
            request.server.event(Kind::Failed, [word, u64::from(request.id)], || {
                format!("rolls back: {}", request.name)
            });
            request.server.attach(|| self.take_held(request.session, false));
            let rollback = || drop(self.start(request.session, &mut Statement::rollback()));
            self.releasing(request.session, rollback);
            return self.answer_commit(world, request, Err(StoreError::CommitUnknown));
        }
        let mut statement = Statement::commit();
        match self.releasing(request.session, || self.start(request.session, &mut statement)) {
            Step::Done(outcome) => self.conclude_commit(world, request, outcome),
            // Deferred constraints may wait for others.
            Step::Wait(wait) => {
                let (here, session) = (Rc::clone(self), request.session);
                self.keep(session, statement, &wait.timers, move |world, outcome| {
                    here.conclude_commit(world, request, outcome);
                });
            }
        }
    }

    fn conclude_commit(
        self: &Rc<Self>,
        world: &Rc<World>,
        request: Request,
        outcome: Result<CommitOutcome, DatabaseError>,
    ) {
        let (name, words) = (request.name, [request.name.word(), u64::from(request.id)]);
        let server = &request.server;
        let kind = if outcome == Ok(CommitOutcome::Committed) { Kind::Committed } else { Kind::Failed };
        let event = server.event(kind, words, || match &outcome {
            Ok(CommitOutcome::Committed) => format!("has committed: {name}"),
            Ok(CommitOutcome::RolledBack) => format!("rolls back, for a statement has failed: {name}"),
            Err(error) => format!("does not commit: {name}: {error}"),
        });
        server.attach(|| self.take_held(request.session, kind == Kind::Committed));
        let event = event.unwrap_or_default();
        world.with_cause(event, || {
            self.publish(server, event);
            self.replicate(server, name);
        });
        let answer = match request.fault {
            None => for_client(outcome).map(drop),
            Some(_) => Err(StoreError::CommitUnknown),
        };
        self.answer_commit(world, request, answer);
    }

    /// Returns the session to the pool and sends the response.
    fn answer_commit(self: &Rc<Self>, world: &Rc<World>, request: Request, answer: Result<(), StoreError>) {
        match &request.busy {
            None => self.give_back(request.session),
            Some(busy) if Rc::strong_count(busy) > 1 => busy.set(false),
            // The connection is gone.
            Some(_) => self.close(world, request.session),
        }
        self.settle(world);
        let (place, reply) = ((request.client, request.server.scope()), request.reply);
        world.deliver(place, self.profile.commit / 2, move |world| put(world, &reply, answer));
    }
}
