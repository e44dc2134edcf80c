//! What happens in the world: the only thing that is judged.

use shakedown::prelude::*;
use shakedown_postgres::{ChangeKind, RowChange};

/// What is durable in the database, or known outside.
#[derive(Clone, serde::Serialize)]
pub(crate) enum Known {
    /// A row of `orders`.
    Sold { order: String, item: String, quantity: i64 },
    /// The row of `leases`.
    Leased { owner: String },
    /// A user knows that the order is accepted.
    Accepted { order: String },
    /// The partner holds a charge.
    Charged { order: String },
    /// The mail provider holds a mail.
    Mailed { order: String },
}

impl Known {
    /// Returns the fact that a committed row change is.
    pub(crate) fn of_row(change: &RowChange) -> Option<Known> {
        let value = |column: &str| change.value(column).unwrap_or_default().to_owned();
        match (change.table.as_str(), change.kind) {
            ("public.orders", ChangeKind::Insert) => Some(Known::Sold {
                order: value("id"),
                item: value("item"),
                quantity: value("quantity").parse().ok()?,
            }),
            ("public.leases", ChangeKind::Update) => Some(Known::Leased { owner: value("owner") }),
            _ => None,
        }
    }
}

impl Fact for Known {
    fn sentence(&self) -> String {
        match self {
            Known::Sold { order, item, quantity } => format!("holds {order}: {quantity} of item `{item}`"),
            Known::Leased { owner } => format!("holds the lease for {owner}"),
            Known::Accepted { order } => format!("knows that {order} is accepted"),
            Known::Charged { order } => format!("charges {order}"),
            Known::Mailed { order } => format!("mails the confirmation of {order}"),
        }
    }
}
