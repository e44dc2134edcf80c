//! What mail says, against what happened and which text there was.

use super::super::language_of;
use super::super::post::{Happened, Post};
use shakedown_model::Fact;
use shakedown_model::backbone::events::{Subject, What};
use shakedown_model::backbone::mail::provider::Letter;
use shakedown_model::backbone::mail::rows::{MailState, Recipient};
use shakedown_model::facts::{MailFact, MailProviderFact};
use shakedown_sim::{At, Disturbance, Duration, Findings, Invariant, Moment};

/// Owners of the choice sites of what may hold a transaction of ours open.
const OURS: [&str; 3] = ["api", "worker", "store"];
/// How much before its commit a transaction may have looked up the text, if nothing of ours was failing.
const GRACE: Duration = Duration::from_secs(5);

/// A mail is what it was planned to be.
#[derive(Default)]
pub(super) struct RightTemplate {
    post: Post,
    published: Vec<(What, u32, Moment)>,
    /// What a person had sent anew, in the text of then.
    replayed: Vec<(Subject, What, Moment)>,
    ours: Vec<(Moment, Moment)>,
}

impl RightTemplate {
    fn objection(&self, recipient: Recipient, letter: &Letter) -> Option<&'static str> {
        let event = self.post.events.iter().find(|event| {
            (event.subject, event.version, event.what) == (letter.subject, letter.version, letter.what)
        });
        match event {
            _ if letter.empty > 0 => Some("has an empty place"),
            _ if letter.language != language_of(recipient) => Some("is in another language"),
            None => Some("tells of a version in which that was not so"),
            Some(event) if !self.is_right(event, letter) => Some("has another text than there was"),
            Some(_) => None,
        }
    }

    fn is_right(&self, event: &Happened, letter: &Letter) -> bool {
        let slow = self.ours.iter().filter(|(from, until)| *from <= event.time && *until >= event.time);
        let begun = slow.map(|(from, _)| *from).chain([event.time]).min().unwrap_or(event.time);
        let earliest = Moment::START + begun.since(Moment::START).saturating_sub(GRACE);
        let replays = self
            .replayed
            .iter()
            .filter(|(subject, what, _)| (*subject, *what) == (letter.subject, letter.what));
        self.was_current(letter, earliest, event.time)
            || replays.into_iter().any(|(_, _, time)| self.was_current(letter, *time, *time))
    }

    /// Whether the letter's text was the latest at some moment of these. The first version was there before.
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
        "always: a mail has the text that was current when its event was committed (or when a person had it sent \
         anew), in its recipient's language, tells of the version of the row that the event made, and has no empty \
         place. A text that changed within 5 s before the commit, or while something of ours was failing, may be \
         either"
    }
    fn reset(&mut self) {
        self.post.reset();
        self.published.clear();
        self.replayed.clear();
        self.ours.clear();
    }
    fn disturbed(&mut self, disturbance: &Disturbance) {
        if OURS.contains(&disturbance.owner) {
            self.ours.push((disturbance.from, disturbance.until));
        }
    }
    fn observe(&mut self, at: &At<'_>, fact: &Fact, findings: &mut Findings) {
        self.post.observe(at, fact);
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
