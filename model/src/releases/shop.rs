//! The shared state of the nodes of the order flow: durable data and settings, no memory.

use super::Design;
use super::code::Order;
use super::facts::ReleaseFact;
use super::machine::Build;
use super::order_facts::OrderFact;
use super::rollout::Rollout;
use super::rows::{Booking, Message, Schema};
use super::telemetry::Telemetry;
use crate::backbone::jobs::{self, Job, JobKind, JobKindWords, Request, WorkItem};
use crate::backbone::tables::{raising, stating};
use crate::backbone::{Backbone, RowNumbers};
use crate::booking::connector::{ReserveRequest, ReserveResponse};
use shakedown_sim::{
    Endpoint, Fact, Facts, LockMode, LockWait, Moment, Scope, Signal, StoreError, Table, Transaction,
};
use std::rc::Rc;

/// The order flow.
pub struct Shop {
    /// The base of every flow.
    pub backbone: Rc<Backbone>,
    /// Bookings.
    pub bookings: Table<Booking>,
    /// Messages to workers; the subject of a job is the number of its message.
    pub messages: Table<Message>,
    /// The fence, and the existing columns.
    pub schema: Table<Schema>,
    /// The current rollout.
    pub rollouts: Table<Rollout>,
    /// Raised when the manager may have something to do.
    pub turn: Signal,
    /// The metrics of nodes.
    pub telemetry: Telemetry,
    /// The partner's reservation operation.
    pub partner: Endpoint<ReserveRequest, ReserveResponse>,
    pub(crate) design: Design,
    numbers: RowNumbers,
}

impl Shop {
    /// Creates a flow without bookings, whose fence admits every release.
    pub fn new<F>(
        backbone: &Rc<Backbone>,
        design: Design,
        partner: Endpoint<ReserveRequest, ReserveResponse>,
        facts: &Facts<F>,
    ) -> Rc<Self>
    where
        F: Fact + From<OrderFact> + From<ReleaseFact> + 'static,
    {
        let turn = Signal::new();
        let schema = raising(facts, &turn, |_, after| OrderFact::Schema(after));
        backbone.store.plant(&schema, Schema { fence: 1, has_guest: true });
        Rc::new(Self {
            backbone: Rc::clone(backbone),
            bookings: stating(facts, |before, after| OrderFact::Booking { before, after }),
            messages: stating(facts, |before, after| OrderFact::Message { before, after }),
            schema,
            rollouts: raising(facts, &turn, |before, after| ReleaseFact::Rollout { before, after }),
            turn,
            telemetry: Telemetry::default(),
            partner,
            design,
            numbers: RowNumbers::default(),
        })
    }
}

/// The jobs that process messages.
pub const JOB: JobKind = JobKind::new(&JobKindWords { name: "message", row: "message " });

/// Returns the database's metadata, locked until the transaction ends; `None` if this node's release is below the
/// fence.
pub(crate) async fn admitted(
    tx: &mut Transaction,
    shop: &Shop,
    build: Build,
) -> Result<Option<Schema>, StoreError> {
    let schema = tx.lock_with(&shop.schema, &0, LockMode::Share, LockWait::Block).await?;
    Ok(schema.filter(|schema| schema.fence <= build.number()))
}

/// Posts a message: stores it with its job, due at `due`.
pub(crate) async fn post(
    tx: &mut Transaction,
    shop: &Shop,
    (booking, text): (u32, String),
    (due, context): (Moment, Scope),
) -> Result<Job, StoreError> {
    let message = Message { id: shop.numbers.next(), booking, text, taken_by: None, times: 0 };
    let request = Request { item: WorkItem { kind: JOB, row: message.id }, context };
    let job = jobs::first(&shop.backbone, request, due);
    tx.insert(&shop.messages, message).await?;
    tx.insert(&shop.backbone.jobs, job).await?;
    Ok(job)
}

/// Accepts an order, in the format of this release: stores the booking's row and the job that reserves it. Returns
/// whether the table accepts such a row; a row that exists already is the same order.
pub(crate) async fn accept(
    tx: &mut Transaction,
    shop: &Shop,
    (build, schema): (Build, Schema),
    order: &Order,
    (now, context): (Moment, Scope),
) -> Result<bool, StoreError> {
    let documents = build.code.documents();
    let Some(text) = schema.kept(documents.row(order)) else { return Ok(false) };
    let booking = Booking { id: order.booking, text, context };
    if tx.insert_or_ignore(&shop.bookings, booking).await? {
        post(tx, shop, (order.booking, documents.job(order)), (now, context)).await?;
    }
    Ok(true)
}
