//! Deadlines of quotes, by a clock that is right.

use super::super::ledger::intent;
use shakedown_model::Fact;
use shakedown_model::booking::rows::Quote;
use shakedown_model::facts::{BookingFact, EdgeFact, Request};
use shakedown_model::settings::QUOTE_OPEN;
use shakedown_sim::{At, Findings, Invariant, Moment};

/// A quote, and between which times it was made.
#[derive(Clone, Copy)]
struct Made {
    quote: Quote,
    /// When a price was first asked for.
    asked: Moment,
    stored: Moment,
    event: u32,
}

/// A request that entered at the edge: its intent, what it asks for, and when it entered.
type Entered = (u32, Request, Moment);

/// Verifies that a quote can be accepted until it expires and not afterwards.
#[derive(Default)]
pub(super) struct NobodyJudgedEarlyOrLate {
    entered: Vec<Entered>,
    quotes: Vec<Made>,
    booked: Vec<u32>,
}

impl NobodyJudgedEarlyOrLate {
    /// Returns when a request of this kind first entered for the intent.
    fn first(&self, intent: u32, what: Request) -> Option<Moment> {
        self.entered.iter().find(|(other, asks, _)| (*other, *asks) == (intent, what)).map(|(.., when)| *when)
    }

    fn made(&self, quote: u32) -> Option<&Made> {
        self.quotes.iter().find(|made| made.quote.id == quote)
    }
}

impl Invariant<Fact> for NobodyJudgedEarlyOrLate {
    fn name(&self) -> &'static str {
        "nobody-judged-early-or-late"
    }
    fn about(&self) -> &'static str {
        "always: no order is refused within 30 min after its price was asked for, unless its quote is booked; and none \
         is accepted that was sent more than 30 min after its quote was stored. Not judged: orders in between"
    }
    fn reset(&mut self) {
        self.entered.clear();
        self.quotes.clear();
        self.booked.clear();
    }
    fn observe(&mut self, at: &At<'_>, fact: &Fact, findings: &mut Findings) {
        match fact {
            Fact::Edge(EdgeFact::Entered { what, .. }) => self.entered.push((intent(at), *what, at.time)),
            Fact::Booking(BookingFact::Quoted(quote)) => {
                let asked = self.first(intent(at), Request::Quote).unwrap_or(at.time);
                self.quotes.push(Made { quote: *quote, asked, stored: at.time, event: at.event });
            }
            Fact::Booking(BookingFact::Booking { before: None, after }) => {
                self.booked.push(after.quote);
                let Some(made) = self.made(after.quote) else { return };
                let sent = self.first(intent(at), Request::Submit).unwrap_or(made.stored);
                if sent > made.stored + QUOTE_OPEN {
                    findings.violated("late", &[made.event, at.event], || {
                        format!("quote Q{} was accepted by an order sent after it had expired", after.quote)
                    });
                }
            }
            Fact::Booking(BookingFact::TurnedAway { quote, .. }) if !self.booked.contains(quote) => {
                let Some(made) = self.made(*quote) else { return };
                if at.time < made.asked + QUOTE_OPEN {
                    findings.violated("early", &[made.event, at.event], || {
                        format!("an order was refused, and its quote Q{quote} had not expired")
                    });
                }
            }
            _ => {}
        }
    }
}
