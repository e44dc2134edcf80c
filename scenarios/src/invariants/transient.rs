//! Whether all faults of a run are transient, so that the platform must recover without a person.

use shakedown_sim::{Disturbance, Duration, Moment};

/// The longest time from the beginning of the first fault to the end of the last after which the platform must recover by
/// itself.
const TRANSIENT: Duration = Duration::from_secs(120);

/// The time span of all faults of a run. Actions of people are not faults.
#[derive(Default)]
pub struct FaultSpan(Option<(Moment, Moment)>);

/// Owners of choice sites that are people's actions.
const PEOPLE: [&str; 4] = ["customer", "operator", "importer", "editor"];

impl FaultSpan {
    /// Extends the span by one fault.
    pub fn extend(&mut self, disturbance: &Disturbance) {
        if !PEOPLE.contains(&disturbance.owner) {
            let (from, until) = self.0.unwrap_or((disturbance.from, disturbance.until));
            self.0 = Some((from.min(disturbance.from), until.max(disturbance.until)));
        }
    }

    /// Returns whether the span is short enough that no person may be needed.
    pub fn is_transient(&self) -> bool {
        self.0.is_none_or(|(from, until)| until - from <= TRANSIENT)
    }
}
