//! How often a recipient gets mail about one event.

use super::super::ledger::Ledger;
use shakedown_model::Fact;
use shakedown_model::backbone::events::{EventKind, Subject};
use shakedown_model::backbone::mail::rows::Recipient;
use shakedown_model::booking::events::WITHDRAWN;
use shakedown_model::facts::MailProviderFact;
use shakedown_sim::{At, Findings, Invariant};

/// Verifies that a recipient gets one mail for each event.
#[derive(Default)]
pub(super) struct OneMessage(Ledger);

impl OneMessage {
    /// Returns the number of mails allowed so far: one for each event of this kind, and for must-reach mail one more for
    /// each attempt that is on record as unknown.
    fn allowed(&self, subject: Subject, what: EventKind, recipient: Recipient) -> usize {
        let business_event =
            self.0.events.iter().filter(|event| (event.subject, event.what) == (subject, what));
        let in_doubt = self.0.unknown.iter().filter(|send| {
            let row = self.0.notification_of(**send);
            row.is_some_and(|row| (row.subject, row.what, row.recipient) == (subject, what, recipient))
        });
        business_event.count() + if what == WITHDRAWN { in_doubt.count() } else { 0 }
    }
}

impl Invariant<Fact> for OneMessage {
    fn name(&self) -> &'static str {
        "one-message-per-event-and-recipient"
    }
    fn about(&self) -> &'static str {
        "always: a mailbox holds at most one mail for each event and none without an event; for a \
         withdrawal, which is must-reach, one more for each attempt on record as unknown. Not judged: \
         whether the mail arrives"
    }
    fn reset(&mut self) {
        self.0.reset();
    }
    fn observe(&mut self, at: &At<'_>, fact: &Fact, findings: &mut Findings) {
        self.0.observe(at, fact);
        let Fact::MailProvider(MailProviderFact::Arrived { recipient, letter, .. }) = *fact else { return };
        let (subject, what) = (letter.subject, letter.what);
        let sent: Vec<u32> =
            self.0.mails_about(subject, what, recipient).map(|arrived| arrived.event).collect();
        let allowed = self.allowed(subject, what, recipient);
        if sent.len() > allowed {
            let roles = format!("{what:?} mailed too often");
            let times = |count| if count == 1 { "once".to_owned() } else { format!("{count} times") };
            findings.violated(&roles, &sent, || {
                let (sent, right) = (times(sent.len()), times(allowed));
                format!("{recipient} got the mail that {subject} is {what:?} {sent}; {right} is allowed")
            });
        }
    }
}
