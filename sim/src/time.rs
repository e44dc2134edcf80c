//! Virtual time: whole nanoseconds since the run began, and how durations are written.

pub use std::time::Duration;

use std::fmt;
use std::ops::{Add, Sub};

/// A moment of the run, in whole nanoseconds since its start. Written as `hh:mm:ss.mmm`.
///
/// ```
/// use shakedown_sim::{Duration, Moment};
/// let later = Moment::START + Duration::from_millis(62_120);
/// assert_eq!(later.to_string(), "00:01:02.120");
/// assert_eq!(later - Moment::START, Duration::from_millis(62_120));
/// ```
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, serde::Serialize, serde::Deserialize,
)]
pub struct Moment(u64);

impl Moment {
    /// The start of the run.
    pub const START: Moment = Moment(0);
    /// A moment that no run reaches.
    pub const NEVER: Moment = Moment(u64::MAX);

    /// The moment this many nanoseconds after the start.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the start.
    pub const fn nanos(self) -> u64 {
        self.0
    }

    /// How much later this is than `earlier`; zero if it is not.
    pub fn since(self, earlier: Moment) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Moment {
    type Output = Moment;
    fn add(self, by: Duration) -> Moment {
        Moment(self.0.saturating_add(u64::try_from(by.as_nanos()).unwrap_or(u64::MAX)))
    }
}

impl Sub for Moment {
    type Output = Duration;
    fn sub(self, earlier: Moment) -> Duration {
        self.since(earlier)
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = self.0 / 1_000_000;
        let (s, m, h) = (ms / 1_000 % 60, ms / 60_000 % 60, ms / 3_600_000);
        write!(f, "{h:02}:{m:02}:{s:02}.{:03}", ms % 1_000)
    }
}

const UNITS: [(&str, u64); 4] = [("h", 3_600_000), ("min", 60_000), ("s", 1_000), ("ms", 1)];

/// Writes a duration in the largest unit that divides it: `8 s`, `10 min`, `1500 ms`.
///
/// ```
/// use shakedown_sim::{Duration, time};
/// assert_eq!(time::text(Duration::from_secs(600)), "10 min");
/// assert_eq!(time::text(Duration::from_millis(1_500)), "1500 ms");
/// ```
pub fn text(duration: Duration) -> String {
    let ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let (unit, size) = UNITS.into_iter().find(|(_, size)| ms != 0 && ms % size == 0).unwrap_or(("ms", 1));
    format!("{} {unit}", ms / size)
}

/// Reads what [`text`] writes; `None` if it is something else.
pub fn parse(text: &str) -> Option<Duration> {
    let (count, unit) = text.split_once(' ')?;
    let (_, size) = UNITS.into_iter().find(|(name, _)| *name == unit)?;
    // A number may have a sign elsewhere.
    let count = count.bytes().all(|byte| byte.is_ascii_digit()).then(|| count.parse::<u64>().ok())??;
    count.checked_mul(size).map(Duration::from_millis)
}

/// Whether [`parse`] reads this as a duration above zero; for constants.
pub(crate) const fn is_written_delay(text: &str) -> bool {
    let bytes = text.as_bytes();
    let (mut at, mut is_zero) = (0, true);
    while at < bytes.len() && bytes[at].is_ascii_digit() {
        is_zero &= bytes[at] == b'0';
        at += 1;
    }
    // As many digits as fit into a count of milliseconds, whatever the unit.
    !is_zero && at <= 12 && matches!(bytes.split_at(at).1, b" h" | b" min" | b" s" | b" ms")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_written_delay_is_what_is_read_as_a_duration_above_zero() {
        for text in [
            "8 s", "10 min", "72 h", "1 ms", "0 s", "00 ms", "s", "", " s", "8", "8  s", "8 days", "losst",
            "-1 s",
        ] {
            let above_zero = parse(text).is_some_and(|duration| !duration.is_zero());
            assert_eq!(is_written_delay(text), above_zero, "{text}");
        }
    }

    #[test]
    fn a_duration_is_read_back_as_it_was_written() {
        for ms in [0, 1, 999, 1_000, 1_500, 60_000, 90_000, 3_600_000, 86_400_000] {
            let duration = Duration::from_millis(ms);
            assert_eq!(parse(&text(duration)), Some(duration));
        }
        for text in ["soon", "", " s", "8", "8 days", "99999999999999999999 ms", "18446744073709551615 s"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
