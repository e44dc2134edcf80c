//! Rare states that a campaign must have reached for its green to mean something.

use crate::booking::ledger::{Ledger, intent};
use crate::judges::{self, States};
use shakedown_model::Fact;
use shakedown_model::facts::BookingFact;
use shakedown_sim::Goals;

/// For the rarest of them, how many seeds a campaign needs before not reaching one says anything.
pub const NEEDS: &[(&str, u64)] = &[];

const GOALS: States<Ledger> = &[
    ("booking lost, its reservation live", |ledger, at, fact| {
        matches!(fact, Fact::Booking(BookingFact::Lost(_))) && ledger.live(intent(at)).next().is_some()
    }),
    ("reservation of a lost booking listed for a person", |_, _, fact| {
        matches!(fact, Fact::Booking(BookingFact::Orphan(_)))
    }),
    ("booking kept, and set back to what it was", |_, _, fact| {
        matches!(fact, Fact::Booking(BookingFact::Booking { before: Some(before), after })
            if after.version < before.version)
    }),
];

/// All goals.
pub fn all() -> Box<dyn Goals<Fact>> {
    judges::goals(GOALS)
}
