//! A load balancer that learns of its instances by checks and by failed requests.

use crate::rig::{Rig, said, say, seconds};
use shakedown_sim::balancing::*;
use shakedown_sim::*;
use std::cell::Cell;

const CRASH: CrashProfile = CrashProfile {
    before: &[CrashFault::Crash, CrashFault::Pause(Duration::from_secs(20))],
    restart: Duration::from_secs(20),
    ..CrashProfile::NEVER
};
const CHECKED: Balancing = Balancing { health: Some(HealthChecks::ENVOY), ..Balancing::IMMEDIATE };

/// Three nodes, and a client that calls them each second for a minute, from half a second on. After seven seconds the second
/// node may crash, pause or drain. `fails` says from when until when, in seconds, it responds with 500.
fn web(balancing: Balancing, drains: bool, fails: [u64; 2]) -> Rig {
    let rig = Rig::new(move |stage| {
        let link = Link::new("web", Duration::ZERO, &LinkFaults::NONE);
        let op = Op::new("web.ask", "asks");
        let ask: Endpoint<u32, u16> = Endpoint::balanced_by(op, &link, balancing, |status| *status >= 500);
        for number in 1..=3 {
            let (facts, served, is_first) = (stage.facts().clone(), ask.clone(), Cell::new(true));
            stage.node(Role::new("web".into(), &CRASH), move |env| {
                let facts = facts.clone();
                served.serve(&env, move |env, request| {
                    say(&facts, &env, format!("serves {request}"));
                    let second = env.now().nanos() / 1_000_000_000;
                    let is_bad = number == 2 && (fails[0]..fails[1]).contains(&second);
                    async move { if is_bad { 500 } else { 200 } }
                });
                if number == 2 && is_first.replace(false) {
                    let served = served.clone();
                    env.clone().spawn(async move {
                        env.sleep(seconds(7)).await;
                        if drains {
                            served.drain(&env);
                        }
                        env.crash_point(Side::Before, "work").await;
                    });
                }
            });
        }
        let facts = stage.facts().clone();
        let client = stage.node(Role::outside("client".into()), |_| {});
        client.clone().spawn(async move {
            client.sleep(Duration::from_millis(500)).await;
            for request in 0..60 {
                let (env, ask, facts) = (client.child("ask"), ask.clone(), facts.clone());
                env.clone().spawn(async move {
                    match env.call(&ask, request, seconds(3)).await {
                        Ok(_) => {}
                        Err(error) => say(&facts, &env, format!("{request} fails: {error}")),
                    }
                });
                client.sleep(seconds(1)).await;
            }
        });
    });
    rig.horizon(120, 120)
}

/// Returns the whole seconds of the facts that contain `text`.
fn seconds_of(said: &[String], text: &str) -> Vec<u64> {
    let found = said.iter().filter(|said| said.contains(text));
    found
        .map(|said| said.split(['.', ' ']).next().and_then(|second| second.parse().ok()).expect("a time"))
        .collect()
}

const CRASHES: &str = "web/before work @ - #1 = crash";

#[test]
fn a_crashed_instance_stays_in_rotation_until_three_checks_have_failed() {
    let outcome = said(web(CHECKED, false, [0, 0]), CRASHES);
    // It crashes at 7 s, is noticed at 20 s, is back at 27 s, and in rotation again at 35 s.
    let failed = seconds_of(&outcome, "fails");
    assert_eq!(failed, [7, 10, 13, 16, 19]);
    let served = seconds_of(&outcome, "web-2 serves");
    assert!(served.iter().all(|second| *second < 7 || *second >= 35), "{served:?}");
    assert!(served.iter().any(|second| (35..39).contains(second)), "{served:?}");
    let immediate = said(web(Balancing::IMMEDIATE, false, [0, 0]), CRASHES);
    assert_eq!(seconds_of(&immediate, "fails"), Vec::<u64>::new());
}

#[test]
fn a_refused_connection_is_tried_at_the_next_instance() {
    let balancing = Balancing { tries_next: true, ..CHECKED };
    let outcome = said(web(balancing, false, [0, 0]), CRASHES);
    assert_eq!(seconds_of(&outcome, "fails"), Vec::<u64>::new());
    assert_eq!(seconds_of(&outcome, "serves").len(), 60);
}

#[test]
fn requests_to_a_paused_instance_hang_until_it_is_noticed() {
    let balancing = Balancing { tries_next: true, ..CHECKED };
    let outcome = said(web(balancing, false, [0, 0]), "web/before work @ - #1 = pause 20 s");
    let failed = seconds_of(&outcome, "fails: no response in time");
    assert!(!failed.is_empty() && failed.iter().all(|second| (10..23).contains(second)), "{failed:?}");
}

#[test]
fn an_instance_that_drains_serves_what_comes_until_it_is_noticed() {
    let outcome = said(web(CHECKED, true, [0, 0]), "");
    assert_eq!(seconds_of(&outcome, "fails"), Vec::<u64>::new());
    let served = seconds_of(&outcome, "web-2 serves");
    assert!(served.iter().any(|second| (17..20).contains(second)), "{served:?}");
    assert!(served.iter().all(|second| *second < 20), "{served:?}");
}

#[test]
fn an_instance_whose_requests_fail_is_ejected_for_some_time() {
    let balancing = Balancing { ejection: Some(Ejection::ENVOY), ..Balancing::IMMEDIATE };
    let served = seconds_of(&said(web(balancing, false, [0, 20]), ""), "web-2 serves");
    // Its fifth failure is at 13 s.
    assert_eq!(served[..5], [1, 4, 7, 10, 13]);
    assert!((43..47).contains(&served[5]), "{served:?}");
    let never = Balancing { ejection: None, ..balancing };
    assert_eq!(seconds_of(&said(web(never, false, [0, 20]), ""), "web-2 serves").len(), 20);
}
