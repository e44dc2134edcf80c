//! The content of screens, compared with the document store and our rows.

use super::super::ledger::Ledger;
use crate::invariants::claims::Claims;
use shakedown_model::Fact;
use shakedown_model::backbone::mail::rows::MailState;
use shakedown_model::facts::{VisitFact, VisitWord, visit_word};
use shakedown_model::visit::rows::{ReportState, Status, Visit};
use shakedown_sim::{At, Findings, Invariant, Moment};

/// Verifies that a screen says "complete" only when the report is stored and the message sent.
#[derive(Default)]
pub(super) struct NoPrematureSuccess {
    ledger: Ledger,
    /// By visit and revision.
    claims: Claims<(u32, u32)>,
}

impl NoPrematureSuccess {
    fn judge(&mut self, now: Moment, findings: &mut Findings) {
        let ledger = &self.ledger;
        let is_done = |(visit, revision): &(u32, u32)| {
            ledger.has_document(*visit, *revision) && !ledger.mails_taken(*visit, *revision).is_empty()
        };
        self.claims.judge(now, is_done, |(visit, revision), event| {
            let is_there = ledger.has_document(*visit, *revision);
            let missing = if is_there { "no message was accepted" } else { "no report exists" };
            findings.violated(missing, &[event], || {
                format!("a screen says that V{visit} is done, and for revision {revision} {missing}")
            });
        });
    }
}

impl Invariant<Fact> for NoPrematureSuccess {
    fn name(&self) -> &'static str {
        "no-premature-success"
    }
    fn about(&self) -> &'static str {
        "always: when a screen says \"complete\", or \"processed\" and nothing more, the report on that \
         revision is in the document store and the mail provider has accepted a message about it by then \
         or within 5 s. Not judged: whether the message arrives"
    }
    fn reset(&mut self) {
        self.ledger.reset();
        self.claims.clear();
    }
    fn observe(&mut self, at: &At<'_>, fact: &Fact, findings: &mut Findings) {
        self.judge(at.time, findings);
        self.ledger.observe(at, fact);
        if let Fact::Visit(VisitFact::Shown { visit, revision, word, .. }) = fact
            && matches!(word, VisitWord::Complete | VisitWord::Processed)
        {
            self.claims.make((*visit, *revision), at.time, at.event);
        }
    }
    fn at_rest(&mut self, _: Moment, findings: &mut Findings) {
        self.judge(Moment::NEVER, findings);
    }
}

/// What one screen last showed of a visit.
struct Showing {
    fresh: bool,
    visit: u32,
    version: u32,
    word: VisitWord,
    event: u32,
}

/// Verifies that every screen shows the final rows.
#[derive(Default)]
pub(super) struct ScreensAgreeAtRest {
    ledger: Ledger,
    shown: Vec<Showing>,
}

impl ScreensAgreeAtRest {
    /// Returns the words that a screen may show for a visit.
    fn right_words(&self, row: &Visit) -> &'static [VisitWord] {
        let report = self.ledger.report(row.id, row.revision).map(|latest| latest.row);
        let is_stuck = report.is_some_and(|report| self.ledger.is_stuck(&report));
        match (row.status, report.map(|report| report.state)) {
            (Status::Scheduled, _) => &[VisitWord::Scheduled],
            (Status::Arrived, _) => &[VisitWord::Arrived],
            (Status::NoShow, _) => &[VisitWord::NoShow],
            (Status::Cancelled, _) => &[VisitWord::Cancelled],
            (Status::Processed, Some(ReportState::Ready)) => {
                words_of_message(self.ledger.message(row.id, row.revision).map(|latest| latest.row.state))
            }
            (Status::Processed, _) if is_stuck => &[VisitWord::Stuck],
            (Status::Processed, Some(ReportState::Pending) | None) => &[VisitWord::UnderWay],
        }
    }
}

/// Returns the words that a screen may show for a visit whose report is ready.
fn words_of_message(state: Option<MailState>) -> &'static [VisitWord] {
    match state {
        Some(MailState::Accepted | MailState::Delivered) => &[VisitWord::Complete, VisitWord::Processed],
        None | Some(MailState::Planned | MailState::Queued | MailState::Sending) => &[VisitWord::Telling],
        Some(MailState::Unknown) => &[VisitWord::InDoubt],
        Some(_) => &[VisitWord::Untold],
    }
}

impl Invariant<Fact> for ScreensAgreeAtRest {
    fn name(&self) -> &'static str {
        "screens-agree-at-rest"
    }
    fn about(&self) -> &'static str {
        "once healed: each open screen and each reloaded screen shows the visit's row: its last \
         version, with a word for its status and the state of its report. Not judged: what screens show \
         before that"
    }
    fn reset(&mut self) {
        self.ledger.reset();
        self.shown.clear();
    }
    fn observe(&mut self, at: &At<'_>, fact: &Fact, _: &mut Findings) {
        self.ledger.observe(at, fact);
        if let Fact::Visit(VisitFact::Shown { fresh, visit, version, word, .. }) = *fact {
            self.shown.retain(|shown| (shown.fresh, shown.visit) != (fresh, visit));
            self.shown.push(Showing { fresh, visit, version, word, event: at.event });
        }
    }
    fn at_rest(&mut self, _: Moment, findings: &mut Findings) {
        for shown in &self.shown {
            let Some(latest) = self.ledger.visit(shown.visit) else { continue };
            let right = self.right_words(&latest.row);
            if !right.contains(&shown.word) {
                let roles = format!("{:?} for {:?}", shown.word, right[0]);
                findings.violated(&roles, &[latest.last, shown.event], || {
                    let (says, is) = (visit_word(shown.word), visit_word(right[0]));
                    format!("a screen shows V{} as \"{says}\", and its rows say \"{is}\"", shown.visit)
                });
            } else if shown.version != latest.row.version {
                findings.violated("old version", &[latest.last, shown.event], || {
                    format!("a screen still shows version {} of V{}", shown.version, shown.visit)
                });
            }
        }
    }
}
