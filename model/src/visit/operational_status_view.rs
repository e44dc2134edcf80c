//! `operational-status-view`: an operator sees the progress of a visit and what is stuck, and a replay repeats only
//! the missing effects. An action that may duplicate an effect is not a replay: it needs an override, which is
//! recorded.

use super::facts::VisitWord;
use super::rows::{ReportState, Status};
use super::view::{Case, Redo};
use crate::backbone::mail::rows::MailState;
use crate::guardrail::{Guardrail, Naive};

/// The row of `operational-status-view` in the table of guardrails.
pub const ROW: Guardrail = Guardrail {
    name: "operational-status-view",
    system: "visit",
    guarded: "shows transition, report, message and attempts; a replay does only what is missing; a step that may happen twice needs an override",
    naive: &[Naive {
        what: "shows the visit's row; a replay runs all steps again",
        breaks: &["no-premature-success", "replay-is-safe"],
        masked_by: &[],
    }],
};

/// The seam: the text of a screen about a visit, and the effects that a replay repeats.
pub trait OperationalStatusView {
    /// Returns the text.
    fn word(&self, case: &Case) -> VisitWord;
    /// Returns whether the screen offers a replay.
    fn may_replay(&self, case: &Case) -> bool;
    /// Returns whether the message may be sent again although it may arrive twice: the screen says so, and an
    /// override allows it.
    fn may_double(&self, case: &Case) -> bool;
    /// Returns what a replay must repeat.
    fn lacks(&self, case: &Case) -> Redo;
}

/// Returns the text for the visit's row alone.
fn of_row(status: Status) -> VisitWord {
    match status {
        Status::Scheduled => VisitWord::Scheduled,
        Status::Arrived => VisitWord::Arrived,
        Status::Processed => VisitWord::Processed,
        Status::NoShow => VisitWord::NoShow,
        Status::Cancelled => VisitWord::Cancelled,
    }
}

/// Guarded: the transition, its report and its message are shown, and a replay repeats those that are missing.
pub struct WhatHappened;

impl OperationalStatusView for WhatHappened {
    fn word(&self, case: &Case) -> VisitWord {
        match case.report.map(|report| report.state) {
            None => of_row(case.visit.status),
            Some(_) if case.is_stuck() => VisitWord::Stuck,
            Some(ReportState::Pending) => VisitWord::UnderWay,
            Some(ReportState::Ready) => of_message(case.message.map(|message| message.state)),
        }
    }

    fn may_replay(&self, case: &Case) -> bool {
        self.lacks(case) != Redo::Nothing
    }

    fn may_double(&self, case: &Case) -> bool {
        self.word(case) == VisitWord::InDoubt
    }

    fn lacks(&self, case: &Case) -> Redo {
        let is_given_up = case.message.is_some_and(|message| message.state == MailState::DeadLetter);
        match case.report.map(|report| report.state) {
            Some(ReportState::Pending) => Redo::Report,
            Some(ReportState::Ready) if is_given_up => Redo::Message,
            Some(ReportState::Ready) | None => Redo::Nothing,
        }
    }
}

/// Returns the text for a visit whose report is ready, according to its message.
fn of_message(state: Option<MailState>) -> VisitWord {
    match state {
        None | Some(MailState::Accepted | MailState::Delivered) => VisitWord::Complete,
        Some(MailState::Planned | MailState::Queued | MailState::Sending) => VisitWord::Telling,
        Some(MailState::Unknown) => VisitWord::InDoubt,
        Some(MailState::Bounced | MailState::Rejected | MailState::Suppressed | MailState::DeadLetter) => {
            VisitWord::Untold
        }
    }
}

/// Naive: the visit's row is shown, and a replay repeats everything.
pub struct TheRowAlone;

impl OperationalStatusView for TheRowAlone {
    fn word(&self, case: &Case) -> VisitWord {
        of_row(case.visit.status)
    }

    fn may_replay(&self, case: &Case) -> bool {
        case.report.is_some()
    }

    fn may_double(&self, _: &Case) -> bool {
        false
    }

    fn lacks(&self, case: &Case) -> Redo {
        if case.report.is_some() { Redo::Everything } else { Redo::Nothing }
    }
}
