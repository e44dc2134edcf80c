//! Facts of the mail provider and the mailboxes.

use crate::backbone::mail::facts::known;
use crate::backbone::mail::provider::Letter;
use crate::backbone::mail::rows::{Known, Recipient};
use serde::Serialize;

/// A fact of the mail provider, or of a mailbox.
#[derive(Clone, Debug, Serialize)]
pub enum MailProviderFact {
    /// A message reached the provider.
    Asked {
        /// Our number for the attempt, as the message carries it.
        send: u32,
    },
    /// The provider rejected a message permanently.
    Refused {
        /// Our number for the attempt.
        send: u32,
    },
    /// The provider accepted a message.
    Took {
        /// The provider's number for the message.
        message: u32,
        /// Our number for the attempt.
        send: u32,
    },
    /// A message lies in its recipient's mailbox.
    Arrived {
        /// The provider's number for it.
        message: u32,
        /// Our number for the attempt.
        send: u32,
        /// The owner of the mailbox.
        recipient: Recipient,
        /// The letter that they read.
        letter: Letter,
    },
    /// A message was returned by its recipient's server.
    Returned {
        /// The provider's number for it.
        message: u32,
        /// Our number for the attempt.
        send: u32,
        /// The addressee.
        recipient: Recipient,
    },
    /// The provider dropped a message that it had accepted.
    Dropped {
        /// The provider's number for it.
        message: u32,
    },
    /// The provider reported an outcome by itself.
    Reported {
        /// Our number for the attempt.
        send: u32,
        /// The outcome.
        says: Known,
    },
}

impl MailProviderFact {
    pub(super) fn is_routine(&self) -> bool {
        matches!(self, MailProviderFact::Asked { .. } | MailProviderFact::Reported { .. })
    }

    pub(super) fn sentence(&self) -> String {
        match self {
            MailProviderFact::Asked { send } => format!("receives the message of send {send}"),
            MailProviderFact::Refused { send } => format!("refuses the message of send {send}"),
            MailProviderFact::Took { message, .. } => format!("accepts message M{message}"),
            MailProviderFact::Arrived { message, recipient, letter, .. } => format!(
                "puts M{message} into the mailbox of {}: \"{}\", {} in version {}, {:?} text {}{}",
                recipient,
                letter.what.title(),
                letter.subject,
                letter.version,
                letter.language,
                letter.template,
                if letter.empty > 0 { ", with an empty place" } else { "" },
            ),
            MailProviderFact::Returned { message, recipient, .. } => {
                format!("receives M{message} back from the server of {recipient}")
            }
            MailProviderFact::Dropped { message } => format!("never sends M{message}"),
            MailProviderFact::Reported { send, says } => format!("reports that send {send} {}", known(*says)),
        }
    }
}
