//! `workflow-service`: one function moves every visit, by one set of rules, from the state that it has read and
//! locked.

use super::Platform;
use super::change::{self, Order, Outcome};
use super::rows::{Action, Actor, Status, Visit};
use super::rules;
use crate::guardrail::{Guardrail, Naive};
use shakedown_sim::{Env, StoreError};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

/// The row of `workflow-service` in the table of guardrails.
pub const ROW: Guardrail = Guardrail {
    name: "workflow-service",
    system: "visit",
    guarded: "one function changes a visit, by one set of rules, from its locked state",
    naive: &[Naive {
        what: "controller, importer and nightly job each load, check and save a visit",
        breaks: &["legal-transitions-only"],
        masked_by: &[],
    }],
};

/// The future of an order's outcome.
pub type Carried = Pin<Box<dyn Future<Output = Result<Outcome, StoreError>>>>;

/// The seam: the code that decides whether a visit may be moved, and the state on which it decides.
pub trait WorkflowService {
    /// Executes an order, if it is allowed.
    fn carry_out(&self, env: Env, platform: Rc<Platform>, order: Order) -> Carried;
}

/// Guarded: the rules are applied to the row that is then written, in one transaction that holds its lock.
pub struct OneFunction;

impl WorkflowService for OneFunction {
    fn carry_out(&self, env: Env, platform: Rc<Platform>, order: Order) -> Carried {
        Box::pin(async move {
            let mut tx = platform.backbone.store.begin(&env);
            let visit = tx.lock(&platform.tables.visits, &order.visit).await?;
            if change::is_repeat(&mut tx, &platform, order.request).await? {
                return Ok(Outcome::Before);
            }
            let owes = match (visit, order.action) {
                (None, Action::Schedule | Action::ScheduleAhead) => {
                    if !change::announce(&mut tx, &platform, &env, &order).await? {
                        return Ok(Outcome::Before);
                    }
                    None
                }
                (None, _) => return Ok(Outcome::NotKnown),
                (Some(_), Action::Schedule | Action::ScheduleAhead) => return Ok(Outcome::Before),
                (Some(visit), action) => {
                    let to = rules::next(visit.status, action, order.by);
                    let Some(to) = to.filter(|_| visit.revision == order.revision) else {
                        env.because(|| format!("the visit is already {:?}", visit.status));
                        return Ok(Outcome::Refused);
                    };
                    let after = rules::moved(&visit, action, to);
                    change::write(&mut tx, &platform, &env, (&visit, after), &order).await?
                }
            };
            tx.commit(name_of(order.action)).await?;
            Ok(Outcome::Done(owes))
        })
    }
}

/// Returns the name of the commit of a move.
fn name_of(action: Action) -> &'static str {
    match action {
        Action::Schedule | Action::ScheduleAhead => "schedule",
        Action::Remind => "remind",
        Action::Arrive => "arrive",
        Action::Process => "process",
        Action::Amend(_) => "amend",
        Action::Miss => "miss",
        Action::Cancel => "cancel visit",
        Action::Replay => "replay",
        Action::Override(_) => "override",
    }
}

/// Naive: the controller, the importer and the nightly job each load the visit, check it by their own rules, and save
/// it.
pub struct EachItsOwn;

impl WorkflowService for EachItsOwn {
    fn carry_out(&self, env: Env, platform: Rc<Platform>, order: Order) -> Carried {
        Box::pin(async move {
            let mut load = platform.backbone.store.begin(&env);
            if change::is_repeat(&mut load, &platform, order.request).await? {
                return Ok(Outcome::Before);
            }
            let visit = load.get(&platform.tables.visits, &order.visit).await?;
            drop(load);
            let mut save = platform.backbone.store.begin(&env);
            let owes = match (visit, order.action) {
                (None, Action::Schedule | Action::ScheduleAhead) => {
                    if !change::announce(&mut save, &platform, &env, &order).await? {
                        return Ok(Outcome::Before);
                    }
                    None
                }
                (None, _) => return Ok(Outcome::NotKnown),
                (Some(_), Action::Schedule | Action::ScheduleAhead) => return Ok(Outcome::Before),
                (Some(visit), action) => {
                    let to = match order.by {
                        Actor::Operator | Actor::Reminder => rules::next(visit.status, action, order.by),
                        Actor::Importer => imported(&visit, action),
                        Actor::NightlyClose => Some(Status::NoShow),
                    };
                    let Some(to) = to else { return Ok(Outcome::Refused) };
                    let after = rules::moved(&visit, action, to);
                    change::write(&mut save, &platform, &env, (&visit, after), &order).await?
                }
            };
            save.commit(name_of(order.action)).await?;
            Ok(Outcome::Done(owes))
        })
    }
}

/// Applies the importer's own check: a visit that is not over can be cancelled, as on the screen.
fn imported(visit: &Visit, action: Action) -> Option<Status> {
    let is_over = matches!(visit.status, Status::Processed | Status::NoShow | Status::Cancelled);
    (action == Action::Cancel && !is_over).then_some(Status::Cancelled)
}
