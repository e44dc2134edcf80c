//! The outcome of mail, compared with our rows.

use super::super::ledger::{BusinessEvent, Ledger, is_listed};
use crate::invariants::transient::FaultSpan;
use crate::judges::AtRest;
use shakedown_model::Fact;
use shakedown_model::backbone::mail::rows::{MailState, Notification, Recipient};
use shakedown_model::backbone::mail::templates::Variable;
use shakedown_model::facts::MailFact;
use shakedown_model::visit::events::VISIT;
use shakedown_sim::{At, Disturbance, Findings, Invariant, Moment};

/// Verifies that our row of a mail agrees with mailbox and provider.
pub(super) fn known_or_flagged() -> Box<dyn Invariant<Fact>> {
    let about = "once healed: a planned mail's row agrees with the mailbox and the provider's log (arrived, \
         returned, refused, or suppressed for a dead address) or is listed for a person; each mail in a \
         mailbox has its attempt on record. Not judged: when the row learns it";
    AtRest::boxed("delivery-known-or-flagged", about, |ledger: &Ledger, findings| {
        for (row, event) in ledger.notifications.iter().filter(|(row, _)| !is_listed(row)) {
            if let Some(objection) = objection(ledger, row) {
                let roles = format!("{:?}, {objection}", row.state);
                findings.violated(&roles, &[*event], || {
                    format!("mail {} is {:?} in our row: {objection}", row.id, row.state)
                });
            }
        }
        for arrived in &ledger.arrived {
            if !ledger.sends.iter().any(|send| send.id == arrived.send) {
                findings.violated("arrived, not on record", &[arrived.event], || {
                    format!("the mail of send {} arrived, and no such attempt is on record", arrived.send)
                });
            }
        }
    })
}

fn objection(ledger: &Ledger, row: &Notification) -> Option<&'static str> {
    let any = |of: &dyn Fn(u32) -> bool| ledger.sends_of(row.id).any(|send| of(send.id));
    let arrived = any(&|send| ledger.arrived.iter().any(|arrived| arrived.send == send));
    let returned = any(&|send| ledger.returned.iter().any(|(other, _)| *other == send));
    match row.state {
        MailState::Delivered => (!arrived).then_some("it is in no mailbox"),
        MailState::Bounced => (!returned || arrived).then_some("it was not returned"),
        MailState::Rejected => {
            let refused = any(&|send| ledger.refused.contains(&send));
            (!refused || arrived).then_some("it was not refused")
        }
        MailState::Suppressed => {
            (!is_dead(ledger, row.recipient)).then_some("no mail to its address was returned")
        }
        _ => Some("its outcome is not settled and it is not listed"),
    }
}

/// Verifies that each recipient is notified, or the mail is settled or listed for a person.
pub(super) fn accepted_work_finishes() -> Box<dyn Invariant<Fact>> {
    let about = "once healed: each recipient of each event has its mail, or the mail was returned, refused, \
         suppressed for a dead address, or listed for a person. Not judged: how bookings end";
    AtRest::boxed("accepted-work-finishes", about, |ledger: &Ledger, findings| {
        for event in &ledger.events {
            for recipient in event.recipients().filter(|recipient| !is_settled(ledger, event, *recipient)) {
                findings.violated("not notified", &[event.event], || {
                    format!("{recipient} was not notified that {} is {:?}", event.subject, event.what)
                });
            }
        }
    })
}

fn is_settled(ledger: &Ledger, event: &BusinessEvent, recipient: Recipient) -> bool {
    let of_event = |row: &&Notification| {
        (row.subject, row.what, row.recipient) == (event.subject, event.what, recipient)
    };
    let was_returned_or_refused = |send: u32| {
        ledger.refused.contains(&send) || ledger.returned.iter().any(|(returned, _)| *returned == send)
    };
    let mut rows = ledger.notifications.iter().map(|(row, _)| row).filter(of_event);
    ledger.mails_about(event.subject, event.what, recipient).next().is_some()
        || rows.any(|row| {
            is_listed(row)
                || row.state == MailState::Suppressed && is_dead(ledger, recipient)
                || ledger.sends_of(row.id).any(|send| was_returned_or_refused(send.id))
        })
}

/// Returns whether mail to this recipient was ever returned.
fn is_dead(ledger: &Ledger, recipient: Recipient) -> bool {
    ledger.returned.iter().any(|(_, other)| *other == recipient)
}

/// Verifies that each message that reached the provider has an attempt on record.
pub(super) fn every_side_effect_accounted() -> Box<dyn Invariant<Fact>> {
    let about = "once healed: each message that reached the provider has its attempt on record, with its result or \
         as unknown. Not judged: reads of the activity page";
    AtRest::boxed("every-side-effect-accounted", about, |ledger: &Ledger, findings| {
        for (asked, event) in &ledger.asked {
            if !ledger.sends.iter().any(|send| send.id == *asked) {
                findings.violated("no record", &[*event], || {
                    format!("the provider got send {asked}, and no such attempt is on record")
                });
            }
        }
    })
}

/// Verifies that transient faults need no person.
#[derive(Default)]
pub(super) struct TransientFaultsHeal {
    ledger: Ledger,
    faults: FaultSpan,
    broken_text: bool,
}

impl Invariant<Fact> for TransientFaultsHeal {
    fn name(&self) -> &'static str {
        "transient-faults-heal"
    }
    fn about(&self) -> &'static str {
        "once healed: if all faults lie within 2 minutes, no attempt had an unknown outcome, the provider \
         dropped no accepted mail and no template was broken, then no mail is listed for a person. Not \
         judged: other runs; actions of people are not faults"
    }
    fn reset(&mut self) {
        self.ledger.reset();
        self.faults = FaultSpan::default();
        self.broken_text = false;
    }
    fn observe(&mut self, at: &At<'_>, fact: &Fact, _: &mut Findings) {
        self.ledger.observe(at, fact);
        if let Fact::Mail(MailFact::Template(template)) = fact {
            self.broken_text |= template.variables.contains(&Variable::Row(VISIT));
        }
    }
    fn disturbed(&mut self, disturbance: &Disturbance) {
        self.faults.extend(disturbance);
    }
    fn at_rest(&mut self, _: Moment, findings: &mut Findings) {
        let knowable = self.ledger.unknown.is_empty() && !self.ledger.dropped && !self.broken_text;
        if !self.faults.is_transient() || !knowable {
            return;
        }
        for (row, event) in self.ledger.notifications.iter().filter(|(row, _)| is_listed(row)) {
            findings.violated("person needed", &[*event], || {
                format!("a transient fault left mail {} for a person", row.id)
            });
        }
    }
}
