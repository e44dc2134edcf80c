//! Calendars: when cron expressions fire, and what schedulers make of it.

mod laws;
mod schedules;

use shakedown_sim::WallTime;
use shakedown_sim::calendar::{LocalTime, Timetable, Zone};

/// Returns the moment at which clocks in universal time show this time.
fn utc(year: i16, month: i8, day: i8, hour: i8, minute: i8) -> WallTime {
    Zone::utc().resolve(LocalTime::of(year, month, day, hour, minute)).compatible()
}

/// Returns the local times of the fires from a day on, for `days` days.
fn local_fires(timetable: &Timetable, day: LocalTime, days: i64) -> Vec<String> {
    let zone = timetable.zone();
    let (from, until) = (zone.start_of_day(day), zone.start_of_day(day.plus_days(days)));
    let fires = timetable.fires(from - shakedown_sim::Duration::from_nanos(1));
    fires.take_while(|fire| fire.at < until).map(|fire| zone.local(fire.at).to_string()).collect()
}
