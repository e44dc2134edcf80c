//! Rare states that a campaign must reach before its passing result means something.

use super::ledger::{Ledger, fields, version};
use crate::judges::{self, States};
use shakedown_model::Fact;
use shakedown_model::facts::{OrderFact, ReleaseFact};
use shakedown_model::releases::machine::Build;
use shakedown_model::releases::rollout::{Phase, Rollout, Why};
use shakedown_model::releases::rows::Message;
use shakedown_sim::Goals;

/// The rarest goals, each with the number of seeds after which missing it is a finding.
pub const NEEDS: &[(&str, u64)] = &[];

/// Returns whether a machine claims a message and the predicate holds for the message before and after and for the
/// machine's build.
fn is_claimed(ledger: &Ledger, fact: &Fact, predicate: impl Fn(&Message, &Message, Build) -> bool) -> bool {
    let Fact::Order(OrderFact::Message { before: Some(before), after }) = fact else { return false };
    before.times < after.times
        && ledger.reader(after).is_some_and(|reader| predicate(before, after, reader.build))
}

/// Returns whether the roll-out's phase changes and the predicate holds for both phases.
fn phase_changes(fact: &Fact, predicate: impl Fn(Phase, Phase) -> bool) -> bool {
    let Fact::Release(ReleaseFact::Rollout { before: Some(Rollout { phase, .. }), after }) = fact else {
        return false;
    };
    predicate(*phase, after.phase)
}

const GOALS: States<Ledger> = &[
    ("message of the next release claimed by the one before", |ledger, _, fact| {
        is_claimed(ledger, fact, |_, message, build| version(&message.text) > u64::from(build.number()))
    }),
    ("message of the release before claimed by the next", |ledger, _, fact| {
        is_claimed(ledger, fact, |_, message, build| version(&message.text) < u64::from(build.number()))
    }),
    ("message claimed by one release and then by another", |ledger, _, fact| {
        is_claimed(ledger, fact, |before, _, build| {
            ledger.reader(before).is_some_and(|other| other.build != build)
        })
    }),
    ("dead letter of the first release claimed by the fourth", |ledger, _, fact| {
        is_claimed(ledger, fact, |_, message, build| version(&message.text) == 1 && build.number() == 4)
    }),
    ("reminder claimed by a release that sends none", |ledger, _, fact| {
        is_claimed(ledger, fact, |_, message, build| {
            fields(&message.text).get("kind").is_some_and(|kind| kind == "remind") && build.number() == 3
        })
    }),
    ("row of the next release changed by the one before", |_, _, fact| {
        matches!(fact, Fact::Order(OrderFact::Booking { before: Some(before), after })
            if version(&before.text) > version(&after.text))
    }),
    ("row of the next release on a page of the one before", |ledger, _, fact| {
        let (Fact::Order(OrderFact::Shown { booking, .. }), Some(rollout)) = (fact, &ledger.rollout) else {
            return false;
        };
        let from = rollout.row.from.number();
        let is_old = ledger.pages.as_ref().map_or(from, |latest| latest.row.number()) == from;
        let runs_old = ledger.machines.values().any(|running| running.build.number() == from);
        let row = ledger.bookings.get(booking).map_or(0, |latest| version(&latest.row.text));
        is_old && runs_old && row > u64::from(from)
    }),
    (
        "incompatible form of a release rejected",
        |_, _, fact| matches!(fact, Fact::Release(ReleaseFact::Rollout { before: None, after }) if after.turned_away > 0),
    ),
    ("machine two releases behind when the roll-out begins", |ledger, _, fact| {
        let Fact::Release(ReleaseFact::Rollout { before: None, after }) = fact else { return false };
        ledger.machines.values().any(|running| running.build.number() < after.from.number())
    }),
    ("machine that needs a dropped column refused", |ledger, _, fact| {
        matches!(fact, Fact::Release(ReleaseFact::Refused { .. })) && ledger.dropped.is_some()
    }),
    ("machine two releases behind refused during the roll-out", |ledger, _, fact| {
        let Fact::Release(ReleaseFact::Refused { build, .. }) = fact else { return false };
        ledger.rollout.as_ref().is_some_and(|latest| build.number() < latest.row.from.number())
    }),
    ("recalled while baking", |_, _, fact| {
        phase_changes(fact, |from, to| {
            matches!((from, to), (Phase::Baking { .. }, Phase::Withdrawing(Why::Recalled)))
        })
    }),
    ("recalled after the roll-out", |_, _, fact| {
        phase_changes(fact, |from, to| (from, to) == (Phase::Done, Phase::Withdrawing(Why::Recalled)))
    }),
    ("withdrawn for its results", |_, _, fact| {
        phase_changes(fact, |_, to| to == Phase::Withdrawn(Why::Results))
    }),
    ("withdrawn for missing telemetry", |_, _, fact| {
        phase_changes(fact, |_, to| to == Phase::Withdrawn(Why::NoNews))
    }),
    ("recalled before the column was dropped", |_, _, fact| {
        phase_changes(fact, |from, to| {
            matches!((from, to), (Phase::Finishing { .. }, Phase::Withdrawing(Why::Recalled)))
        })
    }),
];

/// Returns all goals.
pub fn all() -> Box<dyn Goals<Fact>> {
    judges::goals(GOALS)
}
