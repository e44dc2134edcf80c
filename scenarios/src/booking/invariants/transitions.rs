//! How a booking may move, and by what.

use super::super::ledger::{Ledger, intent};
use shakedown_model::Fact;
use shakedown_model::booking::rows::{Booking, Standing, Status};
use shakedown_model::facts::{BookingFact, EdgeFact, PartnerFact, Request};
use shakedown_sim::{At, Findings, Invariant};

/// Each move is one of the table, and what permits it is the case.
#[derive(Default)]
pub(super) struct LegalTransitionsOnly {
    ledger: Ledger,
    /// Intents whose customer asked to cancel.
    cancelled: Vec<u32>,
    /// Intents to whose reservation the partner holds them.
    held: Vec<u32>,
}

impl LegalTransitionsOnly {
    /// Why a move must not be; nothing if it may.
    fn objection(&self, intent: u32, before: Option<&Booking>, after: &Booking) -> Option<&'static str> {
        use Status::{Accepted, Cancelled, Cancelling, Confirmed, Failed, OnRequest, Withdrawn};
        let of_intent = || self.ledger.reservations.iter().filter(|reserved| reserved.intent == intent);
        let lives = || of_intent().any(|reserved| reserved.is_live());
        let wants_out = || self.cancelled.contains(&intent);
        let Some(before) = before else {
            return (after.status != Accepted).then_some("a booking begins as accepted");
        };
        match (before.status, after.status) {
            (from, to) if from == to => None,
            (Accepted, OnRequest) => {
                of_intent().next().is_none().then_some("the partner holds nothing for it")
            }
            (Accepted | OnRequest, Confirmed) => (!of_intent().any(|reserved| reserved.stood))
                .then_some("no reservation has ever stood for it"),
            (Accepted | OnRequest, Failed) => lives().then_some("a reservation lives for it"),
            (Accepted | OnRequest | Confirmed, Withdrawn) => {
                let ended = of_intent().any(|reserved| reserved.standing == Standing::Ended);
                (!ended).then_some("no reservation of it has ended")
            }
            (Accepted | OnRequest | Confirmed, Cancelling) => (!wants_out()).then_some("nobody asked for it"),
            (Cancelling, Confirmed) if !lives() => Some("no reservation lives for it"),
            (Cancelling, Confirmed) => {
                (!self.held.contains(&intent)).then_some("the partner has not refused to cancel")
            }
            (Accepted, Cancelled) if !wants_out() => Some("nobody asked for it"),
            (Accepted | Cancelling, Cancelled) => lives().then_some("a reservation lives for it"),
            _ => Some("there is no such move"),
        }
    }
}

impl Invariant<Fact> for LegalTransitionsOnly {
    fn name(&self) -> &'static str {
        "legal-transitions-only"
    }
    fn about(&self) -> &'static str {
        "always: each change of a booking's status is one that there is, and the partner's ledger or the customer \
         has given cause for it. Attention is not judged"
    }
    fn reset(&mut self) {
        self.ledger.reset();
        self.cancelled.clear();
        self.held.clear();
    }
    fn observe(&mut self, at: &At<'_>, fact: &Fact, findings: &mut Findings) {
        if let Fact::Edge(EdgeFact::Entered { what: Request::Cancel, .. }) = fact {
            self.cancelled.push(intent(at));
        }
        if let Fact::Partner(PartnerFact::Held { .. }) = fact {
            self.held.push(intent(at));
        }
        if let Fact::Booking(BookingFact::Booking { before, after }) = fact
            && let Some(objection) = self.objection(intent(at), before.as_ref(), after)
        {
            let from = before.map_or("nothing".to_owned(), |before| format!("{:?}", before.status));
            let roles = format!("{from} to {:?}", after.status);
            findings.violated(&roles, &[at.event], || {
                format!("B{} moved from {from} to {:?}: {objection}", after.id, after.status)
            });
        }
        self.ledger.observe(at, fact);
    }
}
