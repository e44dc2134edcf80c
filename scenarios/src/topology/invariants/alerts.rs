//! Alerts, compared with late work and the monitor's state.

use super::super::ledger::{Ledger, PromisedWork};
use shakedown_model::Fact;
use shakedown_model::backbone::jobs::WorkItem;
use shakedown_model::backbone::monitor::Alert;
use shakedown_model::facts::PagerFact;
use shakedown_model::settings::{ALERT_AGAIN, MONITOR_BEATS, MONITOR_SILENT, PAGER_TIMEOUT};
use shakedown_sim::{At, Disturbance, Duration, Findings, Invariant, Moment};

/// The longest time from an overdue promise to its alert.
const NOTICE_WITHIN: Duration = Duration::from_secs(600);

/// Verifies that overdue work is in an alert in time.
#[derive(Default)]
pub(super) struct StuckWorkIsNoticed {
    ledger: Ledger,
    noticed: Vec<WorkItem>,
}

impl StuckWorkIsNoticed {
    /// Judges work that has been overdue for too long by `now`.
    fn judge(&mut self, now: Moment, findings: &mut Findings) {
        self.ledger.advance(now);
        for promised in self.ledger.items.iter().filter(|promised| promised.promise.is_some()) {
            let overdue = promised.late.is_some_and(|late| late + NOTICE_WITHIN < now);
            if overdue && !self.noticed.contains(&promised.item) {
                findings.violated("not noticed", &[promised.last], || {
                    format!("{} was 10 min overdue, and no alert named it", promised.item)
                });
            }
        }
    }
}

impl Invariant<Fact> for StuckWorkIsNoticed {
    fn name(&self) -> &'static str {
        "stuck-work-is-noticed"
    }
    fn about(&self) -> &'static str {
        "in time: a booking not carried out within 15 min (90 min while it is being checked) and a report \
         not filed within 15 min is in an alert within 10 min more, or the pager has rung meanwhile, or \
         the work is done by then. Not judged: what people do about it"
    }
    fn reset(&mut self) {
        self.ledger.reset();
        self.noticed.clear();
    }
    fn observe(&mut self, at: &At<'_>, fact: &Fact, findings: &mut Findings) {
        self.judge(at.time, findings);
        self.ledger.observe(at, fact);
        match fact {
            Fact::Pager(PagerFact::Alerted(Alert::Late(item))) => self.noticed.push(*item),
            Fact::Pager(PagerFact::Rang { .. }) => {
                // The person on call looks at all late work when the pager rings.
                let late = self.ledger.items.iter().filter(|promised| promised.late.is_some());
                self.noticed.extend(late.map(|promised| promised.item));
            }
            _ => {}
        }
    }
    fn at_rest(&mut self, _: Moment, findings: &mut Findings) {
        self.judge(Moment::NEVER, findings);
    }
}

/// Owners of the choice sites between the monitor and the pager.
const ALERT_PATH: [&str; 3] = ["monitor", "pager.alert", "store"];

/// The longest time from an untaken alert to its repetition: the monitor's period, and two calls to the pager.
const REPEATED_WITHIN: Duration = Duration::from_secs(ALERT_AGAIN.as_secs() + 60);

/// An alert that nobody has taken.
struct Untaken {
    item: WorkItem,
    shown: Moment,
    event: u32,
}

/// Verifies that an alert is repeated until a person takes it or the work is no longer late.
#[derive(Default)]
pub(super) struct UntakenAlertsAreRepeated {
    ledger: Ledger,
    untaken: Vec<Untaken>,
    faults: Vec<(Moment, Moment)>,
}

