//! Rare states that a campaign must reach before its passing result means something.

use super::ledger::Ledger;
use crate::judges::{self, States};
use shakedown_model::Fact;
use shakedown_model::backbone::mail::rows::{Known, MailState, Policy};
use shakedown_model::facts::{MailFact, MailProviderFact};
use shakedown_sim::{At, Goals};

/// The rarest goals, each with the number of seeds after which missing it is a finding.
pub const NEEDS: &[(&str, u64)] = &[];

/// The state that goals accumulate.
#[derive(Default)]
struct Memory {
    ledger: Ledger,
    /// Attempts whose mail the provider has accepted.
    took: Vec<u32>,
    published: bool,
}

impl judges::Memory for Memory {
    fn observe(&mut self, at: &At<'_>, fact: &Fact) {
        self.ledger.observe(at, fact);
        match fact {
            Fact::MailProvider(MailProviderFact::Took { send, .. }) => self.took.push(*send),
            Fact::Mail(MailFact::Template(_)) => self.published = true,
            _ => {}
        }
    }
}

/// Returns the state of a notification before and after this fact, if the fact changes its row.
fn moved(fact: &Fact) -> Option<(MailState, MailState)> {
    match fact {
        Fact::Mail(MailFact::Notification { before: Some(before), after }) => {
            Some((before.state, after.state))
        }
        _ => None,
    }
}

const GOALS: States<Memory> = &[
    ("mail accepted by the provider behind a timeout", |memory, _, fact| {
        matches!(fact, Fact::Mail(MailFact::Send { before: Some(_), after })
            if after.known == Known::Unknown && memory.took.contains(&after.id))
    }),
    ("delivery event before the response", |_, _, fact| {
        moved(fact) == Some((MailState::Sending, MailState::Delivered))
    }),
    ("unknown attempt resolved by an event", |_, _, fact| {
        matches!(moved(fact), Some((MailState::Unknown, MailState::Accepted | MailState::Delivered)))
    }),
    ("mail accepted, never sent, and flagged", |memory, _, fact| {
        matches!(fact, Fact::Mail(MailFact::Notification { after, .. })
            if after.flagged && after.state == MailState::Accepted && memory.ledger.dropped)
    }),
    ("crash between the send and the log", |memory, at, fact| {
        let reached = |send: u32| memory.ledger.asked.iter().any(|(asked, _)| *asked == send);
        matches!(fact, Fact::Mail(MailFact::Notification { before: Some(before), after })
            if (before.state, after.state) == (MailState::Sending, MailState::Unknown)
                && at.time >= before.due
                && after.send.is_some_and(reached))
    }),
    ("withdrawal sent again automatically", |_, _, fact| {
        matches!(fact, Fact::Mail(MailFact::Notification { before: Some(before), after })
            if (before.state, after.state) == (MailState::Unknown, MailState::Queued)
                && after.policy == Policy::MustReach && !before.flagged)
    }),
    ("mail sent again by a person", |_, _, fact| {
        matches!(fact, Fact::Mail(MailFact::Notification { before: Some(before), after })
            if before.flagged && after.state == MailState::Queued)
    }),
    ("template changed while mail is in flight", |memory, _, fact| {
        let planned_before = |version: u32| memory.published && version == 1;
        matches!(fact, Fact::MailProvider(MailProviderFact::Arrived { letter, .. }) if planned_before(letter.template))
    }),
    ("mail with an empty variable held back", |_, _, fact| {
        moved(fact) == Some((MailState::Queued, MailState::DeadLetter))
    }),
    ("dead letter replayed with a repaired template", |_, _, fact| {
        moved(fact) == Some((MailState::DeadLetter, MailState::Queued))
    }),
    (
        "mail suppressed for a dead address",
        |_, _, fact| matches!(fact, Fact::Mail(MailFact::Notification { after, .. }) if after.state == MailState::Suppressed),
    ),
];

/// Returns all goals.
pub fn all() -> Box<dyn Goals<Fact>> {
    judges::goals(GOALS)
}
