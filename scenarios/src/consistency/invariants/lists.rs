//! What lists show of a booking.

use shakedown_model::Fact;
use shakedown_model::booking::rows::{Booking, Status};
use shakedown_model::booking::summaries::Summary;
use shakedown_model::facts::{BookingFact, EventFact};
use shakedown_sim::{At, Findings, Invariant, Moment};
use std::collections::BTreeMap;

/// A status and a reservation, in words.
fn standing(status: Status, reservation: Option<u32>) -> String {
    let with = reservation.map_or("no reservation".to_owned(), |id| format!("R{id}"));
    format!("{status:?} with {with}")
}

/// The versions of bookings that were committed, each with its fact.
#[derive(Default)]
struct Versions(Vec<(Booking, u32)>);

impl Versions {
    fn observe(&mut self, at: &At<'_>, fact: &Fact) {
        if let Fact::Booking(BookingFact::Booking { after, .. }) = fact {
            self.0.push((*after, at.event));
        }
    }

    fn is_one(&self, shown: &Summary) -> bool {
        self.0.iter().any(|(row, _)| {
            (row.id, row.version, row.status, row.reservation)
                == (shown.booking, shown.version, shown.status, shown.reservation)
        })
    }

    /// Whether something that a list shows has changed since this summary, by the time of `version`.
    fn moved_on(&self, since: &Summary, version: u32) -> bool {
        self.0.iter().any(|(row, _)| {
            row.id == since.booking
                && (since.version < row.version && row.version <= version)
                && (row.status, row.reservation) != (since.status, since.reservation)
        })
    }

    fn last(&self, booking: u32) -> Option<&(Booking, u32)> {
        self.0.iter().rev().find(|(row, _)| row.id == booking)
    }
}

/// A list shows what was so at one time, and never goes back.
#[derive(Default)]
pub(super) struct ScreensShowOneVersion {
    versions: Versions,
    /// The newest version that a customer has seen or was told of, by booking.
    seen: Vec<(u32, u32, u32)>,
}

impl ScreensShowOneVersion {
    /// Remembers what a customer knows; answers the newest version that they knew before.
    fn knows(&mut self, customer: u32, booking: u32, version: u32) -> u32 {
        match self.seen.iter_mut().find(|(who, what, _)| (*who, *what) == (customer, booking)) {
            Some((_, _, newest)) => {
                let before = *newest;
                *newest = before.max(version);
                before
            }
            None => {
                self.seen.push((customer, booking, version));
                0
            }
        }
    }
}

impl Invariant<Fact> for ScreensShowOneVersion {
    fn name(&self) -> &'static str {
        "screens-show-one-version"
    }
    fn about(&self) -> &'static str {
        "always: status and reservation that a list shows are those of one committed version, and neither has changed \
         by the version that this customer has seen or was told of. How old they are otherwise is not judged"
    }
    fn reset(&mut self) {
        self.versions.0.clear();
        self.seen.clear();
    }
    fn observe(&mut self, at: &At<'_>, fact: &Fact, findings: &mut Findings) {
        self.versions.observe(at, fact);
        match fact {
            Fact::Event(EventFact::Told { customer, booking, version }) => {
                self.knows(*customer, *booking, *version);
            }
            Fact::Event(EventFact::Listed { customer, summary, .. }) => {
                let Summary { booking, version, status, reservation } = *summary;
                if !self.versions.is_one(summary) {
                    findings.violated("stitched", &[at.event], || {
                        let shown = standing(status, reservation);
                        format!("a list shows B{booking} as {shown}, which it never was")
                    });
                }
                let before = self.knows(*customer, booking, version);
                if self.versions.moved_on(summary, before) {
                    findings.violated("back in time", &[at.event], || {
                        format!("a list shows version {version} of B{booking} to whom knew version {before}")
                    });
                }
            }
            _ => {}
        }
    }
}

/// In the end lists show what is so.
#[derive(Default)]
pub(super) struct ScreensAgreeAtRest {
    versions: Versions,
    /// What each customer was shown last on the list that stays open (`false`), and on one loaded afresh.
    shown: BTreeMap<(u32, bool), (Summary, u32)>,
    /// The booking of which each customer was told.
    told: BTreeMap<u32, (u32, u32)>,
}

impl Invariant<Fact> for ScreensAgreeAtRest {
    fn name(&self) -> &'static str {
        "screens-agree-at-rest"
    }
    fn about(&self) -> &'static str {
        "once healed: the list that is open, and one loaded afresh, show status and reservation of the booking's row \
         as it is. Its version alone may lag, if attention was all that changed"
    }
    fn reset(&mut self) {
        *self = Self::default();
    }
    fn observe(&mut self, at: &At<'_>, fact: &Fact, _: &mut Findings) {
        self.versions.observe(at, fact);
        match fact {
            Fact::Event(EventFact::Listed { customer, fresh, summary }) => {
                self.shown.insert((*customer, *fresh), (*summary, at.event));
            }
            Fact::Event(EventFact::Told { customer, booking, .. }) => {
                self.told.insert(*customer, (*booking, at.event));
            }
            _ => {}
        }
    }
    fn at_rest(&mut self, _: Moment, findings: &mut Findings) {
        for (customer, (booking, told)) in &self.told {
            let Some((row, written)) = self.versions.last(*booking) else { continue };
            for (fresh, place) in [(false, "the open list"), (true, "a list loaded afresh")] {
                let Some((summary, event)) = self.shown.get(&(*customer, fresh)) else {
                    findings.violated("nothing shown", &[*told], || format!("{place} never came"));
                    continue;
                };
                if (summary.status, summary.reservation) != (row.status, row.reservation) {
                    findings.violated("differs", &[*written, *event], || {
                        let shown = standing(summary.status, summary.reservation);
                        let is = standing(row.status, row.reservation);
                        format!("{place} shows B{booking} as {shown}, and it is {is}")
                    });
                }
            }
        }
    }
}
