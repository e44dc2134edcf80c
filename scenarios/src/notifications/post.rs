//! What judges keep of the facts: which events there were, what lies in the mailboxes, what the provider did, and
//! our rows.

use crate::judges::Memory;
use shakedown_model::Fact;
use shakedown_model::backbone::events::{Subject, What};
use shakedown_model::backbone::mail::provider::Letter;
use shakedown_model::backbone::mail::rows::{Known, MailState, Notification, Recipient, Send};
use shakedown_model::booking::rows::{Booking, Status};
use shakedown_model::facts::{BookingFact, MailFact, MailProviderFact};
use shakedown_sim::{At, Moment};

/// A business event, as the committed row shows it.
#[derive(Clone, Copy, Debug)]
pub struct Happened {
    /// Of which row.
    pub subject: Subject,
    /// The version of its row.
    pub version: u32,
    /// What.
    pub what: What,
    /// Whom it concerns.
    pub party: u32,
    /// When it was committed.
    pub time: Moment,
    /// The fact that shows it.
    pub event: u32,
}

impl Happened {
    /// Who is to be told of it.
    pub fn recipients(&self) -> impl Iterator<Item = Recipient> {
        let (party, review_queue) = match self.what {
            What::Requested | What::Cancelling => (None, None),
            What::Withdrawn => (Some(Recipient::Party(self.party)), Some(Recipient::ReviewQueue)),
            _ => (Some(Recipient::Party(self.party)), None),
        };
        party.into_iter().chain(review_queue)
    }
}

/// A mail in a mailbox.
#[derive(Clone, Copy, Debug)]
pub struct Arrived {
    /// Our number for the attempt.
    pub send: u32,
    /// Whose mailbox.
    pub recipient: Recipient,
    /// What it says.
    pub letter: Letter,
    /// The fact that shows it.
    pub event: u32,
}

/// The facts so far, in the order in which they became true.
#[derive(Default)]
pub struct Post {
    /// What happened.
    pub events: Vec<Happened>,
    /// What lies in the mailboxes.
    pub arrived: Vec<Arrived>,
    /// Attempts that reached the provider, with the fact that shows it.
    pub asked: Vec<(u32, u32)>,
    /// Attempts that the provider refused for good.
    pub refused: Vec<u32>,
    /// Attempts whose mail was returned, and whose mail that was.
    pub returned: Vec<(u32, Recipient)>,
    /// Whether the provider dropped a mail that it had taken.
    pub dropped: bool,
    /// Our notifications, with the last fact about each.
    pub notifications: Vec<(Notification, u32)>,
    /// Our log of attempts.
    pub sends: Vec<Send>,
    /// Attempts that were ever on record as unknown.
    pub unknown: Vec<u32>,
}

impl Memory for Post {
    fn observe(&mut self, at: &At<'_>, fact: &Fact) {
        Post::observe(self, at, fact);
    }
    fn reset(&mut self) {
        Post::reset(self);
    }
}

impl Post {
    /// Forgets everything.
    pub fn reset(&mut self) {
        *self = Self::default();
    }

    /// Takes one more fact.
    pub fn observe(&mut self, at: &At<'_>, fact: &Fact) {
        match fact {
            Fact::Booking(BookingFact::Booking { before, after }) => {
                self.events.extend(happened(at, before.as_ref(), after));
            }
            Fact::Mail(MailFact::Notification { after, .. }) => {
                match self.notifications.iter_mut().find(|(row, _)| row.id == after.id) {
                    Some(kept) => *kept = (*after, at.event),
                    None => self.notifications.push((*after, at.event)),
                }
            }
            Fact::Mail(MailFact::Send { after, .. }) => {
                if after.known == Known::Unknown {
                    self.unknown.push(after.id);
                }
                self.sends.retain(|send| send.id != after.id);
                self.sends.push(*after);
            }
            Fact::MailProvider(fact) => self.observe_outside(at, fact),
            _ => {}
        }
    }

    fn observe_outside(&mut self, at: &At<'_>, fact: &MailProviderFact) {
        match *fact {
            MailProviderFact::Asked { send } => self.asked.push((send, at.event)),
            MailProviderFact::Refused { send } => self.refused.push(send),
            MailProviderFact::Arrived { send, recipient, letter, .. } => {
                self.arrived.push(Arrived { send, recipient, letter, event: at.event });
            }
            MailProviderFact::Returned { send, recipient, .. } => self.returned.push((send, recipient)),
            MailProviderFact::Dropped { .. } => self.dropped = true,
            MailProviderFact::Took { .. } | MailProviderFact::Told { .. } => {}
        }
    }

    /// The mails that told this recipient this of this row.
    pub fn told(&self, subject: Subject, what: What, recipient: Recipient) -> impl Iterator<Item = &Arrived> {
        self.arrived.iter().filter(move |arrived| {
            arrived.recipient == recipient && (arrived.letter.subject, arrived.letter.what) == (subject, what)
        })
    }

    /// The attempts of a notification that are on record.
    pub fn sends_of(&self, notification: u32) -> impl Iterator<Item = &Send> {
        self.sends.iter().filter(move |send| send.notification == notification)
    }

    /// The notification of an attempt, if the attempt is on record.
    pub fn notification_of(&self, send: u32) -> Option<&Notification> {
        let send = self.sends.iter().find(|other| other.id == send)?;
        self.notifications.iter().map(|(row, _)| row).find(|row| row.id == send.notification)
    }
}

/// Whether a notification is on a list that a person works through.
pub fn is_listed(row: &Notification) -> bool {
    row.flagged || row.state == MailState::DeadLetter
}

/// The event that a change of a booking's row is, if it is one.
fn happened(at: &At<'_>, before: Option<&Booking>, after: &Booking) -> Option<Happened> {
    if before.is_some_and(|before| before.status == after.status) {
        return None;
    }
    let what = match after.status {
        Status::Accepted => What::Accepted,
        Status::OnRequest => What::Requested,
        Status::Confirmed => What::Confirmed,
        Status::Failed => What::Failed,
        Status::Withdrawn => What::Withdrawn,
        Status::Cancelling => What::Cancelling,
        Status::Cancelled => What::Cancelled,
    };
    let (subject, version, party) = (Subject::Booking(after.id), after.version, after.customer);
    Some(Happened { subject, version, what, party, time: at.time, event: at.event })
}
