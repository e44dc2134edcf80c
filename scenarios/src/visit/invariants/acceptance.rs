//! What was accepted is kept, and comes to an end.

use super::super::ledger::Ledger;
use crate::invariants::claims::Claims;
use crate::invariants::transient::FaultSpan;
use shakedown_model::Fact;
use shakedown_model::backbone::mail::rows::MailState;
use shakedown_model::facts::{Code, EdgeFact, Request, VisitFact};
use shakedown_model::visit::rows::{ReportState, Status};
use shakedown_sim::{At, Disturbance, Findings, Invariant, Moment};

/// Whose wish a request carries: the visit's number, and those of the operator's action or the clinic's row.
type Wish = (u32, u32, u32);

fn wish(at: &At<'_>) -> Wish {
    let number = |label: &'static str| at.number_of(label).unwrap_or(0);
    (number("visit"), number("action"), number("row"))
}

/// A promise to do what was asked is kept.
#[derive(Default)]
pub(super) struct AcceptedMeansDurable {
    requests: Vec<u32>,
    promised: Claims<Wish>,
    kept: Vec<Wish>,
}

impl AcceptedMeansDurable {
    fn judge(&mut self, now: Moment, findings: &mut Findings) {
        let kept = &self.kept;
        self.promised.judge(
            now,
            |wish| kept.contains(wish),
            |(visit, ..), event| {
                findings.violated("accepted, not kept", &[event], || {
                    format!("a move of V{visit} was answered 202, and its row has not moved")
                });
            },
        );
    }
}

impl Invariant<Fact> for AcceptedMeansDurable {
    fn name(&self) -> &'static str {
        "accepted-means-durable"
    }
    fn about(&self) -> &'static str {
        "always: a move answered 202 has changed its visit's row within 5 s. Rows are never deleted here, so that it is \
         kept is not judged"
    }
    fn reset(&mut self) {
        *self = Self::default();
    }
    fn observe(&mut self, at: &At<'_>, fact: &Fact, findings: &mut Findings) {
        self.judge(at.time, findings);
        match fact {
            Fact::Edge(EdgeFact::Entered { request, what: Request::Advance | Request::Import }) => {
                self.requests.push(*request);
            }
            Fact::Edge(EdgeFact::Answered { request, code: Code::Accepted, .. })
                if self.requests.contains(request) =>
            {
                self.promised.make(wish(at), at.time, at.event);
            }
            Fact::Visit(VisitFact::Visit { .. }) => self.kept.push(wish(at)),
            _ => {}
        }
    }
    fn at_rest(&mut self, _: Moment, findings: &mut Findings) {
        self.judge(Moment::NEVER, findings);
    }
}

/// No visit, and no report, is left in the middle.
#[derive(Default)]
pub(super) struct AcceptedWorkFinishes(Ledger);

impl AcceptedWorkFinishes {
    /// Whether the message that tells of a report has come to an end, or is listed for a person.
    fn is_told(&self, visit: u32, revision: u32) -> bool {
        use MailState::{Planned, Queued, Sending, Unknown};
        let message = self.0.message(visit, revision).map(|kept| kept.row);
        message.is_some_and(|row| !matches!(row.state, Planned | Queued | Sending | Unknown) || row.flagged)
    }
}

impl Invariant<Fact> for AcceptedWorkFinishes {
    fn name(&self) -> &'static str {
        "accepted-work-finishes"
    }
    fn about(&self) -> &'static str {
        "once healed: each report that is owed is in the document store, or listed as a dead letter; the message that tells of it \
         is out, known not to be, or listed; no visit of a day that is \
         over is still expected"
    }
    fn reset(&mut self) {
        self.0.reset();
    }
    fn observe(&mut self, at: &At<'_>, fact: &Fact, _: &mut Findings) {
        self.0.observe(at, fact);
    }
    fn at_rest(&mut self, _: Moment, findings: &mut Findings) {
        for kept in &self.0.reports {
            let (visit, revision) = (kept.row.visit, kept.row.revision);
            let is_there = kept.row.state == ReportState::Ready && self.0.has_document(visit, revision);
            if !is_there && !self.0.is_stuck(&kept.row) {
                findings.violated("no report", &[kept.last], || {
                    format!("the report on V{visit}, revision {revision}, is not there, and nobody is told")
                });
            } else if is_there && !self.is_told(visit, revision) {
                findings.violated("no message", &[kept.last], || {
                    format!(
                        "nobody is told of the report on V{visit}, revision {revision}, nor that it is so"
                    )
                });
            }
        }
        for kept in self.0.visits.iter().filter(|kept| kept.row.status == Status::Scheduled) {
            findings.violated("still expected", &[kept.last], || {
                format!("V{} is still expected, and its day is over", kept.row.id)
            });
        }
    }
}

/// What passes by itself needs nobody.
#[derive(Default)]
pub(super) struct TransientFaultsHeal {
    ledger: Ledger,
    faults: FaultSpan,
}

impl Invariant<Fact> for TransientFaultsHeal {
    fn name(&self) -> &'static str {
        "transient-faults-heal"
    }
    fn about(&self) -> &'static str {
        "once healed: if all faults lie within 2 minutes, no report is stuck. What people do is no fault"
    }
    fn reset(&mut self) {
        self.ledger.reset();
        self.faults = FaultSpan::default();
    }
    fn observe(&mut self, at: &At<'_>, fact: &Fact, _: &mut Findings) {
        self.ledger.observe(at, fact);
    }
    fn disturbed(&mut self, disturbance: &Disturbance) {
        self.faults.extend(disturbance);
    }
    fn at_rest(&mut self, _: Moment, findings: &mut Findings) {
        if !self.faults.is_transient() {
            return;
        }
        for kept in self.ledger.reports.iter().filter(|kept| self.ledger.is_stuck(&kept.row)) {
            findings.violated("person needed", &[kept.last], || {
                format!("a passing fault left the report on V{} for a person to see to", kept.row.visit)
            });
        }
    }
}
