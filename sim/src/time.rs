//! Virtual time: whole nanoseconds since the start of the run, and the text form of durations.

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

    /// Creates the moment this many nanoseconds after the start.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Returns the nanoseconds since the start.
    pub const fn nanos(self) -> u64 {
        self.0
    }

    /// Returns how much later this is than `earlier`; zero if it is not later.
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

/// A calendar time (UTC), as a node's clock shows it. A run starts at [`WallTime::AT_START`], unless its scenario
/// [says otherwise](crate::Stage::starts_at), so that a clock that is behind shows an earlier time and advances like
/// any other. A [`Zone`](crate::calendar::Zone) shows the local time.
///
/// ```
/// use shakedown_sim::{Duration, WallTime};
/// let behind = WallTime::AT_START - Duration::from_secs(30);
/// assert_eq!(behind.to_string(), "2025-12-31 23:59:30.000");
/// assert_eq!(WallTime::AT_START.since(behind), Duration::from_secs(30));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, serde::Serialize)]
pub struct WallTime(i64);

impl WallTime {
    /// The reading of a correct clock at the start of most runs: 2026-01-01 00:00:00.
    pub const AT_START: WallTime = WallTime(1_767_225_600 * 1_000_000_000);

    /// Creates the time this many seconds after 1970-01-01 00:00:00.
    pub const fn from_unix_secs(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1_000_000_000))
    }

    /// Returns the reading of a correct clock at a moment of a run that starts at this time.
    #[must_use]
    pub fn at(self, moment: Moment) -> Self {
        self.shifted(i64::try_from(moment.0).unwrap_or(i64::MAX))
    }

    /// Returns this time plus this many nanoseconds.
    pub(crate) fn shifted(self, nanos: i64) -> Self {
        Self(self.0.saturating_add(nanos))
    }

    /// Returns the nanoseconds since 1970-01-01 00:00:00.
    pub const fn unix_nanos(self) -> i64 {
        self.0
    }

    /// Returns the moment at which a correct clock shows this time, in a run that starts at `start`; [`Moment::START`]
    /// for a time before the run.
    pub fn moment(self, start: WallTime) -> Moment {
        Moment(u64::try_from(self.0.saturating_sub(start.0)).unwrap_or_default())
    }

    /// Returns how much later this is than `earlier`; zero if it is not later.
    pub fn since(self, earlier: WallTime) -> Duration {
        Duration::from_nanos(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or_default())
    }
}

impl Add<Duration> for WallTime {
    type Output = WallTime;
    fn add(self, by: Duration) -> WallTime {
        self.shifted(i64::try_from(by.as_nanos()).unwrap_or(i64::MAX))
    }
}

impl Sub<Duration> for WallTime {
    type Output = WallTime;
    fn sub(self, by: Duration) -> WallTime {
        self.shifted(i64::try_from(by.as_nanos()).map_or(i64::MIN, |by| -by))
    }
}

impl fmt::Display for WallTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = self.0.div_euclid(1_000_000);
        let (day, ms) = (ms.div_euclid(86_400_000), ms.rem_euclid(86_400_000));
        let (year, month, day) = date_of(day);
        let (h, m, s) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1_000 % 60);
        write!(f, "{year:04}-{month:02}-{day:02} {h:02}:{m:02}:{s:02}.{:03}", ms % 1_000)
    }
}

/// Returns the date this many days after 1970-01-01 (Hinnant, "chrono-compatible low-level date algorithms",
/// `civil_from_days`).
pub(crate) fn date_of(day: i64) -> (i64, i64, i64) {
    let since_march_0 = day + 719_468;
    let (era, day) = (since_march_0.div_euclid(146_097), since_march_0.rem_euclid(146_097));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let (day, month) = (day - (153 * month + 2) / 5 + 1, if month < 10 { month + 3 } else { month - 9 });
    (year + era * 400 + i64::from(month <= 2), month, day)
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

/// Reads a duration that [`text`] wrote; returns `None` for any other text.
pub fn parse(text: &str) -> Option<Duration> {
    let (count, unit) = text.split_once(' ')?;
    let (_, size) = UNITS.into_iter().find(|(name, _)| *name == unit)?;
    // Checked here, because parsing a number accepts a sign.
    let count = count.bytes().all(|byte| byte.is_ascii_digit()).then(|| count.parse::<u64>().ok())??;
    count.checked_mul(size).map(Duration::from_millis)
}

/// Returns whether [`parse`] reads this text as a duration above zero; for constants.
pub(crate) const fn is_written_delay(text: &str) -> bool {
    let bytes = text.as_bytes();
    let (mut at, mut is_zero) = (0, true);
    while at < bytes.len() && bytes[at].is_ascii_digit() {
        is_zero &= bytes[at] == b'0';
        at += 1;
    }
    // At most as many digits as fit into a count of milliseconds, whatever the unit.
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
    fn a_wall_time_is_written_as_a_date() {
        const DAY: u64 = 86_400;
        for (days, date) in [
            (0, "2026-01-01"),
            (58, "2026-02-28"),
            (59, "2026-03-01"),
            (364, "2026-12-31"),
            (789, "2028-02-29"),
        ] {
            let time = WallTime::AT_START + Duration::from_secs(days * DAY);
            assert_eq!(time.to_string(), format!("{date} 00:00:00.000"));
        }
        let before_1970 = WallTime(-1);
        assert_eq!(before_1970.to_string(), "1969-12-31 23:59:59.999");
        assert_eq!(before_1970.moment(WallTime::AT_START), Moment::START);
        let moment = Moment::from_nanos(90_000_000_000);
        let start = WallTime::AT_START + Duration::from_secs(DAY);
        assert_eq!(start.at(moment).moment(start), moment);
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
