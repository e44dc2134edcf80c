//! Facts of the filing flow's table.

use super::rows::{Filing, FilingState};
use serde::Serialize;

/// A fact of the filing flow.
#[derive(Clone, Debug, Serialize)]
pub enum FilingFact {
    /// A filing changed.
    Filing {
        /// The row before; `None` if it is new.
        before: Option<Filing>,
        /// The row after.
        after: Filing,
    },
}

impl FilingFact {
    pub(crate) fn sentence(&self) -> String {
        let FilingFact::Filing { before, after } = self;
        let state = match after.state {
            FilingState::Open => "to be sent".to_owned(),
            FilingState::Sending { job, attempt, .. } => {
                format!("being sent by attempt {attempt} of job {job}")
            }
            FilingState::Filed(document) => format!("filed as D{document}"),
            FilingState::Rejected => "rejected".to_owned(),
        };
        let verb = if before.is_none() { "stores" } else { "moves" };
        format!("{verb} filing F{}: {state}", after.id)
    }
}
