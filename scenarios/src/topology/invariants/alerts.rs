//! Who is told that work is late, and of what else.

use super::super::ledger::Ledger;
use shakedown_model::Fact;
use shakedown_model::backbone::jobs::WorkItem;
use shakedown_model::backbone::monitor::Alert;
use shakedown_model::facts::PagerFact;
use shakedown_model::settings::{MONITOR_BEATS, MONITOR_SILENT, PAGER_TIMEOUT};
use shakedown_sim::{At, Disturbance, Duration, Findings, Invariant, Moment};

/// So long after its promise is over somebody knows of work that is not done.
const NOTICE_WITHIN: Duration = Duration::from_secs(600);

/// What is stuck does not stay so unseen.
#[derive(Default)]
pub(super) struct StuckWorkIsNoticed {
    ledger: Ledger,
    noticed: Vec<WorkItem>,
}

impl StuckWorkIsNoticed {
    /// Judges what has been late for too long, as things stood until `now`.
    fn judge(&mut self, now: Moment, findings: &mut Findings) {
        self.ledger.advance(now);
        for work in self.ledger.works.iter().filter(|work| work.promise.is_some()) {
            let overdue = work.late.is_some_and(|late| late + NOTICE_WITHIN < now);
            if overdue && !self.noticed.contains(&work.item) {
                findings.violated("not noticed", &[work.last], || {
                    format!(
                        "{} was not done 10 min after its promise was over, and nobody was told",
                        work.item
                    )
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
        "in time: a booking not carried out within 15 min (90 while it is being checked) and a report not filed within \
         15 min is in an alert within 10 min more, or the pager has rung by itself meanwhile, or it is done by then. \
         What people do about it is not judged"
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
                // Whoever is rung looks at all that is late.
                let late = self.ledger.works.iter().filter(|work| work.late.is_some());
                self.noticed.extend(late.map(|work| work.item));
            }
            _ => {}
        }
    }
    fn at_rest(&mut self, _: Moment, findings: &mut Findings) {
        self.judge(Moment::NEVER, findings);
    }
}

/// Nobody is woken for nothing.
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
        "always: an alert names work whose promise was over before it was done, and the pager rings by itself only \
         when for 2 min (3 less a beat) something had been wrong with the monitor, its database or its way to the \
         pager. That the alert still matters when it comes is not judged"
    }
    fn reset(&mut self) {
        self.ledger.reset();
        self.monitor.clear();
    }
    fn disturbed(&mut self, disturbance: &Disturbance) {
        if ["monitor", "pager.alert", "store"].contains(&disturbance.owner) {
            self.monitor.push((disturbance.from, disturbance.until));
        }
    }
    fn observe(&mut self, at: &At<'_>, fact: &Fact, findings: &mut Findings) {
        self.ledger.observe(at, fact);
        match fact {
            Fact::Pager(PagerFact::Alerted(Alert::Late(item))) if !self.ledger.was_late(*item) => {
                findings.violated("not late", &[at.event], || {
                    format!("somebody is told that {item} is late, and it is not")
                });
            }
            Fact::Pager(PagerFact::Alerted(Alert::Unhealthy(_) | Alert::Errors)) => {
                findings.violated("no work", &[at.event], || {
                    "somebody is told of what is no late work".to_owned()
                });
            }
            Fact::Pager(PagerFact::Rang { .. }) => {
                let quiet = MONITOR_SILENT - MONITOR_BEATS - PAGER_TIMEOUT;
                let was_away = |(from, until): &(Moment, Moment)| {
                    *from + quiet <= at.time && at.time <= *until + MONITOR_SILENT
                };
                if !self.monitor.iter().any(was_away) {
                    findings.violated("not silent", &[at.event], || {
                        "the pager rings, and nothing had kept the monitor from its beats".to_owned()
                    });
                }
            }
            _ => {}
        }
    }
}
