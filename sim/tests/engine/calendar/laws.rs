//! Fires equal those of a scheduler that looks at every minute.

use super::{local_fires, utc};
use proptest::prelude::*;
use proptest::sample::select;
use shakedown_sim::calendar::*;
use shakedown_sim::{Duration, WallTime};

const DAYS: u64 = 4;

/// The specification: looks at every minute of elapsed time, keeps what it has seen, and notices a jump of the local time.
/// It knows neither offsets nor changes.
struct Scan<'a> {
    timetable: &'a Timetable,
    semantics: Semantics,
    is_starred: bool,
    zone: &'a Zone,
}

impl Scan<'_> {
    fn fires(&self, after: WallTime) -> Vec<Fire> {
        // Looks back, because what happens after a change depends on the time before it.
        let minutes = |count: u64| Duration::from_secs(60 * count);
        let whole = WallTime::from_unix_secs(after.unix_nanos() / 60_000_000_000 * 60);
        let start = whole - Duration::from_secs(2 * 86_400);
        let moments: Vec<WallTime> = (0..(DAYS + 4) * 24 * 60).map(|count| start + minutes(count)).collect();
        let shown: Vec<LocalTime> = moments.iter().map(|at| self.zone.local(*at)).collect();
        let mut fires = Vec::new();
        for (number, (at, local)) in moments.iter().zip(&shown).enumerate() {
            if self.timetable.names(*local) && self.keeps(&shown, number) {
                fires.push(Fire { at: *at, local: *local });
            }
            let jump = number.checked_sub(1).map_or(1, |before| local.minute() - shown[before].minute());
            if jump > 1 && !self.is_elapsed(jump - 1) {
                let skipped = (1..jump).map(|past| (past - 1, self.minute_after(shown[number - 1], past)));
                for (past, local) in skipped.filter(|(_, local)| self.timetable.names(*local)) {
                    match self.semantics.gap {
                        Gap::Skip => {}
                        Gap::AtChange => fires.push(Fire { at: *at, local }),
                        Gap::Shifted => fires.push(Fire { at: *at + minutes(past as u64), local }),
                    }
                }
            }
        }
        fires.sort();
        let until = after + Duration::from_secs(DAYS * 86_400);
        fires.retain(|fire| fire.at > after && fire.at <= until);
        fires
    }

    fn minute_after(&self, local: LocalTime, minutes: i64) -> LocalTime {
        let utc = Zone::utc();
        utc.local(utc.resolve(local).compatible() + Duration::from_secs(60 * minutes as u64))
    }

    /// Returns whether a minute fires although it is shown again before or after it.
    fn keeps(&self, shown: &[LocalTime], number: usize) -> bool {
        let again = |other: &usize| shown[*other] == shown[number];
        let (before, after) = ((0..number).find(again), (number + 1..shown.len()).find(again));
        let repeats_after = before.or(after).map_or(0, |other| number.abs_diff(other));
        match self.semantics.fold {
            Fold::Both => true,
            _ if self.is_elapsed(repeats_after as i64) => true,
            Fold::First => before.is_none(),
            Fold::Second => after.is_none(),
        }
    }

    fn is_elapsed(&self, minutes: i64) -> bool {
        self.semantics.stars_follow_elapsed_time && self.is_starred
            || minutes as u64 * 60 > self.semantics.greatest_change.as_secs()
    }
}

/// Changes of all kinds: of an hour and half an hour, at midnight, of two hours, of a whole day; and none.
const CHANGES: &[(&str, (i16, i8, i8))] = &[
    ("Europe/Berlin", (2026, 3, 29)),
    ("Europe/Berlin", (2026, 10, 25)),
    ("America/New_York", (2026, 3, 8)),
    ("America/New_York", (2026, 11, 1)),
    ("Australia/Lord_Howe", (2026, 4, 5)),
    ("Australia/Lord_Howe", (2026, 10, 4)),
    ("Africa/Cairo", (2026, 4, 24)),
    ("Africa/Cairo", (2026, 10, 30)),
    ("Antarctica/Troll", (2026, 3, 29)),
    ("Antarctica/Troll", (2026, 10, 25)),
    ("Pacific/Apia", (2011, 12, 30)),
    ("America/Caracas", (2016, 5, 1)),
    ("Asia/Kathmandu", (2026, 3, 29)),
    ("UTC", (2026, 3, 29)),
];

const ALL: &[Semantics] =
    &[Semantics::VIXIE, Semantics::KUBERNETES, Semantics::EVENTBRIDGE, Semantics::COMPATIBLE, SECOND];
const SECOND: Semantics = Semantics { gap: Gap::AtChange, fold: Fold::Second, ..Semantics::KUBERNETES };

