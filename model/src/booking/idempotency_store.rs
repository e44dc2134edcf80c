//! `idempotency-store`: accepted orders are remembered permanently, so that a repeat is not a new order.

use super::rows::{Booking, Quote};
use crate::guardrail::{Guardrail, Naive};

/// The row of `idempotency-store` in the table of guardrails.
pub const ROW: Guardrail = Guardrail {
    name: "idempotency-store",
    system: "idempotency",
    guarded: "a quote is accepted once; a second order with other contents is refused",
    naive: &[Naive {
        what: "each submission is a new order",
        breaks: &["one-booking-per-intent", "exactly-one-reservation-per-intent"],
        masked_by: &[],
    }],
};

/// The seam: the unique key of an order, and the detection of a repeat.
pub trait IdempotencyStore {
    /// Returns the key that no two bookings may share; `None` if each submission is an order.
    fn once(&self, quote: &Quote) -> Option<u64>;
    /// Returns whether a submission with this payload repeats the order of an existing booking.
    fn is_repeat(&self, booking: &Booking, customer: u32, price: u32) -> bool;
}

/// Guarded: the quote can be accepted once; a repeat with another payload is rejected.
pub struct QuoteOnce;

impl IdempotencyStore for QuoteOnce {
    fn once(&self, quote: &Quote) -> Option<u64> {
        Some(u64::from(quote.id))
    }

    fn is_repeat(&self, booking: &Booking, customer: u32, price: u32) -> bool {
        booking.customer == customer && booking.price == price
    }
}

/// Naive: each submission is a new order; the button is disabled while one is pending.
pub struct EachSubmitNew;

impl IdempotencyStore for EachSubmitNew {
    fn once(&self, _: &Quote) -> Option<u64> {
        None
    }

    fn is_repeat(&self, _: &Booking, _: u32, _: u32) -> bool {
        false
    }
}
