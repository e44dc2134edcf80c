//! What became of mail, and whether we know.

use super::super::post::{Happened, Post, is_listed};
use crate::invariants::transient::FaultSpan;
use crate::judges::AtRest;
use shakedown_model::Fact;
use shakedown_model::backbone::mail::rows::{MailState, Notification, Recipient};
use shakedown_model::backbone::mail::templates::Variable;
use shakedown_model::facts::MailFact;
use shakedown_sim::{At, Disturbance, Findings, Invariant, Moment};

/// Our row of a mail agrees with the world.
pub(super) fn known_or_flagged() -> Box<dyn Invariant<Fact>> {
    let about = "once healed: a planned mail's row says what the mailbox and the provider's log say (arrived, returned, \
                 refused, or not sent to a dead address), or a person is told to look at it; and each mail in a mailbox belongs \
                 to an attempt on record";
    AtRest::asking("delivery-known-or-flagged", about, |post: &Post, findings| {
        for (row, event) in post.notifications.iter().filter(|(row, _)| !is_listed(row)) {
            if let Some(objection) = objection(post, row) {
                let roles = format!("{:?}, {objection}", row.state);
                findings.violated(&roles, &[*event], || {
                    format!("mail {} is {:?} here, and {objection}", row.id, row.state)
                });
            }
        }
        for arrived in &post.arrived {
            if !post.sends.iter().any(|send| send.id == arrived.send) {
                findings.violated("arrived, not on record", &[arrived.event], || {
                    format!("the mail of send {} arrived, and our log has no such attempt", arrived.send)
                });
            }
        }
    })
}

fn objection(post: &Post, row: &Notification) -> Option<&'static str> {
    let any = |of: &dyn Fn(u32) -> bool| post.sends_of(row.id).any(|send| of(send.id));
    let arrived = any(&|send| post.arrived.iter().any(|arrived| arrived.send == send));
    let returned = any(&|send| post.returned.iter().any(|(other, _)| *other == send));
    match row.state {
        MailState::Delivered => (!arrived).then_some("no mailbox has it"),
        MailState::Bounced => (!returned || arrived).then_some("it was not returned"),
        MailState::Rejected => {
            let refused = any(&|send| post.refused.contains(&send));
            (!refused || arrived).then_some("it was not refused")
        }
        MailState::Suppressed => {
            (!is_dead(post, row.recipient)).then_some("its address has returned nothing")
        }
        _ => Some("nobody finds out what became of it"),
    }
}

/// Whoever is to be told has been told, or a person knows.
pub(super) fn accepted_work_finishes() -> Box<dyn Invariant<Fact>> {
    let about = "once healed: each recipient of each event has its mail, or it came back, or it was refused, or its address \
                 is dead, or it is listed for a person. How bookings end is not judged here";
    AtRest::asking("accepted-work-finishes", about, |post: &Post, findings| {
        for event in &post.events {
            for recipient in event.recipients().filter(|recipient| !is_settled(post, event, *recipient)) {
                findings.violated("not told", &[event.event], || {
                    format!("{recipient} was never told that {} is {:?}", event.subject, event.what)
                });
            }
        }
    })
}

fn is_settled(post: &Post, event: &Happened, recipient: Recipient) -> bool {
    let of_event = |row: &&Notification| {
        (row.subject, row.what, row.recipient) == (event.subject, event.what, recipient)
    };
    let came_back = |send: u32| {
        post.refused.contains(&send) || post.returned.iter().any(|(returned, _)| *returned == send)
    };
    let mut rows = post.notifications.iter().map(|(row, _)| row).filter(of_event);
    post.told(event.subject, event.what, recipient).next().is_some()
        || rows.any(|row| {
            is_listed(row)
                || row.state == MailState::Suppressed && is_dead(post, recipient)
                || post.sends_of(row.id).any(|send| came_back(send.id))
        })
}

/// Whether mail to this recipient was ever returned.
fn is_dead(post: &Post, recipient: Recipient) -> bool {
    post.returned.iter().any(|(_, other)| *other == recipient)
}

/// What reached the provider is in our log.
pub(super) fn every_side_effect_accounted() -> Box<dyn Invariant<Fact>> {
    let about = "once healed: each message that reached the provider has its attempt in our log, with its answer or as \
                 unknown";
    AtRest::asking("every-side-effect-accounted", about, |post: &Post, findings| {
        for (asked, event) in &post.asked {
            if !post.sends.iter().any(|send| send.id == *asked) {
                findings.violated("no record", &[*event], || {
                    format!("the provider was given send {asked}, and our log has no such attempt")
                });
            }
        }
    })
}

/// What passes by itself needs nobody.
#[derive(Default)]
pub(super) struct TransientFaultsHeal {
    post: Post,
    faults: FaultSpan,
    broken_text: bool,
}

impl Invariant<Fact> for TransientFaultsHeal {
    fn name(&self) -> &'static str {
        "transient-faults-heal"
    }
    fn about(&self) -> &'static str {
        "once healed: if all faults lie within 2 minutes, no attempt had an unknown outcome, the provider dropped \
         nothing that it had taken and no text was broken, no mail is listed for a person. What people do is no \
         fault"
    }
    fn reset(&mut self) {
        self.post.reset();
        self.faults = FaultSpan::default();
        self.broken_text = false;
    }
    fn observe(&mut self, at: &At<'_>, fact: &Fact, _: &mut Findings) {
        self.post.observe(at, fact);
        if let Fact::Mail(MailFact::Template(template)) = fact {
            self.broken_text |= template.variables.contains(&Variable::Visit);
        }
    }
    fn disturbed(&mut self, disturbance: &Disturbance) {
        self.faults.extend(disturbance);
    }
    fn at_rest(&mut self, _: Moment, findings: &mut Findings) {
        let knowable = self.post.unknown.is_empty() && !self.post.dropped && !self.broken_text;
        if !self.faults.is_transient() || !knowable {
            return;
        }
        for (row, event) in self.post.notifications.iter().filter(|(row, _)| is_listed(row)) {
            findings.violated("person needed", &[*event], || {
                format!("a passing fault left mail {} for a person to look at", row.id)
            });
        }
    }
}
