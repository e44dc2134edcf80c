//! Facts of the visit flow's tables and screens.

use super::rows::{Action, Actor, Entry, Grounds, Report, ReportState, Visit};
use serde::Serialize;
use shakedown_sim::WallTime;
use shakedown_sim::calendar::ZoneName;

/// A fact of the visit flow: a committed row, or the content of a screen.
#[derive(Clone, Debug, Serialize)]
pub enum VisitFact {
    /// The clinics' calendar.
    Calendar {
        /// Their time zone.
        zone: ZoneName,
        /// The time at which the run starts.
        starts: WallTime,
    },
    /// A visit row changed.
    Visit {
        /// The row before; `None` if it is new.
        before: Option<Visit>,
        /// The row after.
        after: Visit,
    },
    /// The audit trail has a new entry.
    Entered(Entry),
    /// A report row changed.
    Report {
        /// The row before; `None` if it is new.
        before: Option<Report>,
        /// The row after.
        after: Report,
    },
    /// A screen shows a visit.
    Shown {
        /// Whether the screen was reloaded.
        fresh: bool,
        /// The visit.
        visit: u32,
        /// The version of its row.
        version: u32,
        /// Its revision.
        revision: u32,
        /// The text of the screen.
        word: VisitWord,
    },
}

/// The text of a screen about a visit.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub enum VisitWord {
    /// The patient is expected.
    Scheduled,
    /// The patient has arrived.
    Arrived,
    /// The patient has been seen; the screen does not show what follows from it.
    Processed,
    /// The patient has been seen; the report is being made.
    UnderWay,
    /// The report could not be made; a person must act.
    Stuck,
    /// The report is stored; its message is being sent.
    Telling,
    /// The report is stored; it is unknown whether the message was sent, and a repeat may arrive twice.
    InDoubt,
    /// The report is stored; the message was not sent, or was returned.
    Untold,
    /// The report is stored, and its message was sent.
    Complete,
    /// The patient did not come.
    NoShow,
    /// The visit will not take place.
    Cancelled,
}

impl VisitFact {
    pub(crate) fn is_routine(&self) -> bool {
        match self {
            VisitFact::Calendar { .. } => true,
            VisitFact::Entered(entry) => !matches!(entry.action, Action::Override(_)),
            VisitFact::Shown { .. } => true,
            VisitFact::Visit { .. } | VisitFact::Report { .. } => false,
        }
    }

    pub(crate) fn sentence(&self) -> String {
        match self {
            VisitFact::Calendar { zone, starts } => {
                format!("clinics are in {} on {}", zone.name(), zone.zone().local(*starts))
            }
            VisitFact::Visit { before, after } => visit(before.as_ref(), after),
            VisitFact::Entered(entry) => {
                format!(
                    "adds to the audit trail of V{}: {} by {}",
                    entry.visit,
                    action(entry.action),
                    actor(entry.by)
                )
            }
            VisitFact::Report { before, after } => report(before.as_ref(), after),
            VisitFact::Shown { fresh, visit, version, word, .. } => format!(
                "sees visit V{visit} as \"{}\"{} (version {version})",
                visit_word(*word),
                if *fresh { ", reloaded" } else { "" },
            ),
        }
    }
}

/// Returns the text of a screen for a word.
pub fn visit_word(word: VisitWord) -> &'static str {
    match word {
        VisitWord::Scheduled => "scheduled",
        VisitWord::Arrived => "arrived",
        VisitWord::Processed => "processed",
        VisitWord::UnderWay => "processed, report under way",
        VisitWord::Stuck => "processed, report stuck",
        VisitWord::Telling => "report ready, message under way",
        VisitWord::InDoubt => "report ready, message in doubt: sent again it may come twice",
        VisitWord::Untold => "report ready, message not delivered",
        VisitWord::Complete => "complete",
        VisitWord::NoShow => "did not come",
        VisitWord::Cancelled => "cancelled",
    }
}

fn visit(before: Option<&Visit>, after: &Visit) -> String {
    let revision = if after.revision > 0 { format!(", revision {}", after.revision) } else { String::new() };
    match before {
        Some(before) if before.remind_at.is_some() && after.remind_at.is_none() => {
            format!("reminds the patient of V{}", after.id)
        }
        None => format!("stores visit V{}: {:?}", after.id, after.status),
        Some(before) => {
            format!("moves V{} from {:?} to {:?}{revision}", after.id, before.status, after.status)
        }
    }
}

fn report(before: Option<&Report>, after: &Report) -> String {
    let which = format!("the report on V{}, revision {}", after.visit, after.revision);
    match (before, after.state) {
        (None, _) => format!("has {which} to make"),
        (_, ReportState::Pending) => format!("has {which} to make again"),
        (_, ReportState::Ready) => format!("marks {which} as ready"),
    }
}

fn action(action: Action) -> &'static str {
    match action {
        Action::Schedule => "scheduled",
        Action::ScheduleAhead => "scheduled for tomorrow",
        Action::Remind => "reminded",
        Action::Arrive => "arrived",
        Action::Process => "processed",
        Action::Amend(_) => "amended",
        Action::Miss => "did not come",
        Action::Cancel => "cancelled",
        Action::Replay => "replayed",
        Action::Override(Grounds::NothingCame) => {
            "sent again although it may arrive twice (the patient says that nothing came)"
        }
    }
}

fn actor(actor: Actor) -> &'static str {
    match actor {
        Actor::Operator => "an operator",
        Actor::Importer => "a clinic",
        Actor::NightlyClose => "the nightly close",
        Actor::Reminder => "the reminder",
    }
}
