//! How often somebody is told of something.

use super::super::post::Post;
use shakedown_model::Fact;
use shakedown_model::backbone::events::{Subject, What};
use shakedown_model::backbone::mail::rows::Recipient;
use shakedown_model::facts::MailProviderFact;
use shakedown_sim::{At, Findings, Invariant};

/// Each event is told to each recipient once.
#[derive(Default)]
pub(super) struct OneMessage(Post);

impl OneMessage {
    /// How often this may have been told by now: once for each time that it happened, and if it must reach its
    /// recipient once more for each attempt of it that is on record as unknown.
    fn allowed(&self, subject: Subject, what: What, recipient: Recipient) -> usize {
        let happened = self.0.events.iter().filter(|event| (event.subject, event.what) == (subject, what));
        let in_doubt = self.0.unknown.iter().filter(|send| {
            let row = self.0.notification_of(**send);
            row.is_some_and(|row| (row.subject, row.what, row.recipient) == (subject, what, recipient))
        });
        happened.count() + if what == What::Withdrawn { in_doubt.count() } else { 0 }
    }
}

impl Invariant<Fact> for OneMessage {
    fn name(&self) -> &'static str {
        "one-message-per-event-and-recipient"
    }
    fn about(&self) -> &'static str {
        "always: a mailbox holds at most one mail for each event, and none for what did not happen; of a withdrawal, \
         which must reach its recipients, one more for each attempt on record as unknown. That it holds one is \
         not judged here"
    }
    fn reset(&mut self) {
        self.0.reset();
    }
    fn observe(&mut self, at: &At<'_>, fact: &Fact, findings: &mut Findings) {
        self.0.observe(at, fact);
        let Fact::MailProvider(MailProviderFact::Arrived { recipient, letter, .. }) = *fact else { return };
        let (subject, what) = (letter.subject, letter.what);
        let told: Vec<u32> = self.0.told(subject, what, recipient).map(|arrived| arrived.event).collect();
        let allowed = self.allowed(subject, what, recipient);
        if told.len() > allowed {
            let roles = format!("{what:?} told too often");
            let times = |count| if count == 1 { "once".to_owned() } else { format!("{count} times") };
            findings.violated(&roles, &told, || {
                let (told, right) = (times(told.len()), times(allowed));
                format!("{recipient} was told {told} that {subject} is {what:?}, where {right} is right")
            });
        }
    }
}
