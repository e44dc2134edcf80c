//! Accepted reports: stored and finished.

use super::super::ledger::{Ledger, Report, report};
use shakedown_model::Fact;
use shakedown_model::facts::{Code, EdgeFact};
use shakedown_model::filing::rows::FilingState;
use shakedown_sim::{At, Disturbance, Duration, Findings, Invariant, Moment};

/// A 202 must have its row within this time.
const CLAIM_GRACE: Duration = Duration::from_secs(5);

/// Verifies that an accepted report has its row.
#[derive(Default)]
pub(super) struct AcceptedMeansDurable {
    ledger: Ledger,
    pending: Vec<(Report, Moment, u32)>,
}

impl AcceptedMeansDurable {
    fn judge(&mut self, now: Moment, findings: &mut Findings) {
        let ledger = &self.ledger;
        self.pending.retain(|(report, since, event)| {
            let latest = ledger.filings.iter().any(|latest| latest.report == *report);
            let overdue = !latest && now > *since + CLAIM_GRACE;
            if overdue {
                findings.violated("accepted, not stored", &[*event], || {
                    "a report got 202 and has no row".to_owned()
                });
            }
            !latest && !overdue
        });
    }
}

impl Invariant<Fact> for AcceptedMeansDurable {
    fn name(&self) -> &'static str {
        "accepted-means-durable"
    }
    fn about(&self) -> &'static str {
        "always: a report that got 202 has its row within 5 s. Not judged: whether the row stays, because \
         rows are never deleted here"
    }
    fn reset(&mut self) {
        self.ledger.reset();
        self.pending.clear();
    }
    fn observe(&mut self, at: &At<'_>, fact: &Fact, findings: &mut Findings) {
        self.ledger.observe(at, fact);
        if let Fact::Edge(EdgeFact::Answered { code: Code::Accepted, .. }) = fact {
            self.pending.push((report(at), at.time, at.event));
        }
        self.judge(at.time, findings);
    }
    fn at_rest(&mut self, _: Moment, findings: &mut Findings) {
        self.judge(Moment::NEVER, findings);
    }
}

/// Verifies that every report is filed or listed.
#[derive(Default)]
pub(super) struct AcceptedWorkFinishes(Ledger);

impl Invariant<Fact> for AcceptedWorkFinishes {
    fn name(&self) -> &'static str {
        "accepted-work-finishes"
    }
    fn about(&self) -> &'static str {
        "once healed: each accepted report has its document at the registry and our row says so, or its \
         job is a dead letter. Not judged: whether a person acts on the dead letter"
    }
    fn reset(&mut self) {
        self.0.reset();
    }
    fn observe(&mut self, at: &At<'_>, fact: &Fact, _: &mut Findings) {
        self.0.observe(at, fact);
    }
    fn at_rest(&mut self, _: Moment, findings: &mut Findings) {
        for latest in &self.0.filings {
            let at_registry = self.0.documents.iter().any(|other| other.reference == latest.row.reference);
            let done = latest.filed.is_some() && at_registry;
            if !done && !self.0.is_listed(&latest.row) {
                findings.violated("unfinished", &[latest.last], || {
                    format!("F{} is not filed and has no dead letter", latest.row.id)
                });
            }
        }
    }
}

/// The longest time from the beginning of the first fault to the end of the last after which the platform must recover by
/// itself.
const TRANSIENT: Duration = Duration::from_secs(120);

/// Verifies that transient faults need no person.
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
        "once healed: if all faults lie within 2 minutes and the registry recognizes repeats, no job \
         became a dead letter, except for a report that the registry rejects permanently. Not judged: \
         other runs; bursts are not faults"
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
        let abandoned = |latest: &&super::super::ledger::Latest| {
            latest.abandoned.is_some() && latest.row.state != FilingState::Rejected
        };
        for latest in self.ledger.filings.iter().filter(abandoned) {
            findings.violated("person needed", &[latest.last], || {
                format!("a transient fault left F{} for a person", latest.row.id)
            });
        }
    }
}
