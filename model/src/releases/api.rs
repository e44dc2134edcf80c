//! The API: accepts orders, serves pages, and records arrivals; each in the format of the release that its machine
//! runs.

use super::code::{Change, Order, Status, Unreadable};
use super::machine::{Build, Machine};
use super::rows::Booking;
use super::shop::{Shop, accept, admitted};
use super::telemetry::Count;
use shakedown_sim::{Endpoint, Env, Link, Op, StoreError};
use std::rc::Rc;

/// The response of the API.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Answer {
    /// 202: accepted, or done.
    Done,
    /// 200: the row, in the format of this release.
    Row(String),
    /// 404: there is no booking, or no confirmed one.
    Missing,
    /// 500: the row cannot be read, or cannot be written.
    Broken,
    /// 503: unavailable.
    Unavailable,
}

/// The operations of the API.
#[derive(Clone)]
pub struct ShopApi {
    /// Accepts an order.
    pub order: Endpoint<Order, Answer>,
    /// Shows a booking.
    pub view: Endpoint<u32, Answer>,
    /// Reports that a guest has arrived.
    pub arrive: Endpoint<u32, Answer>,
}

impl ShopApi {
    /// Creates the operations over this link.
    pub fn over(link: &Link) -> Self {
        Self {
            order: Endpoint::new(Op::routine("shop.order", "passes the order on"), link),
            view: Endpoint::new(Op::routine("shop.view", "asks for the booking"), link),
            arrive: Endpoint::new(Op::routine("shop.arrive", "passes on the arrival"), link),
        }
    }
}

/// Boots a node of the API.
pub(super) fn boot(env: &Env, shop: &Rc<Shop>, machine: &Rc<Machine>, build: Build) {
    let node = ApiNode { shop: Rc::clone(shop), machine: Rc::clone(machine), build };
    let at = node.clone();
    machine.api.order.serve(env, move |env, order| {
        let at = at.clone();
        async move { at.answer(&env, async || at.take_on(&env, &order).await).await }
    });
    let at = node.clone();
    machine.api.view.serve(env, move |env, booking| {
        let at = at.clone();
        async move { at.answer(&env, async || at.show(&env, booking).await).await }
    });
    machine.api.arrive.serve(env, move |env, booking| {
        let at = node.clone();
        async move { at.answer(&env, async || at.arrive(&env, booking).await).await }
    });
}

/// One incarnation of a node of the API.
#[derive(Clone)]
struct ApiNode {
    shop: Rc<Shop>,
    machine: Rc<Machine>,
    build: Build,
}

impl ApiNode {
    /// Counts a request as in progress while it is served.
    async fn answer(&self, env: &Env, request: impl AsyncFnOnce() -> Result<Answer, StoreError>) -> Answer {
        self.machine.begin();
        let answer = request().await.unwrap_or(Answer::Unavailable);
        if answer == Answer::Broken {
            self.shop.telemetry.count(env, self.build.code, Count::Unreadable);
        }
        self.machine.end(env);
        answer
    }

    /// Returns the response for a row that this release cannot read.
    fn broken(&self, env: &Env, booking: u32, error: &Unreadable) -> Answer {
        env.note(|| format!("cannot read the row of B{booking} as {}: {error}", self.build.code));
        Answer::Broken
    }

    async fn take_on(&self, env: &Env, order: &Order) -> Result<Answer, StoreError> {
        let mut tx = self.shop.backbone.store.begin(env);
        let Some(schema) = admitted(&mut tx, &self.shop, self.build).await? else {
            return Ok(Answer::Unavailable);
        };
        let now = (env.now(), env.scope());
        if !accept(&mut tx, &self.shop, (self.build, schema), order, now).await? {
            return Ok(Answer::Broken);
        }
        tx.commit("accept").await?;
        Ok(Answer::Done)
    }

    async fn show(&self, env: &Env, booking: u32) -> Result<Answer, StoreError> {
        let row = self.shop.backbone.store.begin(env).get(&self.shop.bookings, &booking).await?;
        let Some(row) = row else { return Ok(Answer::Missing) };
        let passed_on = self.build.code.documents().rewrite(&row.text, Change::Nothing);
        Ok(passed_on.map_or_else(|error| self.broken(env, booking, &error), Answer::Row))
    }

    async fn arrive(&self, env: &Env, booking: u32) -> Result<Answer, StoreError> {
        let mut tx = self.shop.backbone.store.begin(env);
        let Some(schema) = admitted(&mut tx, &self.shop, self.build).await? else {
            return Ok(Answer::Unavailable);
        };
        let Some(row) = tx.lock(&self.shop.bookings, &booking).await? else { return Ok(Answer::Missing) };
        match self.build.code.documents().read_row(&row.text).map(|seen| seen.status) {
            Ok(Status::Confirmed) => {}
            Ok(_) => return Ok(Answer::Missing),
            Err(error) => return Ok(self.broken(env, booking, &error)),
        }
        let arrived = self.build.code.documents().rewrite(&row.text, Change::Status(Status::Arrived));
        let Some(text) = arrived.ok().and_then(|text| schema.kept(text)) else { return Ok(Answer::Broken) };
        tx.update(&self.shop.bookings, Booking { text, ..row }).await?;
        tx.commit("arrived").await?;
        Ok(Answer::Done)
    }
}
