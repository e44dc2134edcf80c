//! What was taken on comes to an end.

use super::super::ledger::{Ledger, fields};
use crate::judges::AtRest;
use shakedown_model::Fact;
use shakedown_sim::{Findings, Invariant};

/// No order is left in the middle.
pub(super) fn accepted_work_finishes() -> Box<dyn Invariant<Fact>> {
    AtRest::asking(
        "accepted-work-finishes",
        "once healed: each order that was taken on has its reservation at the partner, or its row says that it failed, \
         or its job is in the list of dead letters. Whether it failed for a good reason is not judged here",
        judge,
    )
}

fn judge(ledger: &Ledger, findings: &mut Findings) {
    for (booking, taken) in &ledger.taken {
        let row = ledger.bookings.get(booking);
        let failed = row.is_some_and(|kept| {
            fields(&kept.row.text).get("status").is_some_and(|status| status == "failed")
        });
        if !failed && !ledger.reserved.contains(booking) && !ledger.is_listed(*booking) {
            let events: Vec<u32> = row.map(|kept| kept.last).into_iter().chain([*taken]).collect();
            findings.violated("unfinished", &events, || {
                format!("order {booking} was taken on, has no end, and no list has it")
            });
        }
    }
}
