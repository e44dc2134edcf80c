//! What happens in the world: the only thing that is judged.

use shakedown::prelude::*;

/// What the outside world holds.
#[derive(Clone, serde::Serialize)]
pub(crate) enum Known {
    Accepted(String),
    Charged(String),
    Mailed(String),
}

impl Fact for Known {
    fn sentence(&self) -> String {
        match self {
            Known::Accepted(order) => format!("knows that {order} is accepted"),
            Known::Charged(order) => format!("charges {order}"),
            Known::Mailed(order) => format!("mails the confirmation of {order}"),
        }
    }
}
