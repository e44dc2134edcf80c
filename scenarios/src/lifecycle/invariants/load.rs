//! Behaviour under load and after it.

use super::super::ledger::{Latest, Ledger, Report, report};
use crate::invariants::requests::OWN_COMPONENTS;
use shakedown_model::Fact;
use shakedown_model::facts::{Code, EdgeFact, RegistryFact};
use shakedown_model::outside::clinic::DECLARED;
use shakedown_sim::{At, Disturbance, Duration, Findings, Invariant, Moment};

/// The window over which load is counted.
const MINUTE: Duration = Duration::from_secs(60);

/// Verifies that a declared burst is accepted, and that overload is refused before acceptance only.
#[derive(Default)]
pub(super) struct SpikesAbsorbed {
    ledger: Ledger,
    entered: Vec<(Report, Moment)>,
    own_faults: Vec<(Moment, Moment)>,
    /// Whether some minute had more reports than declared.
    exceeded: bool,
}

impl SpikesAbsorbed {
    /// Counts a report once, even if it is sent repeatedly.
    fn count_report(&mut self, report: Report, now: Moment) {
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
        "always: until some minute has more reports than the declared burst, none is refused (503); from \
         then on (the backlog may stay) none is refused that was accepted, unless one of our nodes or the \
         database was failing. Not judged: how long work waits, see goodput-recovers"
    }
    fn reset(&mut self) {
        self.ledger.reset();
        self.entered.clear();
        self.own_faults.clear();
        self.exceeded = false;
    }
    fn disturbed(&mut self, disturbance: &Disturbance) {
        if OWN_COMPONENTS.contains(&disturbance.owner) {
            self.own_faults.push((disturbance.from, disturbance.until));
        }
    }
    fn observe(&mut self, at: &At<'_>, fact: &Fact, findings: &mut Findings) {
        self.ledger.observe(at, fact);
        match fact {
            Fact::Edge(EdgeFact::Entered { .. }) => {
                self.count_report(report(at), at.time);
            }
            Fact::Edge(EdgeFact::Answered { code: Code::Unavailable, took_ms, .. }) => {
                let took = Duration::from_millis(*took_ms);
                if self.own_faults.iter().any(|(from, until)| *from <= at.time && *until + took >= at.time) {
                    return;
                }
                let report = report(at);
                if !self.exceeded {
                    findings.violated("refused", &[at.event], || {
                        format!("a report was refused, and no minute had more than {DECLARED} reports")
                    });
                } else if self.ledger.filings.iter().any(|latest| latest.report == report) {
                    findings.violated("refused after acceptance", &[at.event], || {
                        "a report was refused after it had been accepted".to_owned()
                    });
                }
            }
            _ => {}
        }
    }
}

/// The longest time from the end of a trigger to recovery.
const RECOVER_WITHIN: Duration = Duration::from_secs(600);

/// Verifies that throughput recovers after a trigger has ended.
#[derive(Default)]
pub(super) struct GoodputRecovers {
    ledger: Ledger,
    ended: Option<Moment>,
    /// The last request that reached the registry within the time for recovery.
    asked: Option<u32>,
}

impl Invariant<Fact> for GoodputRecovers {
    fn name(&self) -> &'static str {
        "goodput-recovers"
    }
    fn about(&self) -> &'static str {
        "in time: 10 minutes after the last trigger (a burst, an episode of the registry, a fault of ours) \
         has ended, at least 90 % of the reports accepted before its end are filed. Not judged: reports \
         with a dead letter, which wait for a person"
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
        let own_faults = |latest: &&Latest| latest.row.accepted <= ended && !in_time(latest.abandoned);
        let arrived: Vec<&Latest> = self.ledger.filings.iter().filter(own_faults).collect();
        let (late, all): (Vec<_>, _) =
            (arrived.iter().filter(|latest| !in_time(latest.filed)).collect(), arrived.len());
        if late.len() * 10 > all {
            let made = late.iter().take(1).map(|latest| latest.made);
            let events: Vec<u32> = made.chain(self.asked).collect();
            findings.violated("no recovery", &events, || {
                format!("10 min after the last trigger {} of {all} reports were not filed", late.len())
            });
        }
    }
}
