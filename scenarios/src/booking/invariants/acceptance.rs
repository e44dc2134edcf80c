//! Accepted orders: stored, stored once, and finished.

use super::super::ledger::{Latest, Ledger, intent};
use crate::invariants::claims::Claims;
use crate::invariants::transient::FaultSpan;
use crate::judges::AtRest;
use shakedown_model::Fact;
use shakedown_model::booking::rows::{Quote, Status};
use shakedown_model::facts::{BookingFact, Code, EdgeFact, PartnerFact, Request};
use shakedown_sim::{At, Disturbance, Findings, Invariant, Moment};

/// Verifies that an intent becomes one booking.
#[derive(Default)]
pub(super) struct OneBookingPerIntent(Ledger);

impl Invariant<Fact> for OneBookingPerIntent {
    fn name(&self) -> &'static str {
        "one-booking-per-intent"
    }
    fn about(&self) -> &'static str {
        "always: no two booking rows carry one intent. Not judged: what the partner holds"
    }
    fn reset(&mut self) {
        self.0.reset();
    }
    fn observe(&mut self, at: &At<'_>, fact: &Fact, findings: &mut Findings) {
        self.0.observe(at, fact);
        if let Fact::Booking(BookingFact::Booking { before: None, .. }) = fact {
            let intent = intent(at);
            let rows: Vec<_> = self.0.bookings.iter().filter(|latest| latest.intent == intent).collect();
            if rows.len() > 1 {
                let events: Vec<u32> = rows.iter().map(|latest| latest.made).collect();
                findings.violated("two bookings", &events, || {
                    format!("intent-{intent} has {} booking rows", rows.len())
                });
            }
        }
    }
}

/// Verifies that nobody books by the quote of another customer.
#[derive(Default)]
pub(super) struct QuoteIsPersonal(Vec<(Quote, u32)>);

impl Invariant<Fact> for QuoteIsPersonal {
    fn name(&self) -> &'static str {
        "quote-is-personal"
    }
    fn about(&self) -> &'static str {
        "always: a booking row belongs to the customer to whom its quote was made. Not judged: its price"
    }
    fn reset(&mut self) {
        self.0.clear();
    }
    fn observe(&mut self, at: &At<'_>, fact: &Fact, findings: &mut Findings) {
        match fact {
            Fact::Booking(BookingFact::Quoted(quote)) => self.0.push((*quote, at.event)),
            Fact::Booking(BookingFact::Booking { before: None, after }) => {
                let quoted = self.0.iter().find(|(quote, _)| quote.id == after.quote);
                if let Some((quote, made)) = quoted.filter(|(quote, _)| quote.customer != after.customer) {
                    findings.violated("quote of another", &[*made, at.event], || {
                        format!(
                            "customer-{} booked by quote Q{}, which was made to customer-{}",
                            after.customer, quote.id, quote.customer
                        )
                    });
                }
            }
            _ => {}
        }
    }
}

/// Verifies that a repeated order is not refused while its booking exists.
#[derive(Default)]
pub(super) struct BookedIsNotRefused(Ledger);

impl Invariant<Fact> for BookedIsNotRefused {
    fn name(&self) -> &'static str {
        "booked-is-not-refused"
    }
    fn about(&self) -> &'static str {
        "always: no customer receives a refusal of an order while a booking row of theirs carries its \
         quote. Not judged: refusals of other orders"
    }
    fn reset(&mut self) {
        self.0.reset();
    }
    fn observe(&mut self, at: &At<'_>, fact: &Fact, findings: &mut Findings) {
        self.0.observe(at, fact);
        let Fact::Booking(BookingFact::TurnedAway { customer, quote }) = fact else { return };
        let of_order = |latest: &&Latest| (latest.row.customer, latest.row.quote) == (*customer, *quote);
        if let Some(latest) = self.0.bookings.iter().find(of_order) {
            findings.violated("booked and refused", &[latest.made, at.event], || {
                format!(
                    "customer-{customer} was refused quote Q{quote}, which is booked as B{}",
                    latest.row.id
                )
            });
        }
    }
}

/// Verifies that an accepted order has its row.
#[derive(Default)]
pub(super) struct AcceptedMeansDurable {
    ledger: Ledger,
    submissions: Vec<u32>,
    pending: Claims<u32>,
}

