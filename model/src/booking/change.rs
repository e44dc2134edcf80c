//! The one place where a booking's row is written: with each version goes the event that it is.

use super::platform::Platform;
use super::rows::{Booking, Status};
use crate::backbone::events::{self, Event, Subject, What};
use shakedown_sim::{StoreError, Transaction};

/// Inserts a new booking unless its once-only value is taken; answers whether it did.
///
/// # Errors
/// As the store reports them.
pub(super) async fn insert(
    tx: &mut Transaction,
    platform: &Platform,
    booking: Booking,
) -> Result<bool, StoreError> {
    let is_new = tx.insert_or_ignore(&platform.tables.bookings, booking).await?;
    if is_new {
        events::record(tx, &platform.backbone, event(&booking)).await?;
    }
    Ok(is_new)
}

/// Writes the next version of a booking, if it is anything new.
///
/// # Errors
/// As the store reports them.
pub(super) async fn update(
    tx: &mut Transaction,
    platform: &Platform,
    before: &Booking,
    after: Booking,
) -> Result<(), StoreError> {
    if after == *before {
        return Ok(());
    }
    let after = Booking { version: before.version + 1, ..after };
    tx.update(&platform.tables.bookings, after).await?;
    if after.status == before.status {
        return Ok(());
    }
    events::record(tx, &platform.backbone, event(&after)).await
}

fn event(booking: &Booking) -> Event {
    let what = match booking.status {
        Status::Accepted => What::Accepted,
        Status::OnRequest => What::Requested,
        Status::Confirmed => What::Confirmed,
        Status::Failed => What::Failed,
        Status::Withdrawn => What::Withdrawn,
        Status::Cancelling => What::Cancelling,
        Status::Cancelled => What::Cancelled,
    };
    let (version, context) = (booking.version, booking.context);
    Event { subject: Subject::Booking(booking.id), version, what, party: booking.customer, context }
}
