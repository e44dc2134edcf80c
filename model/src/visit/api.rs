//! The controllers: the requests of operators and clinics, and the content of their screens.

use super::change::{self, Order, Outcome};
use super::platform::{Platform, job_for};
use super::report;
use super::rows::{Action, Actor, Report};
use super::view::{self, Case, Redo, View};
use crate::backbone::mail::review_queue;
use crate::backbone::retry::in_transaction;
use crate::backbone::{Code, Reply, jobs};
use shakedown_sim::{Endpoint, Env, Link, Moment, Op, StoreError, Transaction};
use std::rc::Rc;

/// An operator's request at a screen.
#[derive(Clone, Copy, Debug)]
pub struct Press {
    /// The visit.
    pub visit: u32,
    /// The action.
    pub action: Action,
    /// The revision that the screen showed.
    pub revision: u32,
    /// The key of the form, which is the same for all repeats.
    pub key: u64,
}

/// A row of a clinic's feed.
#[derive(Clone, Copy, Debug)]
pub struct ClinicRow {
    /// The visit.
    pub visit: u32,
    /// The clinic's report.
    pub says: Action,
    /// The row's number, which is the same for all repeats.
    pub key: u64,
}

/// The outcome, for the caller.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// It is so now, or work on it has started.
    Taken,
    /// There is no such visit yet.
    NotKnown,
    /// It is not allowed.
    Refused,
}

/// The operations of the visit API.
#[derive(Clone)]
pub struct Api {
    /// Moves a visit.
    pub advance: Endpoint<Press, Reply<Verdict>>,
    /// Repeats the missing effects of a visit, or by an override an effect that may be duplicated.
    pub replay: Endpoint<Press, Reply<Verdict>>,
    /// Shows the state of a visit.
    pub status: Endpoint<u32, Reply<View>>,
    /// Receives a row of a clinic's feed.
    pub import: Endpoint<ClinicRow, Reply<Verdict>>,
}

impl Api {
    /// Creates the operations, behind the edge.
    pub fn over(inside: &Link) -> Self {
        Self {
            advance: Endpoint::new(Op::routine("visits.advance", "passes on the move"), inside),
            replay: Endpoint::new(Op::routine("visits.replay", "passes on the replay"), inside),
            status: Endpoint::new(
                Op::routine("visits.status", "passes on the request for the visit"),
                inside,
            ),
            import: Endpoint::new(Op::routine("visits.import", "passes on the clinic's row"), inside),
        }
    }

    /// Boots a node of the API.
    pub fn boot(&self, env: &Env, platform: &Rc<Platform>) {
        let at = Rc::clone(platform);
        self.advance.serve(env, move |env, press| advance(env, Rc::clone(&at), press));
        let at = Rc::clone(platform);
        self.replay.serve(env, move |env, press| replay(env, Rc::clone(&at), press));
        let at = Rc::clone(platform);
        self.status.serve(env, move |env, visit| status(env, Rc::clone(&at), visit));
        let at = Rc::clone(platform);
        self.import.serve(env, move |env, row| import(env, Rc::clone(&at), row));
    }
}

async fn advance(env: Env, platform: Rc<Platform>, press: Press) -> Reply<Verdict> {
    let Press { visit, action, revision, key } = press;
    let order = Order { visit, action, by: Actor::Operator, revision, request: Some(key) };
    accept(env, platform, order).await
}

async fn import(env: Env, platform: Rc<Platform>, row: ClinicRow) -> Reply<Verdict> {
    let ClinicRow { visit, says: action, key } = row;
    let order = Order { visit, action, by: Actor::Importer, revision: 0, request: Some(key) };
    accept(env, platform, order).await
}

async fn accept(env: Env, platform: Rc<Platform>, order: Order) -> Reply<Verdict> {
    let at = Rc::clone(&platform);
    platform.design.durable_acceptance.accept(env, at, order).await
}

/// Executes an order, and starts the job that it requires.
pub(crate) async fn carry_out(env: Env, platform: Rc<Platform>, order: Order) -> Reply<Verdict> {
    let design = &platform.design;
    let carry_out =
        async || design.workflow_service.carry_out(env.clone(), Rc::clone(&platform), order).await;
    match in_transaction(&env, carry_out).await {
        Err(_) => Reply::bare(Code::Unavailable),
        Ok(Outcome::NotKnown) => refused(Verdict::NotKnown),
        Ok(Outcome::Refused) => refused(Verdict::Refused),
        Ok(Outcome::Before | Outcome::Done(None)) => taken(Code::Accepted),
        Ok(Outcome::Done(Some(job))) => {
            design.job_queue.committed(&env, &platform, job);
            taken(design.async_worker.follow_up(env, Rc::clone(&platform), job).await)
        }
    }
}

