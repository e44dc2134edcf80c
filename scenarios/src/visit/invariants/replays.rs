//! What a replay does outside.

use super::super::ledger::Ledger;
use shakedown_model::Fact;
use shakedown_model::facts::{EdgeFact, MailProviderFact, Request};
use shakedown_sim::{At, Findings, Invariant};

/// A replay doubles nothing.
#[derive(Default)]
pub(super) struct ReplayIsSafe {
    ledger: Ledger,
    /// Visits of which a replay was asked.
    replayed: Vec<u32>,
}

impl Invariant<Fact> for ReplayIsSafe {
    fn name(&self) -> &'static str {
        "replay-is-safe"
    }
    fn about(&self) -> &'static str {
        "always: once a replay of a visit was asked for, the mail provider takes no second message of one report. A \
         document that is made again replaces itself; what is doubled without a replay is not judged here"
    }
    fn reset(&mut self) {
        self.ledger.reset();
        self.replayed.clear();
    }
    fn observe(&mut self, at: &At<'_>, fact: &Fact, findings: &mut Findings) {
        self.ledger.observe(at, fact);
        let visit = at.number_of("visit").unwrap_or(0);
        match fact {
            Fact::Edge(EdgeFact::Entered { what: Request::Replay, .. }) => self.replayed.push(visit),
            Fact::MailProvider(MailProviderFact::Took { .. }) if self.replayed.contains(&visit) => {
                self.judge(visit, findings);
            }
            _ => {}
        }
    }
}

impl ReplayIsSafe {
    fn judge(&self, visit: u32, findings: &mut Findings) {
        for kept in self.ledger.reports.iter().filter(|kept| kept.row.visit == visit) {
            let told = self.ledger.told(visit, kept.row.revision);
            if told.len() > 1 {
                findings.violated("told twice", &told, || {
                    format!("after a replay V{visit} is told twice of revision {}", kept.row.revision)
                });
            }
        }
    }
}
