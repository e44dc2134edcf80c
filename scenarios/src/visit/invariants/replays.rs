//! What a replay does outside.

use super::super::ledger::Ledger;
use shakedown_model::Fact;
use shakedown_model::backbone::mail::rows::MailState;
use shakedown_model::facts::{EdgeFact, MailFact, MailProviderFact, Request, VisitFact};
use shakedown_model::visit::rows::Action;
use shakedown_sim::{At, Findings, Invariant};

/// A replay doubles nothing.
#[derive(Default)]
pub(super) struct ReplayIsSafe {
    ledger: Ledger,
    /// Visits of which a replay was asked.
    replayed: Vec<u32>,
    /// Reports whose message was sent again while our row held it in doubt, and those for which an override is on
    /// record: by visit and revision, as often as that happened.
    doubted: Vec<(u32, u32)>,
    overridden: Vec<(u32, u32)>,
}

impl Invariant<Fact> for ReplayIsSafe {
    fn name(&self) -> &'static str {
        "replay-is-safe"
    }
    fn about(&self) -> &'static str {
        "always: once a replay of a visit was asked for, the mail provider takes no second message of one report, save \
         one for each override on record of a message that our row held in doubt. A document that is made again \
         replaces itself; what is doubled without a replay is not judged here"
    }
    fn reset(&mut self) {
        *self = Self::default();
    }
    fn observe(&mut self, at: &At<'_>, fact: &Fact, findings: &mut Findings) {
        self.ledger.observe(at, fact);
        let visit = at.number_of("visit").unwrap_or(0);
        match fact {
            Fact::Edge(EdgeFact::Entered { what: Request::Replay, .. }) => self.replayed.push(visit),
            Fact::Mail(MailFact::Notification { before: Some(before), after })
                if (before.state, after.state) == (MailState::Unknown, MailState::Queued) =>
            {
                self.doubted.push((visit, after.version));
            }
            Fact::Visit(VisitFact::Entered(entry)) if matches!(entry.action, Action::Override(_)) => {
                let revision = self.ledger.visit(entry.visit).map_or(0, |kept| kept.row.revision);
                self.overridden.push((entry.visit, revision));
            }
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
            let report = (visit, kept.row.revision);
            let times = |of: &[(u32, u32)]| of.iter().filter(|other| **other == report).count();
            if told.len() > 1 + times(&self.doubted).min(times(&self.overridden)) {
                findings.violated("told twice", &told, || {
                    format!("after a replay V{visit} is told again of revision {}", kept.row.revision)
                });
            }
        }
    }
}
