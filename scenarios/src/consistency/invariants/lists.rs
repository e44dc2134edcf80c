//! The entries of lists about a booking, compared with its committed versions.

use shakedown_model::Fact;
use shakedown_model::booking::rows::{Booking, Status};
use shakedown_model::booking::summaries::Summary;
use shakedown_model::facts::{BookingFact, EventFact};
use shakedown_sim::{At, Findings, Invariant, Moment};
use std::collections::BTreeMap;

/// Formats a status and a reservation.
fn standing(status: Status, reservation: Option<u32>) -> String {
    let with = reservation.map_or("no reservation".to_owned(), |id| format!("R{id}"));
    format!("{status:?} with {with}")
}

/// The committed versions of bookings, each with its event.
#[derive(Default)]
struct Versions(Vec<(Booking, u32)>);

impl Versions {
    fn observe(&mut self, at: &At<'_>, fact: &Fact) {
        if let Fact::Booking(BookingFact::Booking { after, .. }) = fact {
            self.0.push((*after, at.event));
        }
    }

    fn is_committed(&self, shown: &Summary) -> bool {
        self.0.iter().any(|(row, _)| {
            (row.id, row.version, row.status, row.reservation)
                == (shown.booking, shown.version, shown.status, shown.reservation)
        })
    }

    /// Returns whether status or reservation has changed from this summary to `version`.
    fn has_changed_since(&self, since: &Summary, version: u32) -> bool {
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

/// Verifies that a list shows one committed version and never an older one than before.
#[derive(Default)]
pub(super) struct ScreensShowOneVersion {
    versions: Versions,
    /// The newest version that a customer has seen or was notified of: customer, booking, version.
    seen: Vec<(u32, u32, u32)>,
}

impl ScreensShowOneVersion {
    /// Records that a customer knows a version. Returns the newest version that they knew before, or 0.
    fn note_known(&mut self, customer: u32, booking: u32, version: u32) -> u32 {
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
        "always: status and reservation on a list are those of one committed version, and neither has \
         changed up to the newest version that this customer has seen or was notified of. Not judged: the \
         age of what a list shows"
    }
    fn reset(&mut self) {
        self.versions.0.clear();
        self.seen.clear();
    }
    fn observe(&mut self, at: &At<'_>, fact: &Fact, findings: &mut Findings) {
        self.versions.observe(at, fact);
        match fact {
            Fact::Event(EventFact::Received { customer, booking, version }) => {
                self.note_known(*customer, *booking, *version);
            }
            Fact::Event(EventFact::Listed { customer, summary, .. }) => {
                let Summary { booking, version, status, reservation } = *summary;
                if !self.versions.is_committed(summary) {
                    findings.violated("no committed version", &[at.event], || {
                        let shown = standing(status, reservation);
                        format!("a list shows B{booking} as {shown}, which no committed version was")
                    });
                }
                let before = self.note_known(*customer, booking, version);
                if self.versions.has_changed_since(summary, before) {
                    findings.violated("older than seen", &[at.event], || {
                        format!("a list shows version {version} of B{booking} to a customer who has seen version {before}")
                    });
                }
            }
            _ => {}
        }
    }
}

/// Verifies that lists show the final row.
#[derive(Default)]
pub(super) struct ScreensAgreeAtRest {
    versions: Versions,
    /// What each customer last saw on the open list (`false`) and on a newly loaded list (`true`).
    shown: BTreeMap<(u32, bool), (Summary, u32)>,
    /// The booking of each customer, with the event that notified them.
    told: BTreeMap<u32, (u32, u32)>,
}

impl Invariant<Fact> for ScreensAgreeAtRest {
    fn name(&self) -> &'static str {
        "screens-agree-at-rest"
    }
    fn about(&self) -> &'static str {
        "once healed: the open list and a reloaded list show status and reservation of the booking's \
         row. Not judged: the version alone, which may lag if only attention changed"
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
            Fact::Event(EventFact::Received { customer, booking, .. }) => {
                self.told.insert(*customer, (*booking, at.event));
            }
            _ => {}
        }
    }
    fn at_rest(&mut self, _: Moment, findings: &mut Findings) {
        for (customer, (booking, told)) in &self.told {
            let Some((row, written)) = self.versions.last(*booking) else { continue };
            for (fresh, place) in [(false, "the open list"), (true, "a reloaded list")] {
                let Some((summary, event)) = self.shown.get(&(*customer, fresh)) else {
                    findings.violated("nothing shown", &[*told], || format!("{place} was never shown"));
                    continue;
                };
                if (summary.status, summary.reservation) != (row.status, row.reservation) {
                    findings.violated("differs", &[*written, *event], || {
                        let shown = standing(summary.status, summary.reservation);
                        let is = standing(row.status, row.reservation);
                        format!("{place} shows B{booking} as {shown}, and its row says {is}")
                    });
                }
            }
        }
    }
}
