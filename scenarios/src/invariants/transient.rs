//! Whether all that went wrong in a run passes by itself.

use shakedown_sim::{Disturbance, Duration, Moment};

/// The longest that faults may last, from the first to the end of the last, for the platform to get over them
/// by itself.
const TRANSIENT: Duration = Duration::from_secs(120);

/// The time within which all faults of a run lie. What people do is no fault.
#[derive(Default)]
pub struct FaultSpan(Option<(Moment, Moment)>);

/// Owners of the choices that are people's: whoever acts on a screen, changes a text, or writes to us late.
const PEOPLE: [&str; 4] = ["customer", "operator", "importer", "editor"];

impl FaultSpan {
    /// Takes one more fault.
    pub fn extend(&mut self, disturbance: &Disturbance) {
        if !PEOPLE.contains(&disturbance.owner) {
            let (from, until) = self.0.unwrap_or((disturbance.from, disturbance.until));
            self.0 = Some((from.min(disturbance.from), until.max(disturbance.until)));
        }
    }

    /// Whether it is so short that nobody should be needed.
    pub fn is_transient(&self) -> bool {
        self.0.is_none_or(|(from, until)| until - from <= TRANSIENT)
    }
}
