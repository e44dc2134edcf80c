//! The age of the data on a page.

use shakedown_model::Fact;
use shakedown_model::facts::OfferFact;
use shakedown_model::settings::{CACHE_LIFE_MAX, FRESH_WITHIN};
use shakedown_sim::{At, Disturbance, Duration, Findings, Invariant, Moment};

/// Owners of the choice sites between the database and the cache.
const CHANGE_PATH: [&str; 4] = ["cache", "cache.delete", "relay", "store"];

/// How long after the end of a fault a page may still show what the fault has delayed: a restart, a dead session, and the
/// relay's longest wait before it tries again.
const MARGIN: Duration = Duration::from_secs(20);

/// When a version of an offer's row was committed.
struct Version {
    offer: u32,
    version: u32,
    since: Moment,
    event: u32,
}

/// Verifies that a page shows no row that was superseded long ago.
#[derive(Default)]
pub(super) struct StalenessBounded {
    versions: Vec<Version>,
    faults: Vec<(Moment, Moment)>,
}

impl Invariant<Fact> for StalenessBounded {
    fn name(&self) -> &'static str {
        "staleness-bounded"
    }
    fn about(&self) -> &'static str {
        "always: no page shows a version that was superseded more than 2 s before the page was requested; the limit is \
         75 s while a fault of the cache, its link, the relay or the database lasts, and for 20 s after it. Not judged: \
         pages that stay open"
    }
    fn reset(&mut self) {
        self.versions.clear();
        self.faults.clear();
    }
    fn disturbed(&mut self, disturbance: &Disturbance) {
        if CHANGE_PATH.contains(&disturbance.owner) {
            self.faults.push((disturbance.from, disturbance.until));
        }
    }
    fn observe(&mut self, at: &At<'_>, fact: &Fact, findings: &mut Findings) {
        match fact {
            Fact::Offer(OfferFact::Offer { after, .. }) => {
                let (offer, version) = (after.id, after.version);
                self.versions.push(Version { offer, version, since: at.time, event: at.event });
            }
            Fact::Offer(OfferFact::Shown { offer, version, asked, .. }) => {
                let newer = |other: &&Version| other.offer == *offer && other.version > *version;
                let Some(next) = self.versions.iter().find(newer) else { return };
                let excuses = |(from, until): &(Moment, Moment)| {
                    *from <= *asked && *until >= next.since && *until + MARGIN >= *asked
                };
                let failed = self.faults.iter().any(excuses);
                let bound = if failed { CACHE_LIFE_MAX } else { FRESH_WITHIN };
                if next.since + bound < *asked {
                    let age = asked.since(next.since).as_secs();
                    findings.violated("stale page", &[next.event, at.event], || {
                        format!("a page showed version {version} of O{offer} {age} s after it was superseded")
                    });
                }
            }
            _ => {}
        }
    }
}
