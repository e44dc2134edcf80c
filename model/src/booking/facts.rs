//! Facts of the booking flow's tables and screens.

use super::rows::{
    Ask, Attempt, Attention, Booking, Holding, Known, Letter, Orphan, Quote, Review, Standing, Status,
    Verdict,
};
use serde::Serialize;

/// A fact of the booking flow: a committed row, or the content of a screen.
#[derive(Clone, Debug, Serialize)]
pub enum BookingFact {
    /// A customer wants to book, once.
    Wanted {
        /// The customer.
        customer: u32,
    },
    /// A screen shows a booking.
    Shown {
        /// The customer who looks.
        customer: u32,
        /// Whether the screen was reloaded.
        fresh: bool,
        /// The booking.
        booking: u32,
        /// The version of its row.
        version: u32,
        /// The text of the screen.
        word: Word,
    },
    /// A customer received the refusal of their order.
    TurnedAway {
        /// The customer.
        customer: u32,
        /// The quote that they wanted to accept.
        quote: u32,
    },
    /// A quote was made.
    Quoted(Quote),
    /// A booking row changed.
    Booking {
        /// The row before; `None` if it is new.
        before: Option<Booking>,
        /// The row after.
        after: Booking,
    },
    /// A booking row is lost.
    Lost(Booking),
    /// A reservation without a booking is listed for a person.
    Orphan(Orphan),
    /// An attempt row changed.
    Attempt {
        /// The row before; `None` if it is new.
        before: Option<Attempt>,
        /// The row after.
        after: Attempt,
    },
    /// What we know of a reservation changed.
    Holding {
        /// The row before; `None` if it is new.
        before: Option<Holding>,
        /// The row after.
        after: Holding,
    },
    /// A callback was stored.
    Letter(Letter),
    /// A person entered their finding about a booking.
    Reviewed(Review),
}

/// The text of a screen about a booking.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub enum Word {
    /// Received; being processed.
    Received,
    /// The partner has yet to decide.
    Requested,
    /// Confirmed.
    Confirmed,
    /// Could not be booked.
    Failed,
    /// Ended by the partner.
    Withdrawn,
    /// Being cancelled.
    Cancelling,
    /// Cancelled.
    Cancelled,
    /// Being checked; do not book again.
    BeingChecked,
}

impl BookingFact {
    pub(crate) fn is_routine(&self) -> bool {
        use BookingFact::{Holding, Quoted, Shown, TurnedAway, Wanted};
        matches!(self, Wanted { .. } | TurnedAway { .. } | Quoted(_) | Holding { .. } | Shown { .. })
    }

    pub(crate) fn sentence(&self) -> String {
        match self {
            BookingFact::Wanted { .. } => "wants to book once".to_owned(),
            BookingFact::Shown { fresh, booking, version, word, .. } => format!(
                "sees booking B{booking} as \"{}\"{} (version {version})",
                self::word(*word),
                if *fresh { ", reloaded" } else { "" },
            ),
            BookingFact::TurnedAway { quote, .. } => format!("receives a refusal of Q{quote}"),
            BookingFact::Quoted(quote) => format!("stores quote Q{} at {}", quote.id, money(quote.price)),
            BookingFact::Booking { before, after } => booking(before.as_ref(), after),
            BookingFact::Lost(row) => format!("lost booking B{}", row.id),
            BookingFact::Orphan(orphan) => format!(
                "lists R{} for a person: the partner has it for B{}, which does not exist here",
                orphan.reservation, orphan.booking
            ),
            BookingFact::Attempt { before, after } => attempt(before.as_ref(), after),
            BookingFact::Holding { after, .. } => format!(
                "records for B{}: R{} {}{}",
                after.booking,
                after.reservation,
                standing(after.standing),
                if after.doubtful { ", to be checked with the partner" } else { "" },
            ),
            BookingFact::Letter(letter) => {
                format!("stores a callback: R{} {}", letter.reservation, standing(letter.says))
            }
            BookingFact::Reviewed(review) => reviewed(review),
        }
    }
}

/// Returns an amount in minor units as a text for stories.
pub(crate) fn money(minor: u32) -> String {
    format!("{}.{:02}", minor / 100, minor % 100)
}

/// Returns the state of a reservation as a text for stories.
pub(crate) fn standing(standing: Standing) -> &'static str {
    match standing {
        Standing::Pending => "is pending",
        Standing::Confirmed => "is confirmed",
        Standing::Ended => "has ended",
    }
}

/// Returns the text of a screen for a word.
pub fn word(word: Word) -> &'static str {
    match word {
        Word::Received => "received",
        Word::Requested => "on request",
        Word::Confirmed => "confirmed",
        Word::Failed => "could not be booked",
        Word::Withdrawn => "withdrawn by the partner",
        Word::Cancelling => "being cancelled",
        Word::Cancelled => "cancelled",
        Word::BeingChecked => "being checked, do not book again",
    }
}

fn booking(before: Option<&Booking>, after: &Booking) -> String {
    let to = format!("{:?}", after.status);
    let with = after.reservation.filter(|_| after.status == Status::Confirmed);
    let with = with.map(|reservation| format!(" with R{reservation}")).unwrap_or_default();
    let attention = match after.attention {
        Attention::None => "",
        Attention::Checking => ", being checked",
        Attention::Review => ", for a person to review",
    };
    match before {
        None => format!("stores booking B{}: {to}{attention}", after.id),
        Some(before) if before.status == after.status => {
            format!("updates B{}, still {to}{with}{attention}", after.id)
        }
        Some(before) => format!("moves B{} from {:?} to {to}{with}{attention}", after.id, before.status),
    }
}

fn reviewed(Review { booking, by, verdict, .. }: &Review) -> String {
    let found = match verdict {
        Verdict::Nothing => "the partner has nothing for",
        Verdict::Shown => "the partner's list shows",
        Verdict::NotCancelled => "the partner does not give up",
    };
    format!("records that {by} found: {found} B{booking}")
}

fn attempt(before: Option<&Attempt>, after: &Attempt) -> String {
    let asks = match after.ask {
        Ask::Reserve => format!("to reserve for B{}", after.booking),
        Ask::Cancel(reservation) => format!("to cancel R{reservation}"),
    };
    let known = match after.known {
        Known::Started => "started".to_owned(),
        Known::Unknown => "outcome unknown".to_owned(),
        Known::Effect(reservation) => format!("it concerned R{reservation}"),
        Known::Refused => "refused".to_owned(),
        Known::NoEffect => "had no effect".to_owned(),
    };
    let verb = if before.is_none() { "logs" } else { "updates in the log" };
    format!("{verb} attempt {} {asks}: {known}", after.id)
}
