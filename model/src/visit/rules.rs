//! The rules for moving a visit: which party may do what, in which state.

use super::rows::{Action, Actor, Status, Visit};

/// Returns a visit's status after `action` of `by`; `None` if the action is not allowed.
pub fn next(status: Status, action: Action, by: Actor) -> Option<Status> {
    match (status, action, by) {
        (Status::Scheduled, Action::Arrive, Actor::Operator) => Some(Status::Arrived),
        (Status::Arrived, Action::Process, Actor::Operator) => Some(Status::Processed),
        (Status::Processed, Action::Amend(_), Actor::Operator) => Some(Status::Processed),
        (Status::Scheduled, Action::Miss, Actor::Operator | Actor::NightlyClose) => Some(Status::NoShow),
        (Status::Scheduled, Action::Remind, Actor::Reminder) => Some(Status::Scheduled),
        (Status::Scheduled, Action::Cancel, Actor::Operator | Actor::Importer) => Some(Status::Cancelled),
        (Status::Arrived, Action::Cancel, Actor::Operator) => Some(Status::Cancelled),
        _ => None,
    }
}

/// Returns the visit after `action`, which moved it to `status`: a new revision if there is something new to report.
pub fn moved(visit: &Visit, action: Action, status: Status) -> Visit {
    let reports = matches!(action, Action::Process | Action::Amend(_));
    let revision = visit.revision + u32::from(reports);
    let remind_at = visit.remind_at.filter(|_| action != Action::Remind);
    Visit { status, revision, version: visit.version + 1, remind_at, ..*visit }
}
