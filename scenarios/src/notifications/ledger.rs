//! The state that judges accumulate: business events, mailboxes, the provider's log, and our rows.

use crate::judges::Memory;
use shakedown_model::Fact;
use shakedown_model::backbone::events::{EventKind, Subject};
use shakedown_model::backbone::mail::provider::Letter;
use shakedown_model::backbone::mail::rows::{Known, MailState, Notification, Recipient, Send};
use shakedown_model::booking::events::{
    ACCEPTED, BOOKING, CANCELLED, CANCELLING, CONFIRMED, FAILED, REQUESTED, WITHDRAWN,
};
use shakedown_model::booking::rows::{Booking, Status};
use shakedown_model::facts::{BookingFact, MailFact, MailProviderFact};
use shakedown_sim::{At, Moment};

/// A business event: a committed change of a booking's status.
#[derive(Clone, Copy, Debug)]
pub struct BusinessEvent {
    /// The row that changed.
    pub subject: Subject,
    /// The version that the change created.
    pub version: u32,
    /// The kind of event.
    pub what: EventKind,
    /// The customer whom it concerns.
    pub party: u32,
    /// The time of its commit.
    pub time: Moment,
    /// The event that shows it.
    pub event: u32,
}

impl BusinessEvent {
    /// Returns the recipients who must be notified of it.
    pub fn recipients(&self) -> impl Iterator<Item = Recipient> {
        let (party, review_queue) = match self.what {
            REQUESTED | CANCELLING => (None, None),
            WITHDRAWN => (Some(Recipient::Party(self.party)), Some(Recipient::ReviewQueue)),
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
    /// The owner of the mailbox.
    pub recipient: Recipient,
    /// Its content.
    pub letter: Letter,
    /// The event that shows it.
    pub event: u32,
}

/// The state according to the facts so far.
#[derive(Default)]
pub struct Ledger {
    /// The business events.
    pub events: Vec<BusinessEvent>,
    /// The mails in mailboxes.
    pub arrived: Vec<Arrived>,
    /// Attempts that reached the provider, each with its event.
    pub asked: Vec<(u32, u32)>,
    /// Attempts that the provider refused permanently.
    pub refused: Vec<u32>,
    /// Attempts whose mail was returned, with their recipients.
    pub returned: Vec<(u32, Recipient)>,
    /// Whether the provider dropped a mail that it had accepted.
    pub dropped: bool,
    /// Our notifications, each with its last event.
    pub notifications: Vec<(Notification, u32)>,
    /// Our attempts to send.
    pub sends: Vec<Send>,
    /// Attempts that were ever on record as unknown.
    pub unknown: Vec<u32>,
}

impl Memory for Ledger {
    fn observe(&mut self, at: &At<'_>, fact: &Fact) {
        Ledger::observe(self, at, fact);
    }
    fn reset(&mut self) {
        Ledger::reset(self);
    }
}

impl Ledger {
    /// Clears the state.
    pub fn reset(&mut self) {
        *self = Self::default();
    }

    /// Updates the state with one fact.
    pub fn observe(&mut self, at: &At<'_>, fact: &Fact) {
        match fact {
            Fact::Booking(BookingFact::Booking { before, after }) => {
                self.events.extend(business_event(at, before.as_ref(), after));
            }
            Fact::Mail(MailFact::Notification { after, .. }) => {
                match self.notifications.iter_mut().find(|(row, _)| row.id == after.id) {
                    Some(latest) => *latest = (*after, at.event),
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
            MailProviderFact::Took { .. } | MailProviderFact::Reported { .. } => {}
        }
    }

    /// Returns the mails that notified this recipient of this event of this row.
    pub fn mails_about(
        &self,
        subject: Subject,
        what: EventKind,
        recipient: Recipient,
    ) -> impl Iterator<Item = &Arrived> {
        self.arrived.iter().filter(move |arrived| {
            arrived.recipient == recipient && (arrived.letter.subject, arrived.letter.what) == (subject, what)
        })
    }

    /// Returns the attempts of a notification that are on record.
    pub fn sends_of(&self, notification: u32) -> impl Iterator<Item = &Send> {
        self.sends.iter().filter(move |send| send.notification == notification)
    }

    /// Returns the notification of an attempt, if the attempt is on record.
    pub fn notification_of(&self, send: u32) -> Option<&Notification> {
        let send = self.sends.iter().find(|other| other.id == send)?;
        self.notifications.iter().map(|(row, _)| row).find(|row| row.id == send.notification)
    }
}

/// Returns whether a notification is listed for a person.
pub fn is_listed(row: &Notification) -> bool {
    row.flagged || row.state == MailState::DeadLetter
}

/// Returns the business event of a change of a booking's row; `None` if its status stays.
fn business_event(at: &At<'_>, before: Option<&Booking>, after: &Booking) -> Option<BusinessEvent> {
    if before.is_some_and(|before| before.status == after.status) {
        return None;
    }
    let what = match after.status {
        Status::Accepted => ACCEPTED,
        Status::OnRequest => REQUESTED,
        Status::Confirmed => CONFIRMED,
        Status::Failed => FAILED,
        Status::Withdrawn => WITHDRAWN,
        Status::Cancelling => CANCELLING,
        Status::Cancelled => CANCELLED,
    };
    let (subject, version, party) = (BOOKING.row(after.id), after.version, after.customer);
    Some(BusinessEvent { subject, version, what, party, time: at.time, event: at.event })
}
