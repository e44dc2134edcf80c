//! Rare states that a campaign must reach before its passing result means something.

use crate::booking::ledger::{Latest, Ledger, intent};
use crate::judges::{self, States};
use shakedown_model::Fact;
use shakedown_model::booking::rows::{Ask, Booking, Status};
use shakedown_model::facts::BookingFact;
use shakedown_sim::{At, Goals};

/// The rarest goals, each with the number of seeds after which missing it is a finding.
pub const NEEDS: &[(&str, u64)] = &[("reservation of a cancelled booking to be cancelled", 200_000)];

const GOALS: States<Ledger> = &[
    ("booking lost, its reservation active", |ledger, at, fact| {
        matches!(fact, Fact::Booking(BookingFact::Lost(_))) && ledger.active(intent(at)).next().is_some()
    }),
    ("reservation of a lost booking listed for a person", |_, _, fact| {
        matches!(fact, Fact::Booking(BookingFact::Orphan(_)))
    }),
    ("booking restored to an older version", |_, _, fact| {
        matches!(fact, Fact::Booking(BookingFact::Booking { before: Some(before), after })
            if after.version < before.version)
    }),
    ("second reservation of a confirmed booking to be cancelled", |ledger, at, fact| {
        is_surplus(ledger, at, fact, |row, surplus| {
            row.status == Status::Confirmed && row.reservation != Some(surplus)
        })
    }),
    ("reservation of a cancelled booking to be cancelled", |ledger, at, fact| {
        is_surplus(ledger, at, fact, |row, _| row.status == Status::Cancelled)
    }),
];

/// Returns whether an attempt to cancel a reservation begins while the intent's booking is like this.
fn is_surplus(ledger: &Ledger, at: &At<'_>, fact: &Fact, is_like: impl Fn(&Booking, u32) -> bool) -> bool {
    let Fact::Booking(BookingFact::Attempt { before: None, after }) = fact else { return false };
    let Ask::Cancel(reservation) = after.ask else { return false };
    let of_intent = |latest: &&Latest| latest.intent == intent(at);
    ledger.bookings.iter().filter(of_intent).any(|latest| is_like(&latest.row, reservation))
}

/// Returns all goals.
pub fn all() -> Box<dyn Goals<Fact>> {
    judges::goals(GOALS)
}
