//! Rare states that a campaign must reach before its passing result means something.

use crate::booking::ledger::{Ledger, intent};
use crate::judges::{self, States};
use shakedown_model::Fact;
use shakedown_model::facts::BookingFact;
use shakedown_sim::Goals;

/// The rarest goals, each with the number of seeds after which missing it is a finding.
pub const NEEDS: &[(&str, u64)] = &[];

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
];

/// Returns all goals.
pub fn all() -> Box<dyn Goals<Fact>> {
    judges::goals(GOALS)
}
