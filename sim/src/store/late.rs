//! Statements that take time: on the way to the server, at work there, and on the way back.

use super::line::Line;
use super::server::Server;
use crate::env::{put, slot, take};
use crate::time::Duration;
use shakedown_database::{DatabaseError, Session, Statement, Step};
use std::cell::Cell;
use std::rc::Rc;

/// The time of a statement besides its waits for locks.
#[derive(Clone, Copy)]
pub(super) struct Delay {
    /// Each way between client and server.
    pub(super) transit: Duration,
    /// At the server, before the effect.
    pub(super) work: Duration,
}

impl Delay {
    pub(super) fn is_none(self) -> bool {
        self.transit.is_zero() && self.work.is_zero()
    }
}

impl Line {
    /// Runs a statement that has its effect after a delay, whether its client lives or not.
    pub(super) async fn run_late<T: 'static>(
        &self,
        session: Session,
        mut statement: Statement<T>,
        delay: Delay,
    ) -> Result<T, DatabaseError> {
        let (server, reply) = (Rc::clone(&self.server), slot());
        let late = Rc::new(Late { server: Rc::clone(&server), session, stage: Cell::new(Stage::OnTheWay) });
        let (at_server, answer) = (Rc::clone(&late), Rc::clone(&reply));
        let (limit, has_time) = server.limit(session, delay.work);
        let world = &self.client.world;
        world.act_later(server.env.place(), delay.transit + limit, move |world| {
            if at_server.stage.get() != Stage::OnTheWay {
                return;
            }
            at_server.stage.set(Stage::Runs);
            let step = if has_time {
                server.start(session, &mut statement)
            } else {
                Step::Done(server.fail(session, DatabaseError::StatementTimeout))
            };
            match step {
                Step::Done(result) => {
                    at_server.stage.set(Stage::Over);
                    server.settle(world);
                    put(world, &answer, result);
                }
                Step::Wait(wait) => server.keep(session, statement, &wait.timers, move |world, result| {
                    at_server.stage.set(Stage::Over);
                    put(world, &answer, result);
                }),
            }
        });
        let abandoned = Abandoned { line: self, late };
        let result = take(world, &reply).await;
        drop(abandoned);
        if !delay.transit.is_zero() {
            self.client.sleep(delay.transit).await;
        }
        result
    }

    /// Waits until a read that takes time reads.
    pub(super) async fn await_read(&self, session: Session, delay: Delay) -> Result<(), DatabaseError> {
        let (limit, has_time) = self.server.limit(session, delay.work);
        self.client.sleep(delay.transit + limit).await;
        if has_time { Ok(()) } else { self.server.fail(session, DatabaseError::StatementTimeout) }
    }
}

/// Where a late statement is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// On its way to the server, or at work there before its effect.
    OnTheWay,
    Runs,
    Over,
}

struct Late {
    server: Rc<Server>,
    session: Session,
    stage: Cell<Stage>,
}

/// Cancels a late statement if its client abandons it. The statement of a dead client continues.
struct Abandoned<'a> {
    line: &'a Line,
    late: Rc<Late>,
}

impl Drop for Abandoned<'_> {
    fn drop(&mut self) {
        let Late { server, session, stage } = &*self.late;
        if !self.line.client.is_alive() {
            self.line.has_orphan.set(stage.get() != Stage::Over);
            return;
        }
        match stage.replace(Stage::Over) {
            Stage::OnTheWay => {
                drop(server.fail::<()>(*session, DatabaseError::Canceled));
                server.settle(&self.line.client.world);
            }
            Stage::Runs => server.cancel(*session),
            Stage::Over => {}
        }
    }
}

impl Server {
    /// Returns how long the server works on a statement that needs this long, and whether it completes: the statement
    /// timeout may end before.
    fn limit(&self, session: Session, work: Duration) -> (Duration, bool) {
        let settings = self.with_database(|database| database.settings(session));
        let limit = settings.map_or(0, |settings| settings.statement_timeout_ns);
        let limit = Duration::from_nanos(limit);
        if limit.is_zero() || work < limit { (work, true) } else { (limit, false) }
    }

    /// Fails the transaction of a session with an error, which it returns.
    fn fail<T>(&self, session: Session, error: DatabaseError) -> Result<T, DatabaseError> {
        let mut failing = Statement::<()>::compute(move |_| Err(error));
        match self.start(session, &mut failing) {
            Step::Done(Err(error)) => Err(error),
            _ => Err(DatabaseError::Canceled),
        }
    }
}
