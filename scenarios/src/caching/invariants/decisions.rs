//! By what an order is taken on.

use shakedown_model::Fact;
use shakedown_model::facts::{BookingFact, OfferFact};
use shakedown_sim::{At, Findings, Invariant};

/// What is taken on could be booked at that time, by the database.
#[derive(Default)]
pub(super) struct NoStaleDecision {
    /// Offers that have ended, with the facts that say so.
    ended: Vec<(u32, u32)>,
    /// Quotes, with their offers.
    quotes: Vec<(u32, u32)>,
}

impl Invariant<Fact> for NoStaleDecision {
    fn name(&self) -> &'static str {
        "no-stale-decision"
    }
    fn about(&self) -> &'static str {
        "always: each booking was committed before its offer ended, in the order of commits. Prices do not change \
         here, so that they were right is not judged"
    }
    fn reset(&mut self) {
        self.ended.clear();
        self.quotes.clear();
    }
    fn observe(&mut self, at: &At<'_>, fact: &Fact, findings: &mut Findings) {
        match fact {
            Fact::Offer(OfferFact::Offer { after, .. }) if !after.open => {
                self.ended.push((after.id, at.event))
            }
            Fact::Booking(BookingFact::Quoted(quote)) => self.quotes.push((quote.id, quote.offer)),
            Fact::Booking(BookingFact::Booking { before: None, after }) => {
                let offer =
                    self.quotes.iter().find(|(quote, _)| *quote == after.quote).map(|(_, offer)| *offer);
                let ended = self.ended.iter().find(|(ended, _)| Some(*ended) == offer);
                if let Some((ended, event)) = ended {
                    findings.violated("ended offer", &[*event, at.event], || {
                        format!("B{} was taken on though O{ended} had ended", after.id)
                    });
                }
            }
            _ => {}
        }
    }
}
