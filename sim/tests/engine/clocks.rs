//! Clocks: a node may read a wrong time, but its timers are right.

use crate::rig::{Rig, said, say, seconds};
use shakedown_sim::clock::ClockProfile;
use shakedown_sim::*;

const ROLE: Role = Role {
    single: true,
    clock: &ClockProfile {
        setting: &[
            ClockFault::Ahead(Duration::from_secs(300)),
            ClockFault::Behind(Duration::from_secs(30)),
            ClockFault::FastPpm(1000),
        ],
        jump: &[
            ClockFault::Ahead(Duration::from_secs(90_000)),
            ClockFault::Behind(Duration::from_secs(90_000)),
        ],
    },
    ..Role::new(Label::new("clerk"), &CrashProfile::NEVER)
};

/// A clerk that reads its clock at the start, at ten seconds, and when the run has healed at sixty.
fn clerk() -> Rig {
    Rig::new(|stage| {
        let facts = stage.facts().clone();
        stage.node(ROLE, move |env| {
            let facts = facts.clone();
            env.clone().spawn(async move {
                for wait in [0, 10, 60] {
                    env.sleep(seconds(wait)).await;
                    say(&facts, &env, format!("reads {} at {}", env.clock(), env.now()));
                }
            });
        });
    })
}

fn check(deviations: &str, read: [&str; 2]) {
    let last = "70 clerk reads 2026-01-01 00:01:10.000 at 00:01:10.000";
    let [first, second] = read.map(str::to_owned);
    let first = format!("0 clerk reads {first} at 00:00:00.000");
    let second = format!("10 clerk reads {second} at 00:00:10.000");
    assert_eq!(said(clerk(), deviations), [first.as_str(), second.as_str(), last], "{deviations}");
}

#[test]
fn a_node_reads_its_own_clock_until_the_run_heals() {
    check("", ["2026-01-01 00:00:00.000", "2026-01-01 00:00:10.000"]);
    check("clerk/clock @ - #1 = 5 min ahead", ["2026-01-01 00:05:00.000", "2026-01-01 00:05:10.000"]);
    check("clerk/clock @ - #1 = 1000 ppm fast", ["2026-01-01 00:00:00.000", "2026-01-01 00:00:10.010"]);
    check("clerk/clock jump @ - #2 = 25 h ahead", ["2026-01-01 00:00:00.000", "2026-01-02 01:00:10.000"]);
    check(
        "clerk/clock @ - #1 = 5 min ahead\nclerk/clock jump @ - #2 = 25 h behind",
        ["2026-01-01 00:05:00.000", "2025-12-30 23:05:10.000"],
    );
}

#[test]
fn a_clock_that_is_behind_advances_before_it_has_caught_up() {
    check("clerk/clock @ - #1 = 30 s behind", ["2025-12-31 23:59:30.000", "2025-12-31 23:59:40.000"]);
}