impl UntakenAlertsAreRepeated {
    /// Judges alerts that should have been repeated by `now`. Faults between monitor and pager restart the time.
    fn judge(&mut self, now: Moment, findings: &mut Findings) {
        let Self { ledger, untaken, faults } = self;
        ledger.advance(now);
        untaken.retain(|alert| {
            let is_late = |work: &PromisedWork| work.promise.is_some() && work.late.is_some();
            ledger.items.iter().any(|work| work.item == alert.item && is_late(work))
        });
        untaken.retain(|alert| {
            let during = faults.iter().filter(|(from, until)| *from <= now && *until >= alert.shown);
            let since = during.map(|(_, until)| *until).fold(alert.shown, Moment::max);
            let is_forgotten = since + REPEATED_WITHIN < now;
            if is_forgotten {
                findings.violated("not repeated", &[alert.event], || {
                    format!("nobody took the alert about {}, and it was not repeated", alert.item)
                });
            }
            !is_forgotten
        });
    }
}

impl Invariant<Fact> for UntakenAlertsAreRepeated {
    fn name(&self) -> &'static str {
        "untaken-alerts-are-repeated"
    }
    fn about(&self) -> &'static str {
        "in time: an alert about late work that nobody has taken is shown again within 3 min, counted from the end of \
         the last fault of the monitor, its database or its link to the pager. Not judged: whether a person takes it"
    }
    fn reset(&mut self) {
        self.ledger.reset();
        self.untaken.clear();
        self.faults.clear();
    }
    fn disturbed(&mut self, disturbance: &Disturbance) {
        if ALERT_PATH.contains(&disturbance.owner) {
            self.faults.push((disturbance.from, disturbance.until));
        }
    }
    fn observe(&mut self, at: &At<'_>, fact: &Fact, findings: &mut Findings) {
        self.judge(at.time, findings);
        self.ledger.observe(at, fact);
        match fact {
            Fact::Pager(PagerFact::Alerted(Alert::Late(item))) => {
                self.untaken.retain(|alert| alert.item != *item);
                self.untaken.push(Untaken { item: *item, shown: at.time, event: at.event });
            }
            Fact::Pager(PagerFact::Taken(Alert::Late(item))) => {
                self.untaken.retain(|alert| alert.item != *item);
            }
            _ => {}
        }
    }
    fn at_rest(&mut self, end: Moment, findings: &mut Findings) {
        self.judge(end, findings);
    }
}

/// Verifies that each alert and each ring has a cause.
#[derive(Default)]
pub(super) struct NoFalseAlarm {
    ledger: Ledger,
    monitor: Vec<(Moment, Moment)>,
}

impl Invariant<Fact> for NoFalseAlarm {
    fn name(&self) -> &'static str {
        "no-false-alarm"
    }
    fn about(&self) -> &'static str {
        "always: an alert names work that was overdue before it was done; the pager rings only after a \
         fault of the monitor, its database or its link to the pager that lasted 2 min (3 min less one \
         heartbeat). Not judged: whether the work is still late when the alert comes"
    }
    fn reset(&mut self) {
        self.ledger.reset();
        self.monitor.clear();
    }
    fn disturbed(&mut self, disturbance: &Disturbance) {
        if ALERT_PATH.contains(&disturbance.owner) {
            self.monitor.push((disturbance.from, disturbance.until));
        }
    }
    fn observe(&mut self, at: &At<'_>, fact: &Fact, findings: &mut Findings) {
        self.ledger.observe(at, fact);
        match fact {
            Fact::Pager(PagerFact::Alerted(Alert::Late(item))) if !self.ledger.was_late(*item) => {
                findings.violated("not late", &[at.event], || {
                    format!("an alert says that {item} is late, and it is not")
                });
            }
            Fact::Pager(PagerFact::Alerted(Alert::Unhealthy(_) | Alert::Errors)) => {
                findings.violated("no work", &[at.event], || "an alert names no late work".to_owned());
            }
            Fact::Pager(PagerFact::Rang { .. }) => {
                let quiet = MONITOR_SILENT - MONITOR_BEATS - PAGER_TIMEOUT;
                let was_away = |(from, until): &(Moment, Moment)| {
                    *from + quiet <= at.time && at.time <= *until + MONITOR_SILENT
                };
                if !self.monitor.iter().any(was_away) {
                    findings.violated("not silent", &[at.event], || {
                        "the pager rings, and no fault had kept the monitor from its heartbeats".to_owned()
                    });
                }
            }
            _ => {}
        }
    }
}
