//! Schedulers on nodes: zones, missed fires, clocks that are wrong.

use super::utc;
use crate::rig::{Rig, said, say, seconds};
use shakedown_sim::calendar::*;
use shakedown_sim::*;

const CRASHES: CrashProfile =
    CrashProfile { after: &[CrashFault::Crash], restart: Duration::from_secs(7_000), ..CrashProfile::NEVER };
const CLOCKS: ClockProfile = ClockProfile {
    setting: &[ClockFault::Behind(Duration::from_secs(600)), ClockFault::FastPpm(500)],
    jump: &[ClockFault::Behind(Duration::from_secs(3_600)), ClockFault::Ahead(Duration::from_secs(3_600))],
};
const SCHEDULER: Role = Role {
    single: true,
    clock: &CLOCKS,
    zone: ZoneName::new("Europe/Berlin"),
    ..Role::new(Label::new("scheduler"), &CRASHES)
};

/// A scheduler in Berlin from half past eleven at night on, universal time, whose job may crash it. It stores the last fire.
fn scheduler(text: &'static str, catch_up: CatchUp, start: WallTime) -> Rig {
    let rig = Rig::new(move |stage| {
        let facts = stage.facts().clone();
        let stored = std::rc::Rc::new(std::cell::Cell::new(start));
        stage.node(SCHEDULER, move |env| {
            let (facts, stored) = (facts.clone(), std::rc::Rc::clone(&stored));
            env.clone().spawn(async move {
                let timetable = Timetable::new(text.parse().unwrap(), env.zone(), Semantics::KUBERNETES);
                let schedule = Schedule::new(timetable, catch_up, stored.get());
                let mut schedule = schedule.until(start + seconds(4 * 3_600));
                while let Some(due) = schedule.next(&env).await {
                    let local = due.fire.local.to_string();
                    say(&facts, due.env(), format!("runs {} ({} left out)", &local[11..16], due.left_out));
                    stored.set(due.fire.at);
                    due.env().crash_point(Side::After, "job").await;
                }
            });
        });
    });
    rig.starting_at(start).horizon(5 * 3_600, 5 * 3_600)
}

fn check(rig: Rig, deviations: &str, expected: &[&str]) {
    assert_eq!(said(rig, deviations), expected, "{deviations}");
}

#[test]
fn a_scheduler_fires_by_the_zone_of_its_node() {
    let spring = utc(2026, 3, 29, 0, 0);
    let fires = ["1800 scheduler runs 01:30 (0 left out)", "5400 scheduler runs 03:30 (0 left out)"];
    check(scheduler("30 1,2,3 * * *", CatchUp::None, spring), "", &fires);
}

#[test]
fn missed_fires_are_left_out_stand_for_one_or_are_made_up_for() {
    let start = utc(2026, 6, 1, 0, 0);
    // Down from half past two until 4:27.
    let crash = "scheduler/after job @ fire-1 #1 = crash";
    let missed = |catch_up| scheduler("*/30 * * * *", catch_up, start);
    let first = "1800 scheduler runs 02:30 (0 left out)";
    let fires = said(missed(CatchUp::None), crash);
    assert_eq!(fires[..2], [first, "9000 scheduler runs 04:30 (3 left out)"]);
    let fires = said(missed(CatchUp::Once), crash);
    let next = "9000 scheduler runs 04:30 (0 left out)";
    assert_eq!(fires[..3], [first, "8800 scheduler runs 04:00 (2 left out)", next]);
    let fires = said(missed(CatchUp::All), crash);
    let all = [3_000, 3_030, 4_000]
        .map(|time| format!("8800 scheduler runs 0{}:{:02} (0 left out)", time / 1_000, time % 1_000));
    assert_eq!(fires[1..4], all);
    assert_eq!(fires[4], next);
}

#[test]
fn a_clock_that_goes_back_repeats_no_fire() {
    let start = utc(2026, 6, 1, 0, 0);
    // The third reading is the one after the first fire.
    let back = "scheduler/clock jump @ - #3 = 1 h behind";
    let fires = said(scheduler("0 * * * *", CatchUp::Once, start), back);
    let hours = ["3600 scheduler runs 03:00 (0 left out)", "10800 scheduler runs 04:00 (0 left out)"];
    assert_eq!(fires[..2], hours);
    let ahead = "scheduler/clock jump @ - #3 = 1 h ahead";
    let fires = said(scheduler("0 * * * *", CatchUp::Once, start), ahead);
    assert_eq!(fires[1], "3600 scheduler runs 04:00 (0 left out)");
}

#[test]
fn a_clock_that_is_wrong_fires_at_the_wrong_time() {
    let start = utc(2026, 6, 1, 0, 0);
    let behind = "scheduler/clock @ - #1 = 10 min behind";
    assert_eq!(
        said(scheduler("0 * * * *", CatchUp::Once, start), behind)[0],
        "4200 scheduler runs 03:00 (0 left out)"
    );
    let fast = "scheduler/clock @ - #1 = 500 ppm fast";
    let first = &said(scheduler("0 * * * *", CatchUp::Once, start), fast)[0];
    assert!(first.starts_with("3600 "), "{first}");
}
