//! Time zones, and local times in them.

use crate::time::{Duration, WallTime, date_of};
use jiff::Timestamp;
use jiff::tz::{AmbiguousOffset, Offset, TimeZone, TimeZoneDatabase};
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Add;
use std::sync::{LazyLock, Mutex, PoisonError};

/// The database that is compiled in. [`TimeZoneDatabase::bundled`] reads neither files nor the environment, so a zone
/// means the same on every machine.
static DATABASE: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// The zones that were asked for, as the database parses a zone each time.
static LOADED: Mutex<BTreeMap<String, Zone>> = Mutex::new(BTreeMap::new());

pub(super) const MINUTE: i64 = 60;
pub(super) const DAY: i64 = 86_400;
const NANOS: i64 = 1_000_000_000;

/// There is no time zone of this name.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("there is no time zone `{0}`")]
pub struct UnknownZone(pub String);

/// The name of a time zone, as constants such as a [`Role`](crate::Role) hold it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize)]
pub struct ZoneName(&'static str);

impl ZoneName {
    /// Universal time.
    pub const UTC: ZoneName = ZoneName("UTC");

    /// Creates the name of a zone of the IANA database, such as `Europe/Berlin`.
    pub const fn new(name: &'static str) -> Self {
        Self(name)
    }

    /// Returns the name.
    pub const fn name(self) -> &'static str {
        self.0
    }

    /// Returns the zone.
    ///
    /// # Panics
    /// If there is no zone of this name.
    pub fn zone(self) -> Zone {
        Zone::named(self.0).unwrap_or_else(|error| panic!("{error}"))
    }
}

/// A time zone: the offset of local time from UTC at each moment.
///
/// ```
/// use shakedown_sim::WallTime;
/// use shakedown_sim::calendar::{LocalTime, Resolved, Zone};
/// let berlin = Zone::named("Europe/Berlin")?;
/// assert_eq!(berlin.local(WallTime::AT_START).to_string(), "2026-01-01 01:00:00");
///
/// // The clocks go forward at two o'clock, and this time does not exist.
/// let skipped = LocalTime::of(2026, 3, 29, 2, 30);
/// assert!(matches!(berlin.resolve(skipped), Resolved::Skipped { .. }));
/// # Ok::<(), shakedown_sim::calendar::UnknownZone>(())
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Zone(TimeZone);

/// The moments at which clocks in a zone show a local time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Resolved {
    /// They show it once.
    Once(WallTime),
    /// They skip it, because they go forward over it.
    Skipped {
        /// When they go forward.
        change: WallTime,
        /// The moment that follows the last hours before the change as if there were none.
        shifted: WallTime,
    },
    /// They show it twice, because they go back over it.
    Twice(WallTime, WallTime),
}

impl Resolved {
    /// Returns one moment: of two the first, of none the shifted one. This is the rule of `java.time`, of Temporal
    /// ("compatible") and of RFC 5545.
    pub fn compatible(self) -> WallTime {
        match self {
            Resolved::Once(at) | Resolved::Twice(at, _) => at,
            Resolved::Skipped { shifted, .. } => shifted,
        }
    }
}

impl Zone {
    /// Returns the zone of this name in the IANA database that is compiled in.
    ///
    /// # Errors
    /// If there is none.
    pub fn named(name: &str) -> Result<Zone, UnknownZone> {
        let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(zone) = loaded.get(name) {
            return Ok(zone.clone());
        }
        let zone = DATABASE.get(name).map(Zone).map_err(|_| UnknownZone(name.to_owned()))?;
        loaded.insert(name.to_owned(), zone.clone());
        Ok(zone)
    }

    /// Returns universal time.
    pub fn utc() -> Zone {
        Zone(TimeZone::UTC)
    }

    /// Returns its name.
    pub fn name(&self) -> &str {
        self.0.iana_name().unwrap_or("UTC")
    }

    /// Returns the local time at a moment, in whole seconds.
    pub fn local(&self, at: WallTime) -> LocalTime {
        LocalTime(at.unix_nanos().div_euclid(NANOS) + self.offset(at))
    }

