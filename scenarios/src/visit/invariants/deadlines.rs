//! Deadlines of a clinic's local day: appointments, reminders and the nightly close, by a clock that is right.

use shakedown_model::Fact;
use shakedown_model::facts::VisitFact;
use shakedown_model::settings::{
    APPOINTMENT_HOUR, CLOSE_AGAIN, CLOSE_LOOKS, REMINDER_AGAIN, REMINDER_BEFORE, REMINDER_LOOKS,
};
use shakedown_model::visit::rows::{Action, Status, Visit};
use shakedown_sim::calendar::Zone;
use shakedown_sim::{At, Disturbance, Duration, Findings, Invariant, Moment, WallTime};

/// How long after the end of a day its visits are closed at the latest: two looks, and one that failed.
const CLOSED_WITHIN: Duration = Duration::from_secs(2 * CLOSE_LOOKS.as_secs() + CLOSE_AGAIN.as_secs());
/// How long after its moment a reminder is sent at the latest: two looks, and one that failed.
const REMINDED_WITHIN: Duration =
    Duration::from_secs(2 * REMINDER_LOOKS.as_secs() + REMINDER_AGAIN.as_secs());

/// The clinics' calendar.
struct Calendar {
    zone: Zone,
    starts: WallTime,
}

impl Calendar {
    /// Returns the moment of a full hour, `days` days after the local day of `moment`.
    fn at(&self, moment: Moment, days: i64, hour: u64) -> Moment {
        let day = self.zone.local(self.starts.at(moment)).midnight().plus_days(days);
        let time = self.zone.resolve(day + Duration::from_secs(hour * 3_600)).compatible();
        time.moment(self.starts)
    }
}

/// A visit and its deadlines.
struct Watched {
    visit: Visit,
    /// The last event of its row.
    last: u32,
    day_ends: Moment,
    /// When its patient is due to be reminded, until that has happened.
    remind_at: Option<Moment>,
}

/// Verifies that the nightly close misses no patient before the end of the local day and none after it is left out, that
/// patients are reminded in time, and that appointments have their local time.
#[derive(Default)]
pub(super) struct NobodyJudgedEarlyOrLate {
    calendar: Option<Calendar>,
    watched: Vec<Watched>,
    /// When the last fault ended.
    faults_end: Moment,
}

impl NobodyJudgedEarlyOrLate {
    /// Returns the deadlines of a new visit. Without a calendar they are those of its row.
    fn watch(&self, at: &At<'_>, visit: &Visit, findings: &mut Findings) -> Watched {
        let (mut day_ends, mut remind_at) = (visit.day_ends, visit.remind_at);
        if let Some(calendar) = &self.calendar {
            day_ends = calendar.at(at.time, 1 + i64::from(visit.starts.is_some()), 0);
            if let Some(starts) = visit.starts {
                let expected = calendar.at(at.time, 1, APPOINTMENT_HOUR);
                let before = expected.since(Moment::START).saturating_sub(REMINDER_BEFORE);
                remind_at = Some(Moment::START + before);
                if starts != expected {
                    findings.violated("appointment", &[at.event], || {
                        format!("V{} was booked for {expected}, and its row says {starts}", visit.id)
                    });
                }
            }
        }
        Watched { visit: *visit, last: at.event, day_ends, remind_at }
    }

    fn close(&self, at: &At<'_>, watched: &Watched, findings: &mut Findings) {
        let (id, ends) = (watched.visit.id, watched.day_ends);
        if at.time < ends {
            findings.violated("early", &[at.event], || {
                format!("V{id} was recorded as missed before its day ended at {ends}")
            });
        } else if at.time > ends.max(self.faults_end) + CLOSED_WITHIN {
            findings.violated("late", &[at.event], || {
                format!("V{id} was recorded as missed long after its day ended at {ends}")
            });
        }
    }

    fn remind(&self, at: &At<'_>, watched: &Watched, findings: &mut Findings) {
        let Some(due) = watched.remind_at else { return };
        let id = watched.visit.id;
        if at.time < due {
            findings.violated("reminded early", &[at.event], || {
                format!("the patient of V{id} was reminded before {due}")
            });
        } else if at.time > due.max(self.faults_end) + REMINDED_WITHIN {
            findings.violated("reminded late", &[at.event], || {
                format!("the patient of V{id} was reminded long after {due}")
            });
        }
    }
}

impl Invariant<Fact> for NobodyJudgedEarlyOrLate {
    fn name(&self) -> &'static str {
        "nobody-judged-early-or-late"
    }
    fn about(&self) -> &'static str {
        "always: the nightly close records no visit as missed before its local day has ended or more than 31 min after, \
         a patient is reminded 2 h before the visit and at most 11 min later, both counted from the last fault, and a \
         visit of tomorrow begins at 9 o'clock local time; once healed: no visit is still expected, and no patient still \
         to be reminded, whose time is past. Not judged: what operators record"
    }
    fn reset(&mut self) {
        *self = Self::default();
    }
    fn disturbed(&mut self, disturbance: &Disturbance) {
        self.faults_end = self.faults_end.max(disturbance.until);
    }
    fn observe(&mut self, at: &At<'_>, fact: &Fact, findings: &mut Findings) {
        match fact {
            Fact::Visit(VisitFact::Calendar { zone, starts }) => {
                self.calendar = Some(Calendar { zone: zone.zone(), starts: *starts });
            }
            Fact::Visit(VisitFact::Visit { after, .. }) => {
                let known = self.watched.iter().position(|watched| watched.visit.id == after.id);
                let mut watched = match known {
                    Some(known) => self.watched.swap_remove(known),
                    None => self.watch(at, after, findings),
                };
                (watched.visit, watched.last) = (*after, at.event);
                if self.calendar.is_none() {
                    watched.day_ends = after.day_ends;
                }
                if after.status == Status::NoShow && at.number_of("close").is_some() {
                    self.close(at, &watched, findings);
                }
                self.watched.push(watched);
            }
            Fact::Visit(VisitFact::Entered(entry)) if entry.action == Action::Remind => {
                let reminded = self.watched.iter().position(|watched| watched.visit.id == entry.visit);
                if let Some(reminded) = reminded {
                    self.remind(at, &self.watched[reminded], findings);
                    self.watched[reminded].remind_at = None;
                }
            }
            _ => {}
        }
    }
    fn at_rest(&mut self, end: Moment, findings: &mut Findings) {
        let is_past =
            |time: Moment, within| time != Moment::NEVER && time.max(self.faults_end) + within < end;
        for Watched { visit, last, day_ends, remind_at } in &self.watched {
            if visit.status != Status::Scheduled {
                continue;
            }
            if is_past(*day_ends, CLOSED_WITHIN) {
                findings.violated("left out", &[*last], || {
                    format!("V{} is still expected, and its day ended at {day_ends}", visit.id)
                });
            }
            if let Some(due) = remind_at.filter(|due| is_past(*due, REMINDED_WITHIN)) {
                findings.violated("not reminded", &[*last], || {
                    format!("the patient of V{} was not reminded, which was due at {due}", visit.id)
                });
            }
        }
    }
}
