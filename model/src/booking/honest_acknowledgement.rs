//! `honest-acknowledgement`: after an order the screen shows the truth: that the order was received.

use super::api::View;
use super::facts::Word;
use crate::guardrail::{Guardrail, Naive};

/// The row of `honest-acknowledgement` in the table of guardrails.
pub const ROW: Guardrail = Guardrail {
    name: "honest-acknowledgement",
    system: "request path",
    guarded: "the screen says \"received\" until there is evidence of a reservation",
    naive: &[Naive {
        what: "the page after a 202 says \"confirmed\"",
        breaks: &["no-premature-success"],
        masked_by: &[],
    }],
};

/// The seam: the page that follows an order.
pub trait HonestAcknowledgement {
    /// Returns the first view of a booking after its order; `row` is the view of its row.
    fn first_view(&self, row: View) -> View;
}

/// Guarded: the view of the row.
pub struct WhatIsSo;

impl HonestAcknowledgement for WhatIsSo {
    fn first_view(&self, row: View) -> View {
        row
    }
}

/// Naive: an accepted order is as good as completed, and a page with a tick sells better.
pub struct AsGoodAsDone;

impl HonestAcknowledgement for AsGoodAsDone {
    fn first_view(&self, row: View) -> View {
        View { word: Word::Confirmed, ..row }
    }
}