    /// Returns the moments at which clocks show a local time.
    pub fn resolve(&self, local: LocalTime) -> Resolved {
        let civil = Offset::UTC.to_datetime(timestamp(local.0));
        let at = |offset: Offset| WallTime::from_unix_secs(local.0 - i64::from(offset.seconds()));
        match self.0.to_ambiguous_timestamp(civil).offset() {
            AmbiguousOffset::Unambiguous { offset } => Resolved::Once(at(offset)),
            AmbiguousOffset::Fold { before, after } => Resolved::Twice(at(before), at(after)),
            AmbiguousOffset::Gap { before, after } => {
                let shifted = at(before);
                // The change is between the two readings of the time that does not exist.
                let change = self.change_after(at(after) - Duration::from_secs(1)).unwrap_or(shifted);
                Resolved::Skipped { change, shifted }
            }
        }
    }

    /// Returns the moment at which the day of a local time begins: midnight, or the end of the time that is skipped
    /// there.
    pub fn start_of_day(&self, local: LocalTime) -> WallTime {
        match self.resolve(local.midnight()) {
            Resolved::Once(at) | Resolved::Twice(at, _) => at,
            Resolved::Skipped { change, .. } => change,
        }
    }

    /// Returns the moment at which the day of this moment ends: 23, 24 or 25 hours after it began.
    pub fn end_of_day(&self, at: WallTime) -> WallTime {
        self.start_of_day(self.local(at).plus_days(1))
    }

    /// Returns the moment with the same local time this many days later, by [`Resolved::compatible`].
    pub fn plus_days(&self, at: WallTime, days: i64) -> WallTime {
        self.resolve(self.local(at).plus_days(days)).compatible()
    }

    /// Returns the first change of the offset after a moment.
    pub fn change_after(&self, at: WallTime) -> Option<WallTime> {
        let from = nanos(at);
        // A change may also be one of the name only.
        let changes = self.0.following(from).map(|change| change.timestamp().as_second());
        let mut changes =
            changes.take_while(|second| *second < i64::MAX / NANOS).map(WallTime::from_unix_secs);
        changes.find(|change| self.offset(*change) != self.offset(*change - Duration::from_secs(1)))
    }

    /// Returns the last change of the offset until a moment.
    pub(super) fn change_until(&self, at: WallTime) -> Option<WallTime> {
        let until = nanos(at + Duration::from_nanos(1));
        let changes = self.0.preceding(until).map(|change| change.timestamp().as_second());
        let mut changes =
            changes.take_while(|second| *second > i64::MIN / NANOS).map(WallTime::from_unix_secs);
        changes.find(|change| self.offset(*change) != self.offset(*change - Duration::from_secs(1)))
    }

    /// Returns the offset from UTC in seconds, positive to the east.
    pub(super) fn offset(&self, at: WallTime) -> i64 {
        i64::from(self.0.to_offset(nanos(at)).seconds())
    }
}

fn nanos(at: WallTime) -> Timestamp {
    Timestamp::from_nanosecond(i128::from(at.unix_nanos())).expect("a wall time is before the year 2263")
}

fn timestamp(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("a local time is before the year 9999")
}

/// A date and a time of day without a zone, in whole seconds. Written as `2026-03-29 02:30:00`.
///
/// ```
/// use shakedown_sim::calendar::LocalTime;
/// let leap = LocalTime::of(2028, 2, 29, 12, 0);
/// assert_eq!(leap.plus_days(1).to_string(), "2028-03-01 12:00:00");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, serde::Serialize)]
pub struct LocalTime(pub(super) i64);

impl LocalTime {
    /// Creates the time of this date, hour and minute.
    ///
    /// # Panics
    /// If there is no such date or time of day.
    pub fn of(year: i16, month: i8, day: i8, hour: i8, minute: i8) -> Self {
        let civil = jiff::civil::DateTime::new(year, month, day, hour, minute, 0, 0);
        let civil = civil.unwrap_or_else(|_| panic!("no time {year}-{month}-{day} {hour}:{minute}"));
        Self(Offset::UTC.to_timestamp(civil).expect("a date of four digits").as_second())
    }

    /// Returns the same time of day this many days later.
    #[must_use]
    pub fn plus_days(self, days: i64) -> Self {
        Self(self.0 + days * DAY)
    }

