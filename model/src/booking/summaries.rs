//! The read model of bookings: one row for each, a copy of one committed version, kept by a projector that follows the
//! events.
//!
//! What it guarantees: events may come late, twice and in any order; a summary only ever moves to a newer version. What it
//! does not: to be up to date. A client that knows of a published version asks for at least that version.

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

/// What a list shows of a booking.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Summary {
    /// Which booking.
    pub booking: u32,
    /// Which version of its row.
    pub version: u32,
    /// Where it stands.
    pub status: Status,
    /// The reservation that stands for it.
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
    /// What a list shows of this version.
    pub(crate) fn of(row: &Booking) -> Self {
        let Booking { id, version, status, reservation, .. } = *row;
        Self { booking: id, version, status, reservation }
    }
}

/// Asks for a booking's summary.
#[derive(Clone, Copy, Debug)]
pub struct ListRequest {
    /// Which booking.
    pub booking: u32,
    /// The newest published version that the caller has seen or been told of.
    pub seen: u32,
}

/// How long a list waits for the version that was asked for, and how often it looks.
const CATCHES_UP_WITHIN: Duration = Duration::from_millis(1_500);
const LOOKS_EACH: Duration = Duration::from_millis(50);

/// The summary from the read model, once it has come as far as the caller has seen.
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

/// Boots the projector: it takes events and keeps the summaries.
pub fn boot(env: &Env, platform: &Rc<Platform>, events: &Queue<Event>) {
    let (env, platform, events) = (env.clone(), Rc::clone(platform), events.clone());
    env.clone().spawn(async move {
        loop {
            let delivery = events.receive(&env).await;
            take(&platform, delivery).await;
        }
    });
}

/// Takes one event; it is given back if the database fails.
async fn take(platform: &Platform, delivery: Delivery<Event>) {
    let kept = match delivery.body().subject.row_of(BOOKING) {
        Some(booking) => keep(delivery.env(), platform, booking).await,
        None => Ok(()),
    };
    // What is not settled comes again, which does no harm.
    let _ = match kept {
        Ok(()) => delivery.ack().await,
        Err(_) => delivery.nack(backoff(delivery.receive_count())).await,
    };
}

/// Copies the present version of a booking, unless a newer one is there.
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

/// Builds every summary anew from the rows, while events go on to come.
///
/// # Errors
/// If the store fails; what was built by then is right.
pub async fn rebuild(env: &Env, platform: &Platform) -> Result<(), StoreError> {
    let rows = platform.backbone.store.begin(env).scan(&platform.tables.bookings, |_| true).await?;
    for row in rows {
        keep(&env.within(row.context).child("rebuild"), platform, row.id).await?;
    }
    Ok(())
}
