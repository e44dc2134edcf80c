//! What was accepted is kept, once, and comes to an end.

use super::super::ledger::{Kept, Ledger, intent};
use crate::invariants::claims::Claims;
use crate::invariants::transient::FaultSpan;
use crate::judges::AtRest;
use shakedown_model::Fact;
use shakedown_model::booking::rows::Status;
use shakedown_model::facts::{BookingFact, Code, EdgeFact, PartnerFact, Request};
use shakedown_sim::{At, Disturbance, Findings, Invariant, Moment};

/// An intent becomes one order.
#[derive(Default)]
pub(super) struct OneBookingPerIntent(Ledger);

impl Invariant<Fact> for OneBookingPerIntent {
    fn name(&self) -> &'static str {
        "one-booking-per-intent"
    }
    fn about(&self) -> &'static str {
        "always: no two booking rows carry one intent"
    }
    fn reset(&mut self) {
        self.0.reset();
    }
    fn observe(&mut self, at: &At<'_>, fact: &Fact, findings: &mut Findings) {
        self.0.observe(at, fact);
        if let Fact::Booking(BookingFact::Booking { before: None, .. }) = fact {
            let intent = intent(at);
            let rows: Vec<_> = self.0.bookings.iter().filter(|kept| kept.intent == intent).collect();
            if rows.len() > 1 {
                let events: Vec<u32> = rows.iter().map(|kept| kept.made).collect();
                findings.violated("two bookings", &events, || {
                    format!("intent-{intent} became {} bookings", rows.len())
                });
            }
        }
    }
}

/// Who sends an order again is not told that it comes to nothing.
#[derive(Default)]
pub(super) struct BookedIsNotRefused(Ledger);

impl Invariant<Fact> for BookedIsNotRefused {
    fn name(&self) -> &'static str {
        "booked-is-not-refused"
    }
    fn about(&self) -> &'static str {
        "always: nobody is told that their order is not taken on while a booking row of theirs carries its quote"
    }
    fn reset(&mut self) {
        self.0.reset();
    }
    fn observe(&mut self, at: &At<'_>, fact: &Fact, findings: &mut Findings) {
        self.0.observe(at, fact);
        let Fact::Booking(BookingFact::TurnedAway { customer, quote }) = fact else { return };
        let of_order = |kept: &&Kept| (kept.row.customer, kept.row.quote) == (*customer, *quote);
        if let Some(kept) = self.0.bookings.iter().find(of_order) {
            findings.violated("booked and refused", &[kept.made, at.event], || {
                format!("customer-{customer} was refused Q{quote}, and it is B{}", kept.row.id)
            });
        }
    }
}

/// A promise to take an order on is kept.
#[derive(Default)]
pub(super) struct AcceptedMeansDurable {
    ledger: Ledger,
    submissions: Vec<u32>,
    promised: Claims<u32>,
}

impl AcceptedMeansDurable {
    fn judge(&mut self, now: Moment, findings: &mut Findings) {
        let ledger = &self.ledger;
        let is_kept = |intent: &u32| ledger.bookings.iter().any(|kept| kept.intent == *intent);
        self.promised.judge(now, is_kept, |intent, event| {
            findings.violated("accepted, not kept", &[event], || {
                format!("intent-{intent} was answered 202, and there is no row for it")
            });
        });
    }
}

impl Invariant<Fact> for AcceptedMeansDurable {
    fn name(&self) -> &'static str {
        "accepted-means-durable"
    }
    fn about(&self) -> &'static str {
        "always: an order answered 202 has its booking row within 5 s. Rows are never deleted here, so that it is \
         kept is not judged"
    }
    fn reset(&mut self) {
        self.ledger.reset();
        self.submissions.clear();
        self.promised.clear();
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
                self.promised.make(intent(at), at.time, at.event);
            }
            _ => {}
        }
    }
    fn at_rest(&mut self, _: Moment, findings: &mut Findings) {
        self.judge(Moment::NEVER, findings);
    }
}

/// No order is left in the middle.
pub(crate) fn accepted_work_finishes() -> Box<dyn Invariant<Fact>> {
    let about =
        "once healed: each booking is confirmed or over, or listed for a person as review or dead letter";
    AtRest::asking("accepted-work-finishes", about, |ledger: &Ledger, findings| {
        for kept in &ledger.bookings {
            let status = kept.row.status;
            if !status.is_final() && status != Status::Confirmed && !ledger.is_listed(&kept.row) {
                let events: Vec<u32> =
                    ledger.last_work_on(kept.row.id).into_iter().chain([kept.last]).collect();
                findings.violated("unfinished", &events, || {
                    format!("B{} is still {status:?}, and nobody is told to look at it", kept.row.id)
                });
            }
        }
    })
}

/// Keys that live shorter than this cannot be relied on.
const SOUND_KEY_S: u64 = 2 * 3_600;

/// What passes by itself needs nobody.
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
        "once healed: if all faults lie within 2 minutes and the partner can tell what became of a request, no \
         booking is listed for a person. What customers do is no fault; a partner that refuses to cancel calls for one"
    }
    fn reset(&mut self) {
        self.ledger.reset();
        self.faults = FaultSpan::default();
        self.knowable = false;
        self.held = false;
    }
    fn observe(&mut self, at: &At<'_>, fact: &Fact, _: &mut Findings) {
        self.ledger.observe(at, fact);
        if let Fact::Partner(PartnerFact::Terms { key_life_s, lookup }) = fact {
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
        for kept in self.ledger.bookings.iter().filter(|kept| self.ledger.is_listed(&kept.row)) {
            findings.violated("person needed", &[kept.last], || {
                format!("a passing fault left B{} for a person to look at", kept.row.id)
            });
        }
    }
}
