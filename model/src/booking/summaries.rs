//! The read model of bookings: one row for each, a copy of one committed version, maintained by a projector that
//! follows the events.
//!
//! Guaranteed: events may be late, repeated and in any order; a summary only ever moves to a newer version. Not
//! guaranteed: that a summary is up to date. A client that knows a published version requests at least that version.

use super::platform::Platform;
use super::rows::{Booking, Status};
use crate::backbone::Code;
use crate::backbone::Reply;
use crate::backbone::events::Event;
use crate::booking::events::BOOKING;
use crate::settings::backoff;
use serde::Serialize;
use shakedown_sim::{Delivery, Duration, Env, Queue, Row, StoreError};
use std::rc::Rc;

/// The entry of a booking in a list.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Summary {
    /// The booking.
    pub booking: u32,
    /// The version of its row.
    pub version: u32,
    /// Its state.
    pub status: Status,
    /// Its confirmed reservation.
    pub reservation: Option<u32>,
}

impl Row for Summary {
    type Key = u32;
    const TABLE: &'static str = "summaries";
    fn key(&self) -> u32 {
        self.booking
    }
}

impl Summary {
    /// Returns the entry for this version.
    pub(crate) fn of(row: &Booking) -> Self {
        let Booking { id, version, status, reservation, .. } = *row;
        Self { booking: id, version, status, reservation }
    }
}

/// A request for a booking's summary.
#[derive(Clone, Copy, Debug)]
pub struct ListRequest {
    /// The booking.
    pub booking: u32,
    /// The newest published version that the caller has seen or received.
    pub seen: u32,
}

/// How long a list waits for the requested version, and how often it polls.
const CATCHES_UP_WITHIN: Duration = Duration::from_millis(1_500);
const LOOKS_EACH: Duration = Duration::from_millis(50);

/// Returns the summary from the read model, once it has reached the version that the caller has seen.
pub(crate) async fn projected(env: &Env, platform: &Platform, request: ListRequest) -> Reply<Summary> {
    let until = env.now() + CATCHES_UP_WITHIN;
    loop {
        let found =
            platform.backbone.store.begin(env).get(&platform.tables.summaries, &request.booking).await;
        match found {
            Ok(Some(summary)) if summary.version >= request.seen => return Reply::of(summary),
            Ok(None) if request.seen == 0 => return Reply::bare(Code::Rejected),
            Ok(_) if env.now() < until => env.sleep(LOOKS_EACH).await,
            _ => return Reply::bare(Code::Unavailable),
        }
    }
}

/// Boots the projector: it takes events and updates the summaries.
pub fn boot(env: &Env, platform: &Rc<Platform>, events: &Queue<Event>) {
    let (env, platform, events) = (env.clone(), Rc::clone(platform), events.clone());
    env.clone().spawn(async move {
        loop {
            let delivery = events.receive(&env).await;
            take(&platform, delivery).await;
        }
    });
}

/// Takes one event; the event is returned to the queue if the database fails.
async fn take(platform: &Platform, delivery: Delivery<Event>) {
    let kept = match delivery.body().subject.row_of(BOOKING) {
        Some(booking) => keep(delivery.env(), platform, booking).await,
        None => Ok(()),
    };
    // An unsettled event is delivered again, which does no harm.
    let _ = match kept {
        Ok(()) => delivery.ack().await,
        Err(_) => delivery.nack(backoff(delivery.receive_count())).await,
    };
}

/// Copies the current version of a booking, unless a newer one is stored.
async fn keep(env: &Env, platform: &Platform, booking: u32) -> Result<(), StoreError> {
    let tables = &platform.tables;
    let mut tx = platform.backbone.store.begin(env);
    let known = tx.lock(&tables.summaries, &booking).await?;
    let Some(row) = tx.get(&tables.bookings, &booking).await? else { return Ok(()) };
    let summary = Summary::of(&row);
    match known {
        Some(known) if known.version >= summary.version => return Ok(()),
        Some(_) => tx.update(&tables.summaries, summary).await?,
        None => tx.insert(&tables.summaries, summary).await?,
    }
    tx.commit("summary").await
}

/// Rebuilds every summary from the rows, while events continue to arrive.
///
/// # Errors
/// If the store fails; the summaries rebuilt by then are correct.
pub async fn rebuild(env: &Env, platform: &Platform) -> Result<(), StoreError> {
    let rows = platform.backbone.store.begin(env).scan(&platform.tables.bookings, |_| true).await?;
    for row in rows {
        keep(&env.within(row.context).child("rebuild"), platform, row.id).await?;
    }
    Ok(())
}
