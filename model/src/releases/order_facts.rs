//! Facts of the order flow's tables and screens.

use super::rows::{Booking, Message, Schema};
use serde::Serialize;
use serde_json::{Map, Value};

/// A fact of the order flow: a committed row, a response to a customer, or the content of a screen.
#[derive(Clone, Debug, Serialize)]
pub enum OrderFact {
    /// A customer received the acceptance of an order.
    Taken {
        /// The number of its future booking.
        booking: u32,
    },
    /// A screen shows a booking.
    Shown {
        /// The booking.
        booking: u32,
        /// The content of the screen.
        screen: Screen,
    },
    /// A booking row changed.
    Booking {
        /// The row before; `None` if it is new.
        before: Option<Booking>,
        /// The row after.
        after: Booking,
    },
    /// A message to workers changed.
    Message {
        /// The message before; `None` if it is new.
        before: Option<Message>,
        /// The message after.
        after: Message,
    },
    /// The fence was raised, or a column dropped.
    Schema(Schema),
}

/// The content of a screen about a booking.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub enum Screen {
    /// The booking, with its guest.
    Guest(String),
    /// The booking, without a guest.
    Nobody,
    /// "Something went wrong".
    Error,
}

impl OrderFact {
    pub(crate) fn is_routine(&self) -> bool {
        match self {
            OrderFact::Taken { .. } | OrderFact::Schema(_) => true,
            OrderFact::Shown { screen, .. } => matches!(screen, Screen::Guest(_)),
            OrderFact::Message { before, .. } => before.is_none(),
            OrderFact::Booking { before, .. } => before.is_none(),
        }
    }

    pub(crate) fn sentence(&self) -> String {
        match self {
            OrderFact::Taken { booking } => format!("receives the acceptance of order {booking}"),
            OrderFact::Shown { booking, screen: Screen::Guest(guest) } => {
                format!("sees booking B{booking} for {guest}")
            }
            OrderFact::Shown { booking, screen: Screen::Nobody } => {
                format!("sees booking B{booking} for nobody")
            }
            OrderFact::Shown { booking, screen: Screen::Error } => {
                format!("sees an error in place of booking B{booking}")
            }
            OrderFact::Booking { before: None, after } => {
                format!("stores booking B{} {}", after.id, words(&after.text))
            }
            OrderFact::Booking { after, .. } => {
                format!("updates booking B{} {}", after.id, words(&after.text))
            }
            OrderFact::Message { before: None, after } => {
                format!("stores message {} {}", after.id, words(&after.text))
            }
            OrderFact::Message { after, .. } => {
                let by = after.taken_by.map(|machine| format!(" by machine {machine}")).unwrap_or_default();
                format!("records that message {} is being processed{by} {}", after.id, words(&after.text))
            }
            OrderFact::Schema(Schema { fence, has_guest }) => {
                let column = if *has_guest { "" } else { ", and drops the column `guest`" };
                format!("admits R{fence} and later{column}")
            }
        }
    }
}

/// Returns the fields of a document in which releases differ, as its release wrote them.
fn words(text: &str) -> String {
    const DIFFERING: [&str; 8] =
        ["kind", "status", "guest", "guest_name", "given", "family", "channel", "reminded"];
    let fields: Map<String, Value> = serde_json::from_str(text).unwrap_or_default();
    let words = DIFFERING.iter().filter_map(|key| fields.get(*key).map(|value| format!("{key}: {value}")));
    let words: Vec<String> = words.collect();
    let release = fields.get("v").map(|v| format!("R{v}")).unwrap_or_default();
    format!("as {release} writes it: {}", words.join(", "))
}