    /// Returns the start of its date.
    #[must_use]
    pub fn midnight(self) -> Self {
        Self(self.day() * DAY)
    }

    /// Returns the number of its date, counted from 1970-01-01: a key for what happens once a day.
    pub fn day(self) -> i64 {
        self.0.div_euclid(DAY)
    }

    /// Returns the number of its minute, counted from 1970-01-01 00:00.
    pub fn minute(self) -> i64 {
        self.0.div_euclid(MINUTE)
    }
}

impl Add<Duration> for LocalTime {
    type Output = LocalTime;
    fn add(self, by: Duration) -> LocalTime {
        Self(self.0.saturating_add(i64::try_from(by.as_secs()).unwrap_or(i64::MAX)))
    }
}

impl fmt::Display for LocalTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = date_of(self.day());
        let second = self.0.rem_euclid(DAY);
        let (h, m, s) = (second / 3_600, second / MINUTE % 60, second % 60);
        write!(f, "{year:04}-{month:02}-{day:02} {h:02}:{m:02}:{s:02}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utc(year: i16, month: i8, day: i8, hour: i8, minute: i8) -> WallTime {
        WallTime::from_unix_secs(LocalTime::of(year, month, day, hour, minute).0)
    }

    #[test]
    fn a_local_time_exists_once_twice_or_never() {
        let berlin = ZoneName::new("Europe/Berlin").zone();
        let noon = berlin.resolve(LocalTime::of(2026, 7, 1, 12, 0));
        assert_eq!(noon, Resolved::Once(utc(2026, 7, 1, 10, 0)));
        let spring = berlin.resolve(LocalTime::of(2026, 3, 29, 2, 30));
        let (change, shifted) = (utc(2026, 3, 29, 1, 0), utc(2026, 3, 29, 1, 30));
        assert_eq!(spring, Resolved::Skipped { change, shifted });
        let autumn = berlin.resolve(LocalTime::of(2026, 10, 25, 2, 30));
        assert_eq!(autumn, Resolved::Twice(utc(2026, 10, 25, 0, 30), utc(2026, 10, 25, 1, 30)));
    }

    #[test]
    fn a_local_day_has_23_24_or_25_hours() {
        fn check(zone: &str, day: LocalTime, hours: u64) {
            let zone = Zone::named(zone).expect("a zone");
            let start = zone.start_of_day(day);
            assert_eq!(
                zone.end_of_day(start).since(start),
                Duration::from_secs(hours * 3_600),
                "{zone:?} {day}"
            );
        }
        check("Europe/Berlin", LocalTime::of(2026, 3, 28, 12, 0), 24);
        check("Europe/Berlin", LocalTime::of(2026, 3, 29, 12, 0), 23);
        check("Europe/Berlin", LocalTime::of(2026, 10, 25, 12, 0), 25);
        // In Cairo the clocks go forward at midnight, so the day begins at one o'clock.
        check("Africa/Cairo", LocalTime::of(2026, 4, 24, 12, 0), 23);
        // In Samoa the whole of 30 December 2011 was skipped: its end is its start.
        check("Pacific/Apia", LocalTime::of(2011, 12, 29, 12, 0), 24);
        check("UTC", LocalTime::of(2026, 3, 29, 12, 0), 24);
    }

    #[test]
    fn a_day_later_is_the_same_time_of_day() {
        let berlin = ZoneName::new("Europe/Berlin").zone();
        let saturday = utc(2026, 3, 28, 12, 0);
        assert_eq!(berlin.local(berlin.plus_days(saturday, 1)), LocalTime::of(2026, 3, 29, 13, 0));
        assert_eq!(berlin.plus_days(saturday, 1).since(saturday), Duration::from_secs(23 * 3_600));
    }

    #[test]
    fn a_name_that_is_no_zone_is_an_error() {
        assert_eq!(Zone::named("Mars/Olympus"), Err(UnknownZone("Mars/Olympus".to_owned())));
        assert_eq!(Zone::utc().name(), "UTC");
        assert_eq!(Zone::named("europe/berlin").expect("a zone").name(), "Europe/Berlin");
    }
}
