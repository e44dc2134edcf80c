//! `honest-acknowledgement`: after an order the screen shows what is true: that the order was received.

use super::api::View;
use super::facts::Word;
use crate::guardrail::{Guardrail, Naive};

/// Its row of the table.
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

/// The seam: what the page shows that answers an order.
pub trait HonestAcknowledgement {
    /// The first view of a booking whose order is answered; `row` is what its row says.
    fn first_view(&self, row: View) -> View;
}

/// Guarded: what the row says.
pub struct WhatIsSo;

impl HonestAcknowledgement for WhatIsSo {
    fn first_view(&self, row: View) -> View {
        row
    }
}

/// Naive: an order that was accepted is as good as carried out, and a page with a tick sells better.
pub struct AsGoodAsDone;

impl HonestAcknowledgement for AsGoodAsDone {
    fn first_view(&self, row: View) -> View {
        View { word: Word::Confirmed, ..row }
    }
}
