//! What was accepted is kept, and comes to an end.

use super::super::ledger::{Ledger, Report, report};
use shakedown_model::Fact;
use shakedown_model::facts::{Code, EdgeFact};
use shakedown_model::filing::rows::FilingState;
use shakedown_sim::{At, Disturbance, Duration, Findings, Invariant, Moment};

/// Within this what a clinic was told has come true.
const CLAIM_GRACE: Duration = Duration::from_secs(5);

/// A promise to take a report on is kept.
#[derive(Default)]
pub(super) struct AcceptedMeansDurable {
    ledger: Ledger,
    promised: Vec<(Report, Moment, u32)>,
}

impl AcceptedMeansDurable {
    fn judge(&mut self, now: Moment, findings: &mut Findings) {
        let ledger = &self.ledger;
        self.promised.retain(|(report, since, event)| {
            let kept = ledger.filings.iter().any(|kept| kept.report == *report);
            let overdue = !kept && now > *since + CLAIM_GRACE;
            if overdue {
                findings.violated("accepted, not kept", &[*event], || {
                    "a report was answered 202, and there is no row for it".to_owned()
                });
            }
            !kept && !overdue
        });
    }
}

impl Invariant<Fact> for AcceptedMeansDurable {
    fn name(&self) -> &'static str {
        "accepted-means-durable"
    }
    fn about(&self) -> &'static str {
        "always: a report answered 202 has its row within 5 s. Rows are never deleted here, so that it is kept is not \
         judged"
    }
    fn reset(&mut self) {
        self.ledger.reset();
        self.promised.clear();
    }
    fn observe(&mut self, at: &At<'_>, fact: &Fact, findings: &mut Findings) {
        self.ledger.observe(at, fact);
        if let Fact::Edge(EdgeFact::Answered { code: Code::Accepted, .. }) = fact {
            self.promised.push((report(at), at.time, at.event));
        }
        self.judge(at.time, findings);
    }
    fn at_rest(&mut self, _: Moment, findings: &mut Findings) {
        self.judge(Moment::NEVER, findings);
    }
}

/// No report is left in the middle.
#[derive(Default)]
pub(super) struct AcceptedWorkFinishes(Ledger);

impl Invariant<Fact> for AcceptedWorkFinishes {
    fn name(&self) -> &'static str {
        "accepted-work-finishes"
    }
    fn about(&self) -> &'static str {
        "once healed: each report that was taken on has its document at the registry, and our row says so, or its job \
         is in the list of dead letters. Whether anybody looks at that list is not judged"
    }
    fn reset(&mut self) {
        self.0.reset();
    }
    fn observe(&mut self, at: &At<'_>, fact: &Fact, _: &mut Findings) {
        self.0.observe(at, fact);
    }
    fn at_rest(&mut self, _: Moment, findings: &mut Findings) {
        for kept in &self.0.filings {
            let at_registry = self.0.documents.iter().any(|other| other.reference == kept.row.reference);
            let done = kept.filed.is_some() && at_registry;
            if !done && !self.0.is_listed(&kept.row) {
                findings.violated("unfinished", &[kept.last], || {
                    format!("F{} is not filed, and no list has it", kept.row.id)
                });
            }
        }
    }
}

/// The longest that faults may last, from the first to the end of the last, for the platform to get over them
/// by itself.
const TRANSIENT: Duration = Duration::from_secs(120);

/// What passes by itself needs nobody.
#[derive(Default)]
pub(super) struct TransientFaultsHeal {
    ledger: Ledger,
    faults: Option<(Moment, Moment)>,
}

impl Invariant<Fact> for TransientFaultsHeal {
    fn name(&self) -> &'static str {
        "transient-faults-heal"
    }
    fn about(&self) -> &'static str {
        "once healed: if all faults lie within 2 minutes and the registry knows repeats, no job was given up, save for \
         a report that the registry refuses for good. Bursts are no faults"
    }
    fn reset(&mut self) {
        self.ledger.reset();
        self.faults = None;
    }
    fn observe(&mut self, at: &At<'_>, fact: &Fact, _: &mut Findings) {
        self.ledger.observe(at, fact);
    }
    fn disturbed(&mut self, disturbance: &Disturbance) {
        if disturbance.owner != "clinic" {
            let (from, until) = self.faults.unwrap_or((disturbance.from, disturbance.until));
            self.faults = Some((from.min(disturbance.from), until.max(disturbance.until)));
        }
    }
    fn at_rest(&mut self, _: Moment, findings: &mut Findings) {
        let transient = self.faults.is_none_or(|(from, until)| until - from <= TRANSIENT);
        if !transient || !self.ledger.knows_repeats {
            return;
        }
        let given_up = |kept: &&super::super::ledger::Kept| {
            kept.given_up.is_some() && kept.row.state != FilingState::Rejected
        };
        for kept in self.ledger.filings.iter().filter(given_up) {
            findings.violated("person needed", &[kept.last], || {
                format!("a passing fault left F{} for a person to look at", kept.row.id)
            });
        }
    }
}
