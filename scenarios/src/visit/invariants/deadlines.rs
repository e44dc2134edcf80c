//! The nightly close, by a clock that is right.

use shakedown_model::Fact;
use shakedown_model::facts::VisitFact;
use shakedown_model::settings::{CLOSE_AGAIN, CLOSE_LOOKS};
use shakedown_model::visit::rows::{Status, Visit};
use shakedown_sim::{At, Disturbance, Duration, Findings, Invariant, Moment};

/// How long after the end of a day its visits are closed at the latest: two looks, and one that failed.
const CLOSED_WITHIN: Duration = Duration::from_secs(2 * CLOSE_LOOKS.as_secs() + CLOSE_AGAIN.as_secs());

/// Verifies that the nightly close misses no patient before the end of the day, and none after it is left out.
#[derive(Default)]
pub(super) struct NobodyJudgedEarlyOrLate {
    /// The visits, each with its last event.
    visits: Vec<(Visit, u32)>,
    /// When the last fault ended.
    faults_end: Moment,
}

impl Invariant<Fact> for NobodyJudgedEarlyOrLate {
    fn name(&self) -> &'static str {
        "nobody-judged-early-or-late"
    }
    fn about(&self) -> &'static str {
        "always: the nightly close records no visit as missed before its day has ended; once healed: no visit is still \
         expected whose day ended more than 31 min ago, counted from the last fault. Not judged: what operators record"
    }
    fn reset(&mut self) {
        self.visits.clear();
        self.faults_end = Moment::START;
    }
    fn disturbed(&mut self, disturbance: &Disturbance) {
        self.faults_end = self.faults_end.max(disturbance.until);
    }
    fn observe(&mut self, at: &At<'_>, fact: &Fact, findings: &mut Findings) {
        let Fact::Visit(VisitFact::Visit { after, .. }) = fact else { return };
        self.visits.retain(|(visit, _)| visit.id != after.id);
        self.visits.push((*after, at.event));
        let is_closed = after.status == Status::NoShow && at.number_of("close").is_some();
        if is_closed && at.time < after.day_ends {
            findings.violated("early", &[at.event], || {
                format!("V{} was recorded as missed before its day ended at {}", after.id, after.day_ends)
            });
        }
    }
    fn at_rest(&mut self, end: Moment, findings: &mut Findings) {
        let expected = self.visits.iter().filter(|(visit, _)| visit.status == Status::Scheduled);
        for (visit, event) in expected {
            if visit.day_ends != Moment::NEVER && visit.day_ends.max(self.faults_end) + CLOSED_WITHIN < end {
                findings.violated("left out", &[*event], || {
                    format!("V{} is still expected, and its day ended at {}", visit.id, visit.day_ends)
                });
            }
        }
    }
}
