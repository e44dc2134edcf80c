//! Accepted changes and required reports: stored and finished.

use super::super::ledger::Ledger;
use crate::invariants::claims::Claims;
use crate::invariants::transient::FaultSpan;
use shakedown_model::Fact;
use shakedown_model::backbone::mail::rows::MailState;
use shakedown_model::facts::{Code, EdgeFact, Request, VisitFact};
use shakedown_model::visit::rows::{ReportState, Status};
use shakedown_sim::{At, Disturbance, Findings, Invariant, Moment};

/// The request by number: the visit, and the operator's action or the clinic's row.
type ActionId = (u32, u32, u32);

fn action_id(at: &At<'_>) -> ActionId {
    let number = |label: &'static str| at.number_of(label).unwrap_or(0);
    (number("visit"), number("action"), number("row"))
}

/// Verifies that an accepted change has changed its visit's row.
#[derive(Default)]
pub(super) struct AcceptedMeansDurable {
    requests: Vec<u32>,
    pending: Claims<ActionId>,
    latest: Vec<ActionId>,
}

impl AcceptedMeansDurable {
    fn judge(&mut self, now: Moment, findings: &mut Findings) {
        let latest = &self.latest;
        self.pending.judge(
            now,
            |action_id| latest.contains(action_id),
            |(visit, ..), event| {
                findings.violated("accepted, not stored", &[event], || {
                    format!("a change of V{visit} got 202, and its row has not changed")
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
        "always: a change that got 202 has changed its visit's row within 5 s. Not judged: whether the row \
         stays, because rows are never deleted here"
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
                self.pending.make(action_id(at), at.time, at.event);
            }
            Fact::Visit(VisitFact::Visit { .. }) => self.latest.push(action_id(at)),
            _ => {}
        }
    }
    fn at_rest(&mut self, _: Moment, findings: &mut Findings) {
        self.judge(Moment::NEVER, findings);
    }
}

/// Verifies that visits and reports reach an end or are listed for a person.
#[derive(Default)]
pub(super) struct AcceptedWorkFinishes(Ledger);

impl AcceptedWorkFinishes {
    /// Returns whether the message about a report has reached an end or is listed for a person.
    fn is_notified(&self, visit: u32, revision: u32) -> bool {
        use MailState::{Planned, Queued, Sending, Unknown};
        let message = self.0.message(visit, revision).map(|latest| latest.row);
        message.is_some_and(|row| !matches!(row.state, Planned | Queued | Sending | Unknown) || row.flagged)
    }
}

impl Invariant<Fact> for AcceptedWorkFinishes {
    fn name(&self) -> &'static str {
        "accepted-work-finishes"
    }
    fn about(&self) -> &'static str {
        "once healed: each owed report is in the document store or listed as a dead letter; the message \
         about it is accepted, known to have failed, or listed; no visit of a past day is still scheduled. \
         Not judged: whether the message arrives"
    }
    fn reset(&mut self) {
        self.0.reset();
    }
    fn observe(&mut self, at: &At<'_>, fact: &Fact, _: &mut Findings) {
        self.0.observe(at, fact);
    }
    fn at_rest(&mut self, _: Moment, findings: &mut Findings) {
        for latest in &self.0.reports {
            let (visit, revision) = (latest.row.visit, latest.row.revision);
            let is_there = latest.row.state == ReportState::Ready && self.0.has_document(visit, revision);
            if !is_there && !self.0.is_stuck(&latest.row) {
                findings.violated("no report", &[latest.last], || {
                    format!("the report on V{visit}, revision {revision}, does not exist and is not listed for a person")
                });
            } else if is_there && !self.is_notified(visit, revision) {
                findings.violated("no message", &[latest.last], || {
                    format!(
                        "the message about the report on V{visit}, revision {revision}, is unfinished and not listed for a person"
                    )
                });
            }
        }
        for latest in self.0.visits.iter().filter(|latest| latest.row.status == Status::Scheduled) {
            findings.violated("still scheduled", &[latest.last], || {
                format!("V{} is still scheduled after its day", latest.row.id)
            });
        }
    }
}

/// Verifies that transient faults need no person.
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
        "once healed: if all faults lie within 2 minutes, no report is listed for a person. Not judged: \
         messages; actions of people are not faults"
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
        for latest in self.ledger.reports.iter().filter(|latest| self.ledger.is_stuck(&latest.row)) {
            findings.violated("person needed", &[latest.last], || {
                format!("a transient fault left the report on V{} for a person", latest.row.visit)
            });
        }
    }
}