pub(crate) fn taken(code: Code) -> Reply<Verdict> {
    Reply { code, body: Some(Verdict::Taken) }
}

pub(crate) fn refused(verdict: Verdict) -> Reply<Verdict> {
    Reply { code: Code::Rejected, body: Some(verdict) }
}

async fn status(env: Env, platform: Rc<Platform>, visit: u32) -> Reply<View> {
    let mut tx = platform.backbone.store.begin(&env);
    match view::read(&mut tx, &platform, visit).await {
        Err(_) => Reply::bare(Code::Unavailable),
        Ok(None) => Reply::bare(Code::Rejected),
        Ok(Some(case)) => Reply::of(view::show(&platform, &case)),
    }
}

async fn replay(env: Env, platform: Rc<Platform>, press: Press) -> Reply<Verdict> {
    match in_transaction(&env, async || replayed(&env, &platform, press).await).await {
        Ok(reply) => reply,
        Err(_) => Reply::bare(Code::Unavailable),
    }
}

/// Repeats the missing effects of a visit's current revision, or by an override sends its message again, once for
/// each form. The audit trail records the operator and the grounds.
async fn replayed(env: &Env, platform: &Platform, press: Press) -> Result<Reply<Verdict>, StoreError> {
    let Press { visit, action, revision, key } = press;
    let order = Order { visit, action, by: Actor::Operator, revision, request: Some(key) };
    let mut tx = platform.backbone.store.begin(env);
    tx.lock(&platform.tables.visits, &visit).await?;
    if change::is_repeat(&mut tx, platform, order.request).await? {
        return Ok(taken(Code::Accepted));
    }
    let owed = tx.get_by_unique(&platform.tables.reports, Report::of(visit, revision)).await?;
    let Some(owed) = owed else { return Ok(refused(Verdict::Refused)) };
    tx.lock(&platform.tables.reports, &owed.id).await?;
    let case = view::read(&mut tx, platform, visit).await?.filter(|case| case.visit.revision == revision);
    let Some((case, report)) = case.and_then(|case| Some((case, case.report?))) else {
        return Ok(refused(Verdict::Refused));
    };
    let status = &platform.design.operational_status_view;
    let redo = match action {
        Action::Override(_) if status.may_double(&case) => Redo::Message,
        // A message with a known outcome must not be sent twice.
        Action::Override(_) => return Ok(refused(Verdict::Refused)),
        _ => status.lacks(&case),
    };
    match redo {
        Redo::Nothing => return Ok(taken(Code::Ok)),
        Redo::Message => {}
        Redo::Report => make_again(&mut tx, platform, &case, &report, platform.backbone.now(env)).await?,
        Redo::Everything => {
            report::disown(&mut tx, platform, &report).await?;
            make_again(&mut tx, platform, &case, &report, platform.backbone.now(env)).await?;
        }
    }
    if matches!(redo, Redo::Message | Redo::Everything) {
        send_message_again(&mut tx, platform, &case, platform.backbone.now(env)).await?;
    }
    change::enter(&mut tx, platform, env, case.visit.version, &order).await?;
    tx.commit(if matches!(action, Action::Override(_)) { "override" } else { "replay" }).await?;
    Ok(taken(Code::Accepted))
}

/// Makes a report again: replays its dead letter, or wakes its waiting job.
async fn make_again(
    tx: &mut Transaction,
    platform: &Platform,
    case: &Case,
    report: &Report,
    now: Moment,
) -> Result<(), StoreError> {
    let backbone = &platform.backbone;
    match case.job.filter(|_| case.is_stuck()) {
        Some(job) => {
            jobs::replay(tx, backbone, job.id, ("an operator", "the report lacks"), now).await.map(|_| ())
        }
        None => jobs::wake(tx, backbone, job_for(report), now).await,
    }
}

/// Sends the message again.
async fn send_message_again(
    tx: &mut Transaction,
    platform: &Platform,
    case: &Case,
    now: Moment,
) -> Result<(), StoreError> {
    let (mail, Some(message)) = (&platform.mail, case.message) else { return Ok(()) };
    match tx.lock(&mail.notifications, &message.id).await? {
        Some(row) if row.state == message.state => review_queue::queue_again(tx, mail, row, now).await,
        _ => Ok(()),
    }
}
