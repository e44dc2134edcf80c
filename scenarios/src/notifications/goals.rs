//! Rare states that a campaign must have reached for its green to mean something.

use super::post::Post;
use crate::judges::{self, States};
use shakedown_model::Fact;
use shakedown_model::backbone::mail::rows::{Known, MailState, Policy};
use shakedown_model::facts::{MailFact, MailProviderFact};
use shakedown_sim::{At, Goals};

/// For the rarest of them, how many seeds a campaign needs before not reaching one says anything.
pub const NEEDS: &[(&str, u64)] = &[];

/// What goals keep of the facts.
#[derive(Default)]
struct Memory {
    post: Post,
    /// Attempts whose mail the provider has taken.
    took: Vec<u32>,
    published: bool,
}

impl judges::Memory for Memory {
    fn observe(&mut self, at: &At<'_>, fact: &Fact) {
        self.post.observe(at, fact);
        match fact {
            Fact::MailProvider(MailProviderFact::Took { send, .. }) => self.took.push(*send),
            Fact::Mail(MailFact::Template(_)) => self.published = true,
            _ => {}
        }
    }
}

/// How a notification's state moved, if it did.
fn moved(fact: &Fact) -> Option<(MailState, MailState)> {
    match fact {
        Fact::Mail(MailFact::Notification { before: Some(before), after }) => {
            Some((before.state, after.state))
        }
        _ => None,
    }
}

const GOALS: States<Memory> = &[
    ("taken by the provider behind a timeout", |memory, _, fact| {
        matches!(fact, Fact::Mail(MailFact::Send { before: Some(_), after })
            if after.known == Known::Unknown && memory.took.contains(&after.id))
    }),
    ("news before the answer", |_, _, fact| moved(fact) == Some((MailState::Sending, MailState::Delivered))),
    ("unknown, settled by evidence", |_, _, fact| {
        matches!(moved(fact), Some((MailState::Unknown, MailState::Accepted | MailState::Delivered)))
    }),
    ("taken and never sent, flagged", |memory, _, fact| {
        matches!(fact, Fact::Mail(MailFact::Notification { after, .. })
            if after.flagged && after.state == MailState::Accepted && memory.post.dropped)
    }),
    ("crash between the send and the log", |memory, at, fact| {
        let reached = |send: u32| memory.post.asked.iter().any(|(asked, _)| *asked == send);
        matches!(fact, Fact::Mail(MailFact::Notification { before: Some(before), after })
            if (before.state, after.state) == (MailState::Sending, MailState::Unknown)
                && at.time >= before.due
                && after.send.is_some_and(reached))
    }),
    ("withdrawal sent again by itself", |_, _, fact| {
        matches!(fact, Fact::Mail(MailFact::Notification { before: Some(before), after })
            if (before.state, after.state) == (MailState::Unknown, MailState::Queued)
                && after.policy == Policy::MustReach && !before.flagged)
    }),
    ("sent again by a person", |_, _, fact| {
        matches!(fact, Fact::Mail(MailFact::Notification { before: Some(before), after })
            if before.flagged && after.state == MailState::Queued)
    }),
    ("text changed while mail is under way", |memory, _, fact| {
        let planned_before = |version: u32| memory.published && version == 1;
        matches!(fact, Fact::MailProvider(MailProviderFact::Arrived { letter, .. }) if planned_before(letter.template))
    }),
    ("mail with an empty place held back", |_, _, fact| {
        moved(fact) == Some((MailState::Queued, MailState::DeadLetter))
    }),
    ("dead letter replayed in a mended text", |_, _, fact| {
        moved(fact) == Some((MailState::DeadLetter, MailState::Queued))
    }),
    (
        "not sent to an address that returns mail",
        |_, _, fact| matches!(fact, Fact::Mail(MailFact::Notification { after, .. }) if after.state == MailState::Suppressed),
    ),
];

/// All goals.
pub fn all() -> Box<dyn Goals<Fact>> {
    judges::goals(GOALS)
}
