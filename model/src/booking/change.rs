//! The one place where a booking's row is written: with each change of its status goes the event that it is.

use super::platform::Platform;
use super::rows::{Booking, Standing, Status};
use crate::backbone::events::{self, Event};
use crate::booking::events::{
    ACCEPTED, BOOKING, CANCELLED, CANCELLING, CONFIRMED, FAILED, REQUESTED, WITHDRAWN,
};
use shakedown_sim::{StoreError, Transaction};

/// Inserts a new booking unless its once-only value is taken. Returns the event if it did.
///
/// # Errors
/// If the store fails.
pub(super) async fn insert(
    tx: &mut Transaction,
    platform: &Platform,
    booking: Booking,
) -> Result<Option<Event>, StoreError> {
    if !tx.insert_or_ignore(&platform.tables.bookings, booking).await? {
        return Ok(None);
    }
    let event = event(&booking);
    events::record(tx, &platform.backbone, event).await?;
    Ok(Some(event))
}

/// Writes the next version of a booking, if it is anything new. Returns the event if it is one.
///
/// # Errors
/// If the store fails.
pub(super) async fn update(
    tx: &mut Transaction,
    platform: &Platform,
    before: &Booking,
    after: Booking,
) -> Result<Option<Event>, StoreError> {
    if after == *before {
        return Ok(None);
    }
    let version = before.version + 1;
    let is_event = after.status != before.status;
    let published = if is_event { version } else { before.published };
    let after = Booking { version, published, ..after };
    tx.update(&platform.tables.bookings, after).await?;
    if !is_event {
        return Ok(None);
    }
    let event = event(&after);
    events::record(tx, &platform.backbone, event).await?;
    Ok(Some(event))
}

/// What a booking will have come to if the partner's word that its reservation stands like `says` is true; none
/// if its row says so already.
pub(super) fn foretold(booking: &Booking, says: Standing) -> Option<Event> {
    let status = match says {
        Standing::Confirmed if booking.status.is_open() => Status::Confirmed,
        Standing::Ended if booking.status == Status::Confirmed => Status::Withdrawn,
        _ => return None,
    };
    Some(event(&Booking { status, ..*booking }))
}

fn event(booking: &Booking) -> Event {
    let what = match booking.status {
        Status::Accepted => ACCEPTED,
        Status::OnRequest => REQUESTED,
        Status::Confirmed => CONFIRMED,
        Status::Failed => FAILED,
        Status::Withdrawn => WITHDRAWN,
        Status::Cancelling => CANCELLING,
        Status::Cancelled => CANCELLED,
    };
    let (version, context) = (booking.version, booking.context);
    Event { subject: BOOKING.row(booking.id), version, what, party: booking.customer, context }
}
