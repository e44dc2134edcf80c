//! The staleness limit of the caching scenario, on both sides of a fault.

use crate::plants::{Fault, Planted, Plants, minutes, none, only};
use shakedown_model::Fact;
use shakedown_model::booking::rows::Offer;
use shakedown_model::facts::OfferFact;
use shakedown_scenarios::caching::invariants;
use shakedown_sim::{Alternatives, Label, Moment, Site};

const PLANTS: Plants = Plants {
    fault: Some(Fault {
        site: Site::new(Label::new("cache"), Label::new("outage")),
        alternatives: Alternatives::new(&["up", "1 min"]),
        entity: "cache",
        from: minutes(1),
        lasts: minutes(1),
    }),
    ..Plants::of("offer", invariants::all)
};

/// The offer ends at this minute.
fn ended(minute: u64) -> Planted {
    let after = Offer { id: 1, price: 100, open: false, version: 2 };
    (minute, Fact::Offer(OfferFact::Offer { before: None, after })).into()
}

/// At this minute a page still shows the offer as open. It was requested this many seconds before.
fn shown(minute: u64, before_s: u64) -> Planted {
    let asked = Moment::START + (minutes(minute) - shakedown_sim::Duration::from_secs(before_s));
    (minute, Fact::Offer(OfferFact::Shown { offer: 1, version: 1, open: true, asked })).into()
}

#[test]
fn a_fault_excuses_stale_pages_while_it_lasts_and_shortly_after() {
    let down = "cache/outage @ cache-1 #1 = 1 min";
    let stale = only("staleness-bounded");
    assert_eq!(PLANTS.violated(&[ended(1), shown(2, 0)]), stale, "a minute old without a fault");
    assert_eq!(PLANTS.violated_under(down, &[ended(1), shown(2, 0)]), none(), "while the cache is down");
    assert_eq!(PLANTS.violated_under(down, &[ended(2), shown(3, 45)]), none(), "15 s after the fault");
    assert_eq!(PLANTS.violated_under(down, &[ended(2), shown(3, 30)]), stale, "30 s after the fault");
    assert_eq!(PLANTS.violated_under(down, &[ended(1), shown(3, 0)]), stale, "older than the longest life");
}
