//! By what an order is taken on.

use shakedown_model::Fact;
use shakedown_model::booking::rows::{Booking, Offer};
use shakedown_model::facts::{BookingFact, OfferFact};
use shakedown_sim::{At, Findings, Invariant};

/// What is taken on could be booked at that time and at that price, by the database.
#[derive(Default)]
pub(super) struct NoStaleDecision {
    /// Offers that have changed, as they are, with the facts that say so.
    changed: Vec<(Offer, u32)>,
    /// Quotes, with their offers.
    quotes: Vec<(u32, u32)>,
}

impl NoStaleDecision {
    /// The offer that was ordered, if it has changed, with the fact that says so.
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
        "always: each booking was committed while its offer could be booked, and at the price that it had then, in the \
         order of commits"
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
                        format!("B{} was taken on though O{} had ended", after.id, offer.id)
                    });
                } else if offer.price != after.price {
                    findings.violated("old price", &[*event, at.event], || {
                        format!("B{} was taken on at a price that O{} had no more", after.id, offer.id)
                    });
                }
            }
            _ => {}
        }
    }
}
