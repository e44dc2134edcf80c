//! `local-calendar`: the days of a clinic are those of its time zone.

use crate::guardrail::{Guardrail, Naive};
use shakedown_sim::calendar::Zone;
use shakedown_sim::{Duration, WallTime};

/// The row of `local-calendar` in the table of guardrails.
pub const ROW: Guardrail = Guardrail {
    name: "local-calendar",
    system: "visit",
    guarded: "appointments, closes and reminders are computed by the local time of the clinic's zone",
    naive: &[Naive {
        what: "a day later is 24 hours later",
        breaks: &["nobody-judged-early-or-late"],
        masked_by: &[],
    }],
};

const HOUR: Duration = Duration::from_secs(3_600);
const HOURS_OF_DAY: u64 = 24;

/// The seam: the moments of a clinic's local times.
pub trait LocalCalendar {
    /// Returns the moment at which clocks in `zone` show the full hour `hour`, `days` days after the day of `now`.
    fn at(&self, zone: &Zone, now: WallTime, days: u32, hour: u64) -> WallTime;
}

/// Guarded: the date and the hour are converted by the rules of the zone.
pub struct DaysOfTheZone;

impl LocalCalendar for DaysOfTheZone {
    fn at(&self, zone: &Zone, now: WallTime, days: u32, hour: u64) -> WallTime {
        let midnight = zone.local(now).midnight().plus_days(i64::from(days));
        zone.resolve(midnight + HOUR * hour as u32).compatible()
    }
}

/// Naive: hours are added to the midnight before `now`.
pub struct DaysOf24Hours;

impl LocalCalendar for DaysOf24Hours {
    fn at(&self, zone: &Zone, now: WallTime, days: u32, hour: u64) -> WallTime {
        let hours = u64::from(days) * HOURS_OF_DAY + hour;
        zone.start_of_day(zone.local(now)) + HOUR * hours as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shakedown_sim::calendar::{LocalTime, ZoneName};

    #[test]
    fn a_day_is_24_hours_unless_the_clocks_change() {
        let zone = ZoneName::new("Europe/Berlin").zone();
        let hours = |calendar: &dyn LocalCalendar, month, day| {
            let noon = zone.resolve(LocalTime::of(2026, month, day, 12, 0)).compatible();
            calendar.at(&zone, noon, 1, 9).since(noon).as_secs() / 3_600
        };
        assert_eq!(
            [(1, 1), (3, 28), (10, 24)].map(|(month, day)| hours(&DaysOfTheZone, month, day)),
            [21, 20, 22]
        );
        assert_eq!(
            [(1, 1), (3, 28), (10, 24)].map(|(month, day)| hours(&DaysOf24Hours, month, day)),
            [21, 21, 21]
        );
    }
}
