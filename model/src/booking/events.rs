//! The events of bookings and offers.

use crate::backbone::events::{EventKind, EventKindSpec, Notify, SubjectKind, SubjectKindSpec};

/// A booking, by its number.
pub const BOOKING: SubjectKind =
    SubjectKind::new(&SubjectKindSpec { number: 0, name: "Booking", prefix: "B" });

/// An offer, by its number.
pub const OFFER: SubjectKind =
    SubjectKind::new(&SubjectKindSpec { number: 1, name: "Offer", prefix: "offer " });

/// An order was accepted.
pub const ACCEPTED: EventKind =
    EventKind::new(&EventKindSpec { number: 0, name: "Accepted", title: "received", notify: Notify::Party });

/// The partner holds the order and will decide.
pub const REQUESTED: EventKind = EventKind::new(&EventKindSpec {
    number: 1,
    name: "Requested",
    title: "on request",
    notify: Notify::Nobody,
});

/// The booking is confirmed.
pub const CONFIRMED: EventKind = EventKind::new(&EventKindSpec {
    number: 2,
    name: "Confirmed",
    title: "confirmed",
    notify: Notify::Party,
});

/// The order could not be executed.
pub const FAILED: EventKind = EventKind::new(&EventKindSpec {
    number: 3,
    name: "Failed",
    title: "could not be booked",
    notify: Notify::Party,
});

/// The partner ended the booking.
pub const WITHDRAWN: EventKind = EventKind::new(&EventKindSpec {
    number: 4,
    name: "Withdrawn",
    title: "withdrawn",
    notify: Notify::PartyAndReviewQueue,
});

/// A cancellation of the booking is requested.
pub const CANCELLING: EventKind = EventKind::new(&EventKindSpec {
    number: 5,
    name: "Cancelling",
    title: "being cancelled",
    notify: Notify::Nobody,
});

/// The booking is cancelled.
pub const CANCELLED: EventKind = EventKind::new(&EventKindSpec {
    number: 6,
    name: "Cancelled",
    title: "cancelled",
    notify: Notify::Party,
});

/// An offer is not available any more.
pub const ENDED: EventKind =
    EventKind::new(&EventKindSpec { number: 7, name: "Ended", title: "ended", notify: Notify::Nobody });

/// An offer has a new price.
pub const REPRICED: EventKind = EventKind::new(&EventKindSpec {
    number: 8,
    name: "Repriced",
    title: "new price",
    notify: Notify::Nobody,
});