fn expression() -> impl Strategy<Value = String> {
    let minute = prop_oneof![
        (0u8..60).prop_map(|minute| minute.to_string()),
        (0u8..30, 0u8..30, 1u8..9).prop_map(|(from, more, step)| format!("{from}-{}/{step}", from + more)),
        select(vec!["*", "*/7", "*/30", "0,30"]).prop_map(str::to_owned),
    ];
    let hour = prop_oneof![
        (0u8..5).prop_map(|hour| hour.to_string()),
        (0u8..12, 0u8..12).prop_map(|(from, more)| format!("{from}-{}", from + more)),
        select(vec!["*", "*/2", "1,2,3", "0,23"]).prop_map(str::to_owned),
    ];
    let days =
        select(vec!["* * *", "* * sun", "24-31/2 * *", "*/2 * sat,sun", "1,25 3-11 fri", "29 mar,dec *"]);
    (minute, hour, days).prop_map(|(minute, hour, days)| format!("{minute} {hour} {days}"))
}

fn check(text: &str, semantics: Semantics, (zone, (year, month, day)): (&str, (i16, i8, i8)), ahead: u64) {
    let zone = Zone::named(zone).expect("a zone");
    let after = zone.start_of_day(LocalTime::of(year, month, day, 0, 0)) - Duration::from_secs(ahead);
    let timetable = Timetable::new(text.parse().expect("an expression"), zone.clone(), semantics);
    let mut fields = text.split(' ');
    let is_starred = [fields.next(), fields.next()].iter().flatten().any(|field| field.starts_with('*'));
    let scan = Scan { timetable: &timetable, semantics, is_starred, zone: &zone };
    let until = after + Duration::from_secs(DAYS * 86_400);
    let fires: Vec<Fire> = timetable.fires(after).take_while(|fire| fire.at <= until).collect();
    assert_eq!(fires, scan.fires(after), "`{text}` in {} after {after} by {semantics:?}", zone.name());
    if let Some(first) = fires.first() {
        assert_eq!(timetable.next(after), Some(*first));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn fires_equal_those_of_a_scan_of_every_minute(
        text in expression(),
        semantics in select(ALL),
        change in select(CHANGES),
        ahead in 0u64..2 * 86_400,
    ) {
        check(&text, semantics, change, ahead);
    }
}

#[test]
fn every_semantics_agrees_with_the_scan_at_every_change() {
    for change in CHANGES {
        for semantics in ALL {
            for text in ["30 2 * * *", "*/15 0-3 * * *", "0,30 0,1,2 * * *"] {
                check(text, *semantics, *change, 86_400);
            }
        }
    }
}

fn nightly(text: &str, semantics: Semantics) -> Timetable {
    Timetable::new(text.parse().expect("an expression"), ZoneName::new("Europe/Berlin").zone(), semantics)
}

#[test]
fn a_nightly_job_runs_twice_never_or_once_as_its_scheduler_does() {
    let (spring, autumn) = (LocalTime::of(2026, 3, 29, 0, 0), LocalTime::of(2026, 10, 25, 0, 0));
    let count = |semantics, day| local_fires(&nightly("30 2 * * *", semantics), day, 1).len();
    assert_eq!((count(Semantics::KUBERNETES, spring), count(Semantics::KUBERNETES, autumn)), (0, 2));
    assert_eq!((count(Semantics::EVENTBRIDGE, spring), count(Semantics::EVENTBRIDGE, autumn)), (0, 1));
    let late = |semantics| local_fires(&nightly("30 2 * * *", semantics), spring, 1);
    assert_eq!(late(Semantics::VIXIE), ["2026-03-29 03:00:00"]);
    assert_eq!(late(Semantics::COMPATIBLE), ["2026-03-29 03:30:00"]);
    // Each skipped time runs, and jobs with a star follow the elapsed time.
    assert_eq!(
        local_fires(&nightly("0,30 2 * * *", Semantics::VIXIE), spring, 1),
        ["2026-03-29 03:00:00"; 2]
    );
    assert_eq!(local_fires(&nightly("30 * * * *", Semantics::VIXIE), spring, 1).len(), 23);
    assert_eq!(local_fires(&nightly("30 * * * *", Semantics::VIXIE), autumn, 1).len(), 25);
}

#[test]
fn rare_dates_are_found_and_impossible_ones_are_not() {
    let leap = nightly("0 12 29 2 *", Semantics::KUBERNETES);
    assert_eq!(leap.next(utc(2096, 3, 1, 0, 0)).map(|fire| fire.at), Some(utc(2104, 2, 29, 11, 0)));
    assert_eq!(nightly("0 12 30 2 *", Semantics::KUBERNETES).next(utc(2026, 1, 1, 0, 0)), None);
}

#[test]
fn keys_of_fires_are_distinct_and_the_same_for_each_scheduler() {
    let autumn = utc(2026, 10, 24, 0, 0);
    let timetable = nightly("0,30 * * * *", Semantics::KUBERNETES);
    let keys: Vec<u64> = timetable.fires(autumn).take(200).map(Fire::key).collect();
    let distinct: std::collections::BTreeSet<u64> = keys.iter().copied().collect();
    assert_eq!(distinct.len(), keys.len());
    let later: Vec<u64> =
        timetable.fires(autumn + Duration::from_secs(86_400)).take(100).map(Fire::key).collect();
    assert!(later.iter().all(|key| distinct.contains(key)));
}