impl AcceptedMeansDurable {
    fn judge(&mut self, now: Moment, findings: &mut Findings) {
        let ledger = &self.ledger;
        let is_stored = |intent: &u32| ledger.bookings.iter().any(|latest| latest.intent == *intent);
        self.pending.judge(now, is_stored, |intent, event| {
            findings.violated("accepted, not stored", &[event], || {
                format!("an order of intent-{intent} got 202 and has no booking row")
            });
        });
    }
}

impl Invariant<Fact> for AcceptedMeansDurable {
    fn name(&self) -> &'static str {
        "accepted-means-durable"
    }
    fn about(&self) -> &'static str {
        "always: an order that got 202 has its booking row within 5 s. Not judged: whether the row stays, \
         because rows are never deleted here"
    }
    fn reset(&mut self) {
        self.ledger.reset();
        self.submissions.clear();
        self.pending.clear();
    }
    fn observe(&mut self, at: &At<'_>, fact: &Fact, findings: &mut Findings) {
        self.judge(at.time, findings);
        self.ledger.observe(at, fact);
        match fact {
            Fact::Edge(EdgeFact::Entered { request, what: Request::Submit }) => {
                self.submissions.push(*request)
            }
            Fact::Edge(EdgeFact::Answered { request, code: Code::Accepted, .. })
                if self.submissions.contains(request) =>
            {
                self.pending.make(intent(at), at.time, at.event);
            }
            _ => {}
        }
    }
    fn at_rest(&mut self, _: Moment, findings: &mut Findings) {
        self.judge(Moment::NEVER, findings);
    }
}

/// Verifies that every booking reaches an end or is listed for a person.
pub(crate) fn accepted_work_finishes() -> Box<dyn Invariant<Fact>> {
    let about = "once healed: each booking is confirmed, in a final status, or listed for a person as review or \
         dead letter. Not judged: whether the person acts";
    AtRest::boxed("accepted-work-finishes", about, |ledger: &Ledger, findings| {
        for latest in &ledger.bookings {
            let status = latest.row.status;
            if !status.is_final() && status != Status::Confirmed && !ledger.is_listed(&latest.row) {
                let events: Vec<u32> =
                    ledger.last_job_event(latest.row.id).into_iter().chain([latest.last]).collect();
                findings.violated("unfinished", &events, || {
                    format!("B{} is still {status:?} and is not listed for a person", latest.row.id)
                });
            }
        }
    })
}

/// A key with a shorter life cannot settle every lost response.
const SOUND_KEY_S: u64 = 2 * 3_600;

/// Verifies that transient faults need no person.
#[derive(Default)]
pub(super) struct TransientFaultsHeal {
    ledger: Ledger,
    faults: FaultSpan,
    knowable: bool,
    held: bool,
}

impl Invariant<Fact> for TransientFaultsHeal {
    fn name(&self) -> &'static str {
        "transient-faults-heal"
    }
    fn about(&self) -> &'static str {
        "once healed: if all faults lie within 2 minutes and the partner can tell the outcome of a \
         request, no booking is listed for a person. Not judged: runs in which the partner refuses to \
         cancel; actions of customers are not faults"
    }
    fn reset(&mut self) {
        self.ledger.reset();
        self.faults = FaultSpan::default();
        self.knowable = false;
        self.held = false;
    }
    fn observe(&mut self, at: &At<'_>, fact: &Fact, _: &mut Findings) {
        self.ledger.observe(at, fact);
        if let Fact::Partner(PartnerFact::Terms { key_life_s, lookup, .. }) = fact {
            self.knowable = key_life_s.map_or(*lookup, |life| life > SOUND_KEY_S);
        }
        self.held |= matches!(fact, Fact::Partner(PartnerFact::Held { .. }));
    }
    fn disturbed(&mut self, disturbance: &Disturbance) {
        self.faults.extend(disturbance);
    }
    fn at_rest(&mut self, _: Moment, findings: &mut Findings) {
        if !self.faults.is_transient() || !self.knowable || self.held {
            return;
        }
        for latest in self.ledger.bookings.iter().filter(|latest| self.ledger.is_listed(&latest.row)) {
            findings.violated("person needed", &[latest.last], || {
                format!("a transient fault left B{} for a person", latest.row.id)
            });
        }
    }
}
