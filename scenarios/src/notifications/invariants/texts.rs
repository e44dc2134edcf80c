//! The content of mail, compared with its event and the template of that time.

use super::super::language_of;
use super::super::ledger::{BusinessEvent, Ledger};
use shakedown_model::Fact;
use shakedown_model::backbone::events::{EventKind, Subject};
use shakedown_model::backbone::mail::provider::Letter;
use shakedown_model::backbone::mail::rows::{MailState, Recipient};
use shakedown_model::facts::{MailFact, MailProviderFact};
use shakedown_sim::{At, Disturbance, Duration, Findings, Invariant, Moment};

/// Owners of the choice sites of components that may keep a transaction of ours open.
const OWN_COMPONENTS: [&str; 3] = ["api", "worker", "store"];
/// The longest time between a transaction's read of the template and its commit, if no component of ours fails.
const GRACE: Duration = Duration::from_secs(5);

/// Verifies that a mail has the planned template, language and version.
#[derive(Default)]
pub(super) struct RightTemplate {
    ledger: Ledger,
    published: Vec<(EventKind, u32, Moment)>,
    /// Mails that a person replayed, with the time: a replay takes the template of that time.
    replayed: Vec<(Subject, EventKind, Moment)>,
    own_faults: Vec<(Moment, Moment)>,
}

impl RightTemplate {
    fn objection(&self, recipient: Recipient, letter: &Letter) -> Option<&'static str> {
        let event = self.ledger.events.iter().find(|event| {
            (event.subject, event.version, event.what) == (letter.subject, letter.version, letter.what)
        });
        match event {
            _ if letter.empty > 0 => Some("has an empty variable"),
            _ if letter.language != language_of(recipient) => Some("is in another language"),
            None => Some("names a version that the event did not make"),
            Some(event) if !self.is_right(event, letter) => Some("has another template than was current"),
            Some(_) => None,
        }
    }

    fn is_right(&self, event: &BusinessEvent, letter: &Letter) -> bool {
        let slow = self.own_faults.iter().filter(|(from, until)| *from <= event.time && *until >= event.time);
        let begun = slow.map(|(from, _)| *from).chain([event.time]).min().unwrap_or(event.time);
        let earliest = Moment::START + begun.since(Moment::START).saturating_sub(GRACE);
        let replays = self
            .replayed
            .iter()
            .filter(|(subject, what, _)| (*subject, *what) == (letter.subject, letter.what));
        self.was_current(letter, earliest, event.time)
            || replays.into_iter().any(|(_, _, time)| self.was_current(letter, *time, *time))
    }

    /// Returns whether the letter's template was current at some time between `from` and `until`. The first version exists
    /// before the run.
    fn was_current(&self, letter: &Letter, from: Moment, until: Moment) -> bool {
        let since = |version| {
            let mut published = self.published.iter();
            published
                .find(|(what, other, _)| (*what, *other) == (letter.what, version))
                .map(|(.., since)| *since)
        };
        let begins = if letter.template == 1 { Some(Moment::START) } else { since(letter.template) };
        let ends = since(letter.template + 1).unwrap_or(Moment::NEVER);
        begins.is_some_and(|begins| begins <= until) && ends >= from
    }
}

impl Invariant<Fact> for RightTemplate {
    fn name(&self) -> &'static str {
        "right-template"
    }
    fn about(&self) -> &'static str {
        "always: a mail has the template that was current when its event was committed (or when a person \
         replayed it), its recipient's language, the version of the row that the event made, and no empty \
         variable. Not judged: which of two templates, if they changed within 5 s before the commit or \
         while a component of ours was failing"
    }
    fn reset(&mut self) {
        self.ledger.reset();
        self.published.clear();
        self.replayed.clear();
        self.own_faults.clear();
    }
    fn disturbed(&mut self, disturbance: &Disturbance) {
        if OWN_COMPONENTS.contains(&disturbance.owner) {
            self.own_faults.push((disturbance.from, disturbance.until));
        }
    }
    fn observe(&mut self, at: &At<'_>, fact: &Fact, findings: &mut Findings) {
        self.ledger.observe(at, fact);
        match fact {
            Fact::Mail(MailFact::Template(template)) => {
                self.published.push((template.what, template.version, at.time));
            }
            Fact::Mail(MailFact::Notification { before: Some(before), after })
                if (before.state, after.state) == (MailState::DeadLetter, MailState::Queued) =>
            {
                self.replayed.push((after.subject, after.what, at.time));
            }
            Fact::MailProvider(MailProviderFact::Arrived { recipient, letter, .. }) => {
                if let Some(objection) = self.objection(*recipient, letter) {
                    findings.violated(objection, &[at.event], || {
                        format!("a mail to {recipient} about {} {objection}", letter.subject)
                    });
                }
            }
            _ => {}
        }
    }
}
