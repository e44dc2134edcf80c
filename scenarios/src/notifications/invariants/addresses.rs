//! Mail to addresses that are known to be dead.

use shakedown_model::Fact;
use shakedown_model::backbone::mail::rows::{Known, MailState, Recipient};
use shakedown_model::facts::MailFact;
use shakedown_sim::{At, Duration, Findings, Invariant, Moment};

/// A plan may rest on what was read this long before its commit: a node may be paused in between.
const MARGIN: Duration = Duration::from_secs(900);

/// Verifies that no mail is planned for an address from which mail was returned.
#[derive(Default)]
pub(super) struct DeadAddressesAreSpared {
    /// The recipient of each notification.
    recipients: Vec<(u32, Recipient)>,
    /// Recipients whose mail was returned, with the time at which that was recorded, and the event.
    dead: Vec<(Recipient, Moment, u32)>,
}

impl Invariant<Fact> for DeadAddressesAreSpared {
    fn name(&self) -> &'static str {
        "dead-addresses-are-spared"
    }
    fn about(&self) -> &'static str {
        "always: no mail is planned for an address more than 15 min after the return of a mail to it was recorded. Not \
         judged: mail that was planned before"
    }
    fn reset(&mut self) {
        self.recipients.clear();
        self.dead.clear();
    }
    fn observe(&mut self, at: &At<'_>, fact: &Fact, findings: &mut Findings) {
        match fact {
            Fact::Mail(MailFact::Notification { before: None, after }) => {
                self.recipients.push((after.id, after.recipient));
                let is_known = |(recipient, since, _): &&(Recipient, Moment, u32)| {
                    *recipient == after.recipient && *since + MARGIN < at.time
                };
                let Some((_, _, returned)) = self.dead.iter().find(is_known) else { return };
                if after.state != MailState::Suppressed {
                    findings.violated("planned", &[*returned, at.event], || {
                        format!("mail {} is planned for {}, whose address is dead", after.id, after.recipient)
                    });
                }
            }
            Fact::Mail(MailFact::Send { after, .. }) if matches!(after.known, Known::Bounced(_)) => {
                let recipient = self.recipients.iter().find(|(id, _)| *id == after.notification);
                self.dead.extend(recipient.map(|(_, recipient)| (*recipient, at.time, at.event)));
            }
            _ => {}
        }
    }
}
