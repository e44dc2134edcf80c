//! Under load, and after it.

use super::super::ledger::{Kept, Ledger, Report, report};
use crate::invariants::requests::OURS;
use shakedown_model::Fact;
use shakedown_model::facts::{Code, EdgeFact, RegistryFact};
use shakedown_model::outside::clinic::DECLARED;
use shakedown_sim::{At, Disturbance, Duration, Findings, Invariant, Moment};

/// Over this long the load is counted.
const MINUTE: Duration = Duration::from_secs(60);

/// A burst finds room; more than that is refused before anything is promised.
#[derive(Default)]
pub(super) struct SpikesAbsorbed {
    ledger: Ledger,
    entered: Vec<(Report, Moment)>,
    ours: Vec<(Moment, Moment)>,
    /// Whether more came within a minute than are declared.
    exceeded: bool,
}

impl SpikesAbsorbed {
    /// Takes a report that came in, counted once however often it is sent.
    fn enter(&mut self, report: Report, now: Moment) {
        if !self.entered.iter().any(|(other, _)| *other == report) {
            self.entered.push((report, now));
        }
        let load = self.entered.iter().filter(|(_, since)| *since + MINUTE >= now).count();
        self.exceeded |= load > DECLARED;
    }
}

impl Invariant<Fact> for SpikesAbsorbed {
    fn name(&self) -> &'static str {
        "spikes-absorbed"
    }
    fn about(&self) -> &'static str {
        "always: until more reports come in a minute than are declared for a burst, none is refused (503), and from then \
         on (the backlog may stay) none is refused that was taken on, save while a node or the store of ours was itself failing. How \
         long work then waits is judged by goodput-recovers"
    }
    fn reset(&mut self) {
        self.ledger.reset();
        self.entered.clear();
        self.ours.clear();
        self.exceeded = false;
    }
    fn disturbed(&mut self, disturbance: &Disturbance) {
        if OURS.contains(&disturbance.owner) {
            self.ours.push((disturbance.from, disturbance.until));
        }
    }
    fn observe(&mut self, at: &At<'_>, fact: &Fact, findings: &mut Findings) {
        self.ledger.observe(at, fact);
        match fact {
            Fact::Edge(EdgeFact::Entered { .. }) => {
                self.enter(report(at), at.time);
            }
            Fact::Edge(EdgeFact::Answered { code: Code::Unavailable, took_ms, .. }) => {
                let took = Duration::from_millis(*took_ms);
                if self.ours.iter().any(|(from, until)| *from <= at.time && *until + took >= at.time) {
                    return;
                }
                let report = report(at);
                if !self.exceeded {
                    findings.violated("refused", &[at.event], || {
                        format!("a report was refused, though no minute had more than {DECLARED} of them")
                    });
                } else if self.ledger.filings.iter().any(|kept| kept.report == report) {
                    findings.violated("refused after all", &[at.event], || {
                        "a report was refused that had been taken on".to_owned()
                    });
                }
            }
            _ => {}
        }
    }
}

/// So long after a trigger has ended it must be over.
const RECOVER_WITHIN: Duration = Duration::from_secs(600);

/// When the trigger is gone, so is the trouble.
#[derive(Default)]
pub(super) struct GoodputRecovers {
    ledger: Ledger,
    ended: Option<Moment>,
    /// The last request that reached the registry by the time at which all should be over.
    asked: Option<u32>,
}

impl Invariant<Fact> for GoodputRecovers {
    fn name(&self) -> &'static str {
        "goodput-recovers"
    }
    fn about(&self) -> &'static str {
        "10 minutes after the last trigger (a burst, trouble at the registry, a fault of ours) has ended: of the reports \
         taken on before it ended at least 90 % are filed. Those in the hands of a person, who may take longer, are \
         not counted"
    }
    fn reset(&mut self) {
        self.ledger.reset();
        (self.ended, self.asked) = (None, None);
    }
    fn observe(&mut self, at: &At<'_>, fact: &Fact, _: &mut Findings) {
        self.ledger.observe(at, fact);
        let in_time = self.ended.is_some_and(|ended| at.time <= ended + RECOVER_WITHIN);
        if in_time && matches!(fact, Fact::Registry(RegistryFact::Asked { .. })) {
            self.asked = Some(at.event);
        }
    }
    fn disturbed(&mut self, disturbance: &Disturbance) {
        self.ended = self.ended.max(Some(disturbance.until));
    }
    fn at_rest(&mut self, _: Moment, findings: &mut Findings) {
        let Some(ended) = self.ended else { return };
        let by = ended + RECOVER_WITHIN;
        let in_time = |moment: Option<Moment>| moment.is_some_and(|moment| moment <= by);
        let ours = |kept: &&Kept| kept.row.accepted <= ended && !in_time(kept.given_up);
        let arrived: Vec<&Kept> = self.ledger.filings.iter().filter(ours).collect();
        let (late, all): (Vec<_>, _) =
            (arrived.iter().filter(|kept| !in_time(kept.filed)).collect(), arrived.len());
        if late.len() * 10 > all {
            let made = late.iter().take(1).map(|kept| kept.made);
            let events: Vec<u32> = made.chain(self.asked).collect();
            findings.violated("no recovery", &events, || {
                format!("10 min after the trouble had ended {} of {all} reports were not filed", late.len())
            });
        }
    }
}
