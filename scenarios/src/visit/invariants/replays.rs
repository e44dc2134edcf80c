//! The effects of a replay outside the platform.

use super::super::ledger::Ledger;
use shakedown_model::Fact;
use shakedown_model::backbone::mail::rows::MailState;
use shakedown_model::facts::{EdgeFact, MailFact, MailProviderFact, Request, VisitFact};
use shakedown_model::visit::rows::Action;
use shakedown_sim::{At, Findings, Invariant};

/// Verifies that a replay sends no message twice.
#[derive(Default)]
pub(super) struct ReplayIsSafe {
    ledger: Ledger,
    /// Visits whose replay was requested.
    replayed: Vec<u32>,
    /// Reports whose message was queued again while its outcome was unknown, and reports with an override on record: visit
    /// and revision, once for each time.
    doubted: Vec<(u32, u32)>,
    overridden: Vec<(u32, u32)>,
}

impl Invariant<Fact> for ReplayIsSafe {
    fn name(&self) -> &'static str {
        "replay-is-safe"
    }
    fn about(&self) -> &'static str {
        "always: after a replay of a visit was requested, the mail provider accepts no second message \
         about one report, except one for each recorded override of a message whose outcome was unknown. \
         Not judged: a document made again, which replaces itself; messages sent twice without a replay"
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
                let revision = self.ledger.visit(entry.visit).map_or(0, |latest| latest.row.revision);
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
        for latest in self.ledger.reports.iter().filter(|latest| latest.row.visit == visit) {
            let mails_taken = self.ledger.mails_taken(visit, latest.row.revision);
            let report = (visit, latest.row.revision);
            let times = |of: &[(u32, u32)]| of.iter().filter(|other| **other == report).count();
            if mails_taken.len() > 1 + times(&self.doubted).min(times(&self.overridden)) {
                findings.violated("sent twice", &mails_taken, || {
                    format!(
                        "after a replay the message about V{visit}, revision {}, was sent again",
                        latest.row.revision
                    )
                });
            }
        }
    }
}
