//! Heartbeats that are received cost nothing; missing ones are noticed.

use crate::rig::{Rig, happy, said, say, seconds};
use shakedown_sim::*;

const DAY: u64 = 86_400;

/// A node that sends a heartbeat each minute and acts after 30 and after 330 seconds, and a listener with a timeout
/// of three minutes.
fn listened_to() -> Rig {
    let rig = Rig::new(|stage| {
        let facts = stage.facts().clone();
        const FRAIL: CrashProfile = CrashProfile {
            before: &[
                CrashFault::Crash,
                CrashFault::ShutDown,
                CrashFault::Pause(Duration::from_secs(100)),
                CrashFault::Pause(Duration::from_secs(600)),
            ],
            late_restart: &[Duration::from_secs(600)],
            ..CrashProfile::NEVER
        };
        let beating = stage.node(Role::new("beating".into(), &FRAIL), |env| {
            env.clone().spawn(async move {
                for after in [30, 300] {
                    env.sleep(seconds(after)).await;
                    env.crash_point(Side::Before, "work").await;
                }
            });
        });
        let listener = stage.node(Role::outside("listener".into()), |_| {});
        listener.clone().spawn(async move {
            let heartbeat = Heartbeat::of(&beating, seconds(60));
            loop {
                let last = heartbeat.silence(&listener, seconds(180)).await;
                say(&facts, &listener, format!("misses beats since {last}"));
                heartbeat.beat(&listener).await;
                say(&facts, &listener, "hears it again");
            }
        });
    });
    rig.horizon(DAY, 60)
}

#[test]
fn received_heartbeats_cost_nothing() {
    let (day, year) = (happy(listened_to()), happy(listened_to().horizon(365 * DAY, 60)));
    assert_eq!(day.events, year.events);
    assert_eq!((day.violations, year.violations), (vec![], vec![]));
}

#[test]
fn a_node_that_is_back_before_the_timeout_is_not_missed() {
    for short in ["crash", "shutdown", "pause 100 s"] {
        assert_eq!(said(listened_to(), &format!("beating/before work @ - #1 = {short}")), [""; 0], "{short}");
    }
}

#[test]
fn a_missed_heartbeat_counts_from_the_last_one() {
    let expected = ["180 listener misses beats since 00:00:00.000", "630 listener hears it again"];
    assert_eq!(said(listened_to(), "beating/before work @ - #1 = pause 600 s"), expected);
    let expected = ["480 listener misses beats since 00:05:00.000", "930 listener hears it again"];
    assert_eq!(said(listened_to(), "beating/before work @ - #2 = pause 600 s"), expected);
}

#[test]
fn a_node_that_is_down_sends_no_heartbeat_and_a_restarted_one_does_at_once() {
    for ending in ["crash", "shutdown"] {
        let script = format!("beating/before work @ - #1 = {ending}\nbeating/restart @ - #1 = 600 s");
        let expected = ["180 listener misses beats since 00:00:00.000", "635 listener hears it again"];
        assert_eq!(said(listened_to(), &script), expected, "{ending}");
    }
}

/// A node that suspends its heartbeat from 30 seconds after its start until 300, with a crash point at 130; and a listener
/// with a timeout of three minutes.
fn led() -> Rig {
    let rig = Rig::new(|stage| {
        let facts = stage.facts().clone();
        const FRAIL: CrashProfile = CrashProfile {
            before: &[CrashFault::Crash, CrashFault::Pause(Duration::from_secs(100))],
            ..CrashProfile::NEVER
        };
        let beating = stage.node(Role::new("beating".into(), &FRAIL), |env| {
            let heartbeat = Heartbeat::of(&env, seconds(60));
            env.clone().spawn(async move {
                heartbeat.go_on(&env);
                env.sleep(seconds(30)).await;
                heartbeat.stop(&env);
                env.sleep(seconds(100)).await;
                env.crash_point(Side::Before, "work").await;
                env.sleep(seconds(170)).await;
                heartbeat.go_on(&env);
            });
        });
        let listener = stage.node(Role::outside("listener".into()), |_| {});
        listener.clone().spawn(async move {
            let heartbeat = Heartbeat::of(&beating, seconds(60));
            loop {
                let last = heartbeat.silence(&listener, seconds(180)).await;
                say(&facts, &listener, format!("misses beats since {last}"));
                heartbeat.beat(&listener).await;
                say(&facts, &listener, "hears it again");
            }
        });
    });
    rig.horizon(DAY, 60)
}

#[test]
fn a_node_with_a_suspended_heartbeat_is_missed_although_it_is_up() {
    let expected = ["180 listener misses beats since 00:00:00.000", "300 listener hears it again"];
    assert_eq!(said(led(), ""), expected);
    let paused = said(led(), "beating/before work @ - #1 = pause 100 s");
    assert_eq!(paused[..2], ["180 listener misses beats since 00:00:00.000", "400 listener hears it again"]);
}

#[test]
fn a_restarted_node_that_controls_its_heartbeat_sends_none_until_it_resumes() {
    let rig = Rig::new(|stage| {
        let facts = stage.facts().clone();
        const FRAIL: CrashProfile = CrashProfile { before: &[CrashFault::Crash], ..CrashProfile::NEVER };
        let beating = stage.node(Role::new("beating".into(), &FRAIL), |env| {
            let heartbeat = Heartbeat::of(&env, seconds(60));
            heartbeat.stop(&env);
            env.clone().spawn(async move {
                env.sleep(seconds(100)).await;
                env.child("work").crash_point(Side::Before, "work").await;
                heartbeat.go_on(&env);
            });
        });
        let listener = stage.node(Role::outside("listener".into()), |_| {});
        listener.clone().spawn(async move {
            let heartbeat = Heartbeat::of(&beating, seconds(60));
            heartbeat.silence(&listener, seconds(180)).await;
            say(&facts, &listener, "misses it");
            heartbeat.beat(&listener).await;
            say(&facts, &listener, "hears it");
        });
    });
    let rig = rig.horizon(DAY, 60);
    // Restarted after 5 s, it could have sent a heartbeat at 105.
    assert_eq!(
        said(rig, "beating/before work @ work-1 #1 = crash"),
        ["180 listener misses it", "205 listener hears it"]
    );
}
