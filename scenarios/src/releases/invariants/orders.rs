//! Accepted orders and their ends.

use super::super::ledger::{Ledger, fields};
use crate::judges::AtRest;
use shakedown_model::Fact;
use shakedown_sim::{Findings, Invariant};

/// Verifies that every accepted order reaches an end or is listed.
pub(super) fn accepted_work_finishes() -> Box<dyn Invariant<Fact>> {
    AtRest::boxed(
        "accepted-work-finishes",
        "once healed: each accepted order has its reservation at the partner, or its row says that it \
         failed, or its job is a dead letter. Not judged: whether it failed for a good reason",
        judge,
    )
}

fn judge(ledger: &Ledger, findings: &mut Findings) {
    for (booking, accepted) in &ledger.accepted {
        let row = ledger.bookings.get(booking);
        let failed = row.is_some_and(|latest| {
            fields(&latest.row.text).get("status").is_some_and(|status| status == "failed")
        });
        if !failed && !ledger.reserved.contains(booking) && !ledger.is_listed(*booking) {
            let events: Vec<u32> = row.map(|latest| latest.last).into_iter().chain([*accepted]).collect();
            findings.violated("unfinished", &events, || {
                format!("order {booking} was accepted, is unfinished, and is not listed as a dead letter")
            });
        }
    }
}
