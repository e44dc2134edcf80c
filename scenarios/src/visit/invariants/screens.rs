//! What screens show, against the document store and the rows.

use super::super::ledger::Ledger;
use crate::invariants::claims::Claims;
use shakedown_model::Fact;
use shakedown_model::backbone::mail::rows::MailState;
use shakedown_model::facts::{VisitFact, VisitWord, visit_word};
use shakedown_model::visit::rows::{ReportState, Status, Visit};
use shakedown_sim::{At, Findings, Invariant, Moment};

/// A screen that says all is done is right.
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
            ledger.has_document(*visit, *revision) && !ledger.told(*visit, *revision).is_empty()
        };
        self.claims.judge(now, is_done, |(visit, revision), event| {
            let is_there = ledger.has_document(*visit, *revision);
            let lacks = if is_there { "its patient has not been told" } else { "its report is not there" };
            findings.violated(lacks, &[event], || {
                format!("a screen called V{visit} done, and of revision {revision} {lacks}")
            });
        });
    }
}

impl Invariant<Fact> for NoPrematureSuccess {
    fn name(&self) -> &'static str {
        "no-premature-success"
    }
    fn about(&self) -> &'static str {
        "always: when a screen says \"complete\", or \"processed\" and nothing more, the report on that revision is in \
         the document store and a message of it with the mail provider by then, or within 5 s. Whether the message \
         arrives is not judged"
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

/// One screen's last showing of a visit.
struct Showing {
    fresh: bool,
    visit: u32,
    version: u32,
    word: VisitWord,
    event: u32,
}

/// In the end, every screen shows the rows.
#[derive(Default)]
pub(super) struct ScreensAgreeAtRest {
    ledger: Ledger,
    shown: Vec<Showing>,
}

impl ScreensAgreeAtRest {
    /// The words that are right for a visit.
    fn right_words(&self, row: &Visit) -> &'static [VisitWord] {
        let report = self.ledger.report(row.id, row.revision).map(|kept| kept.row);
        let is_stuck = report.is_some_and(|report| self.ledger.is_stuck(&report));
        match (row.status, report.map(|report| report.state)) {
            (Status::Scheduled, _) => &[VisitWord::Scheduled],
            (Status::Arrived, _) => &[VisitWord::Arrived],
            (Status::NoShow, _) => &[VisitWord::NoShow],
            (Status::Cancelled, _) => &[VisitWord::Cancelled],
            (Status::Processed, Some(ReportState::Ready)) => {
                words_of_message(self.ledger.message(row.id, row.revision).map(|kept| kept.row.state))
            }
            (Status::Processed, _) if is_stuck => &[VisitWord::Stuck],
            (Status::Processed, Some(ReportState::Pending) | None) => &[VisitWord::UnderWay],
        }
    }
}

/// The words that are right for a visit whose report is ready.
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
        "once healed: each screen that is still open, and each loaded afresh, shows the visit's row: its last version, \
         in a word for its status and what became of its report"
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
            let Some(kept) = self.ledger.visit(shown.visit) else { continue };
            let right = self.right_words(&kept.row);
            if !right.contains(&shown.word) {
                let roles = format!("{:?} for {:?}", shown.word, right[0]);
                findings.violated(&roles, &[kept.last, shown.event], || {
                    let (says, is) = (visit_word(shown.word), visit_word(right[0]));
                    format!("a screen shows V{} as \"{says}\", and it is \"{is}\"", shown.visit)
                });
            } else if shown.version != kept.row.version {
                findings.violated("old version", &[kept.last, shown.event], || {
                    format!("a screen still shows V{} in version {}", shown.visit, shown.version)
                });
            }
        }
    }
}
