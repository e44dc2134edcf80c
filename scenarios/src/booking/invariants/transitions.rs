//! Legal changes of a booking's status, and their causes.

use super::super::ledger::{Ledger, intent};
use shakedown_model::Fact;
use shakedown_model::booking::rows::{Booking, Standing, Status};
use shakedown_model::facts::{BookingFact, EdgeFact, PartnerFact, Request};
use shakedown_sim::{At, Duration, Findings, Invariant, Moment};

/// The time after which an end that the partner decided on should be known: a transaction that began before it may commit
/// after the longest pause, and its request takes up to two minutes.
const KNOWN_AFTER: Duration = Duration::from_secs(720);

/// Verifies that each change of status is in the table and has its cause.
#[derive(Default)]
pub(super) struct LegalTransitionsOnly {
    ledger: Ledger,
    /// Intents whose customer asked to cancel.
    cancelled: Vec<u32>,
    /// Intents whose reservation the partner refused to cancel.
    held: Vec<u32>,
    /// The intents of reservations that the partner ended without a request, each with the time.
    ended: Vec<(u32, Moment)>,
}

impl LegalTransitionsOnly {
    /// Returns why a change at this time is illegal; `None` if it is legal.
    fn objection(
        &self,
        intent: u32,
        now: Moment,
        before: Option<&Booking>,
        after: &Booking,
    ) -> Option<&'static str> {
        use Status::{Accepted, Cancelled, Cancelling, Confirmed, Failed, OnRequest, Withdrawn};
        let of_intent = || self.ledger.reservations.iter().filter(|reserved| reserved.intent == intent);
        let has_active = || of_intent().any(|reserved| reserved.is_active());
        let just_ended = || self.ended.iter().any(|&(of, at)| of == intent && now < at + KNOWN_AFTER);
        let cancel_requested = || self.cancelled.contains(&intent);
        let Some(before) = before else {
            return (after.status != Accepted).then_some("a booking begins as Accepted");
        };
        match (before.status, after.status) {
            (from, to) if from == to => None,
            (Accepted, OnRequest) => {
                of_intent().next().is_none().then_some("the partner has no reservation of the intent")
            }
            (Accepted | OnRequest, Confirmed) => (!of_intent().any(|reserved| reserved.was_confirmed))
                .then_some("the partner has confirmed no reservation of the intent"),
            (Accepted | OnRequest, Failed) => has_active().then_some("the intent has an active reservation"),
            (Accepted | OnRequest | Confirmed, Withdrawn) => {
                let ended = of_intent().any(|reserved| reserved.standing == Standing::Ended);
                (!ended).then_some("no reservation of the intent has ended")
            }
            (Accepted | OnRequest | Confirmed, Cancelling) => {
                (!cancel_requested()).then_some("nobody asked to cancel")
            }
            (Cancelling, Confirmed) if !has_active() && !just_ended() => {
                Some("the intent has no active reservation")
            }
            (Cancelling, Confirmed) => {
                (!self.held.contains(&intent)).then_some("the partner has not refused to cancel")
            }
            (Accepted, Cancelled) if !cancel_requested() => Some("nobody asked to cancel"),
            (Accepted | Cancelling, Cancelled) => {
                has_active().then_some("the intent has an active reservation")
            }
            _ => Some("the table has no such change"),
        }
    }
}

impl Invariant<Fact> for LegalTransitionsOnly {
    fn name(&self) -> &'static str {
        "legal-transitions-only"
    }
    fn about(&self) -> &'static str {
        "always: each change of a booking's status is in the table of legal changes, and the partner's \
         ledger or the customer has caused it; a reservation that the partner ended by itself may be confirmed for \
         another 12 minutes. Not judged: attention"
    }
    fn reset(&mut self) {
        self.ledger.reset();
        self.cancelled.clear();
        self.held.clear();
        self.ended.clear();
    }
    fn observe(&mut self, at: &At<'_>, fact: &Fact, findings: &mut Findings) {
        if let Fact::Edge(EdgeFact::Entered { what: Request::Cancel, .. }) = fact {
            self.cancelled.push(intent(at));
        }
        if let Fact::Partner(PartnerFact::Held { .. }) = fact {
            self.held.push(intent(at));
        }
        if let Fact::Partner(PartnerFact::Ended { asked: false, .. }) = fact {
            self.ended.push((intent(at), at.time));
        }
        if let Fact::Booking(BookingFact::Booking { before, after }) = fact
            && let Some(objection) = self.objection(intent(at), at.time, before.as_ref(), after)
        {
            let from = before.map_or("nothing".to_owned(), |before| format!("{:?}", before.status));
            let roles = format!("{from} to {:?}", after.status);
            findings.violated(&roles, &[at.event], || {
                format!("B{} changed from {from} to {:?}: {objection}", after.id, after.status)
            });
        }
        self.ledger.observe(at, fact);
    }
}
