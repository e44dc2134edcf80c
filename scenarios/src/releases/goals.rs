//! Rare states that a campaign must have reached for its green to mean something.

use super::ledger::{Ledger, fields, version};
use crate::judges::{self, States};
use shakedown_model::Fact;
use shakedown_model::facts::{OrderFact, ReleaseFact};
use shakedown_model::releases::machine::Build;
use shakedown_model::releases::rollout::{Phase, Rollout, Why};
use shakedown_model::releases::rows::Message;
use shakedown_sim::Goals;

/// For the rarest of them, how many seeds a campaign needs before not reaching one says anything.
pub const NEEDS: &[(&str, u64)] = &[];

/// Whether a machine takes a message up, and of which build it is that is so.
fn takes_up(ledger: &Ledger, fact: &Fact, asks: impl Fn(&Message, &Message, Build) -> bool) -> bool {
    let Fact::Order(OrderFact::Message { before: Some(before), after }) = fact else { return false };
    before.times < after.times && ledger.reader(after).is_some_and(|reader| asks(before, after, reader.build))
}

/// Whether the roll-out comes from a phase to a phase.
fn comes(fact: &Fact, asks: impl Fn(Phase, Phase) -> bool) -> bool {
    let Fact::Release(ReleaseFact::Rollout { before: Some(Rollout { phase, .. }), after }) = fact else {
        return false;
    };
    asks(*phase, after.phase)
}

const GOALS: States<Ledger> = &[
    ("message of the next release taken up by the one before", |ledger, _, fact| {
        takes_up(ledger, fact, |_, message, build| version(&message.text) > u64::from(build.number()))
    }),
    ("message of the release before taken up by the next", |ledger, _, fact| {
        takes_up(ledger, fact, |_, message, build| version(&message.text) < u64::from(build.number()))
    }),
    ("message taken up by one release and then by another", |ledger, _, fact| {
        takes_up(ledger, fact, |before, _, build| {
            ledger.reader(before).is_some_and(|other| other.build != build)
        })
    }),
    ("dead letter of the first release taken up by the fourth", |ledger, _, fact| {
        takes_up(ledger, fact, |_, message, build| version(&message.text) == 1 && build.number() == 4)
    }),
    ("reminder taken up by a release that sends none", |ledger, _, fact| {
        takes_up(ledger, fact, |_, message, build| {
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
        let is_old = ledger.pages.as_ref().map_or(from, |kept| kept.row.number()) == from;
        let runs_old = ledger.machines.values().any(|running| running.build.number() == from);
        let row = ledger.bookings.get(booking).map_or(0, |kept| version(&kept.row.text));
        is_old && runs_old && row > u64::from(from)
    }),
    (
        "form of a release turned away",
        |_, _, fact| matches!(fact, Fact::Release(ReleaseFact::Rollout { before: None, after }) if after.turned_away > 0),
    ),
    ("machine two releases back while the next is begun", |ledger, _, fact| {
        let Fact::Release(ReleaseFact::Rollout { before: None, after }) = fact else { return false };
        ledger.machines.values().any(|running| running.build.number() < after.from.number())
    }),
    ("machine that needs a dropped column refused", |ledger, _, fact| {
        matches!(fact, Fact::Release(ReleaseFact::Refused { .. })) && ledger.dropped.is_some()
    }),
    ("machine two releases back refused while the next comes", |ledger, _, fact| {
        let Fact::Release(ReleaseFact::Refused { build, .. }) = fact else { return false };
        ledger.rollout.as_ref().is_some_and(|kept| build.number() < kept.row.from.number())
    }),
    ("recalled while it was watched", |_, _, fact| {
        comes(fact, |from, to| {
            matches!((from, to), (Phase::Baking { .. }, Phase::Withdrawing(Why::Recalled)))
        })
    }),
    ("recalled when it ran everywhere", |_, _, fact| {
        comes(fact, |from, to| (from, to) == (Phase::Done, Phase::Withdrawing(Why::Recalled)))
    }),
    ("withdrawn for its results", |_, _, fact| comes(fact, |_, to| to == Phase::Withdrawn(Why::Results))),
    ("withdrawn for want of news", |_, _, fact| comes(fact, |_, to| to == Phase::Withdrawn(Why::NoNews))),
    ("recalled before the column was dropped", |_, _, fact| {
        comes(fact, |from, to| {
            matches!((from, to), (Phase::Finishing { .. }, Phase::Withdrawing(Why::Recalled)))
        })
    }),
];

/// All goals.
pub fn all() -> Box<dyn Goals<Fact>> {
    judges::goals(GOALS)
}
