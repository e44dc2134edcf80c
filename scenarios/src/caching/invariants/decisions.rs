//! Accepted orders, compared with the offer's row at that time.

use shakedown_model::Fact;
use shakedown_model::booking::rows::{Booking, Offer};
use shakedown_model::facts::{BookingFact, OfferFact};
use shakedown_sim::{At, Findings, Invariant};

/// Verifies that an order is accepted only on an open offer and at its current price.
#[derive(Default)]
pub(super) struct NoStaleDecision {
    /// Offers that have changed, as last committed, each with its event.
    changed: Vec<(Offer, u32)>,
    /// Quotes and their offers.
    quotes: Vec<(u32, u32)>,
}

impl NoStaleDecision {
    /// Returns the ordered offer with its last event, if the offer has changed.
    fn offer_of(&self, booking: &Booking) -> Option<&(Offer, u32)> {
        let (_, offer) = self.quotes.iter().find(|(quote, _)| *quote == booking.quote)?;
        self.changed.iter().find(|(row, _)| row.id == *offer)
    }
}

impl Invariant<Fact> for NoStaleDecision {
    fn name(&self) -> &'static str {
        "no-stale-decision"
    }
    fn about(&self) -> &'static str {
        "always: each booking was committed while its offer was open and at its price of that time, in \
         commit order. Not judged: what the page showed"
    }
    fn reset(&mut self) {
        self.changed.clear();
        self.quotes.clear();
    }
    fn observe(&mut self, at: &At<'_>, fact: &Fact, findings: &mut Findings) {
        match fact {
            Fact::Offer(OfferFact::Offer { after, .. }) => {
                self.changed.retain(|(row, _)| row.id != after.id);
                self.changed.push((*after, at.event));
            }
            Fact::Booking(BookingFact::Quoted(quote)) => self.quotes.push((quote.id, quote.offer)),
            Fact::Booking(BookingFact::Booking { before: None, after }) => {
                let Some((offer, event)) = self.offer_of(after) else { return };
                if !offer.open {
                    findings.violated("ended offer", &[*event, at.event], || {
                        format!("B{} was accepted after O{} had ended", after.id, offer.id)
                    });
                } else if offer.price != after.price {
                    findings.violated("old price", &[*event, at.event], || {
                        format!("B{} was accepted at the old price of O{}", after.id, offer.id)
                    });
                }
            }
            _ => {}
        }
    }
}
