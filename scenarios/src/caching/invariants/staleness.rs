//! The age of the data on a page.

use shakedown_model::Fact;
use shakedown_model::facts::OfferFact;
use shakedown_model::settings::{CACHE_LIFE_MAX, FRESH_WITHIN};
use shakedown_sim::{At, Disturbance, Findings, Invariant, Moment};

/// Owners of the choice sites between the database and the cache.
const CHANGE_PATH: [&str; 4] = ["cache", "cache.delete", "relay", "store"];

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
        "always: nothing that a page shows was superseded more than 2 s before the page was asked for; more than 75 s \
         if the cache, the way to it, the relay or the database failed in between. What is shown on a page that \
         stays open is not judged"
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
                let failed = self.faults.iter().any(|(from, until)| *from <= *asked && *until >= next.since);
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
