//! The only code that writes a booking's row: each change of its status is written with its event.

use super::platform::Platform;
use super::rows::{Booking, Standing, Status};
use crate::backbone::events::{self, Event};
use crate::booking::events::{
    ACCEPTED, BOOKING, CANCELLED, CANCELLING, CONFIRMED, FAILED, REQUESTED, WITHDRAWN,
};
use shakedown_sim::{StoreError, Transaction};

/// Inserts a new booking unless its unique key is taken. Returns the event if it was inserted.
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

/// Writes the next version of a booking, if it has changed. Returns the event if there is one.
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

/// Returns the event that follows if the partner's report `says` about its reservation is true; `None` if the
/// booking's row already shows it.
pub(super) fn claimed(booking: &Booking, says: Standing) -> Option<Event> {
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
