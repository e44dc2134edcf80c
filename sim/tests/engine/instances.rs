//! Several instances behind one address.

use crate::rig::{Rig, happy, said, say, seconds};
use shakedown_sim::*;
use std::cell::Cell;

const FAULTS: &[InstanceFault] =
    &[InstanceFault::Another, InstanceFault::Dead, InstanceFault::Retry(Duration::from_secs(1))];
const CRASH: CrashProfile =
    CrashProfile { before: &[CrashFault::Crash], restart: Duration::from_secs(600), ..CrashProfile::NEVER };

/// Three nodes that serve one operation, and a client that calls it four times, ten seconds apart. The second node may
/// crash after five seconds.
fn web() -> Rig {
    Rig::new(|stage| {
        let link = Link::new("web", Duration::from_millis(5), &LinkFaults::NONE);
        let ask = Endpoint::<u32, u32>::balanced(Op::new("web.ask", "asks"), &link, FAULTS);
        for number in 1..=3 {
            let (facts, served, is_first) = (stage.facts().clone(), ask.clone(), Cell::new(true));
            stage.node(Role::new("web".into(), &CRASH), move |env| {
                let facts = facts.clone();
                served.serve(&env, move |env, request| {
                    say(&facts, &env, format!("serves {request}"));
                    async move { number }
                });
                if number == 2 && is_first.replace(false) {
                    env.clone().spawn(async move {
                        env.sleep(seconds(5)).await;
                        env.crash_point(Side::Before, "work").await;
                    });
                }
            });
        }
        let facts = stage.facts().clone();
        let client = stage.node(Role::outside("client".into()), |_| {});
        client.clone().spawn(async move {
            for request in 1..=4 {
                let response = client.child("ask").call(&ask, request, seconds(3)).await;
                say(&facts, &client, format!("{request} gets {response:?}"));
                client.sleep(seconds(10)).await;
            }
        });
    })
}

/// Checks which instance serves which request, and what the client receives; without times.
fn check(deviations: &str, expected: &[&str]) {
    let said = said(web(), deviations);
    let without_times: Vec<_> = said.iter().filter_map(|said| Some(said.split_once(' ')?.1)).collect();
    assert_eq!(without_times, expected, "{deviations}");
}

#[test]
fn instances_serve_by_turns() {
    check(
        "",
        &[
            "web-1 serves 1",
            "client 1 gets Ok(1)",
            "web-2 serves 2",
            "client 2 gets Ok(2)",
            "web-3 serves 3",
            "client 3 gets Ok(3)",
            "web-1 serves 4",
            "client 4 gets Ok(1)",
        ],
    );
}

#[test]
fn an_instance_that_is_down_is_passed_over() {
    check(
        "web/before work @ - #1 = crash",
        &[
            "web-1 serves 1",
            "client 1 gets Ok(1)",
            "web-3 serves 2",
            "client 2 gets Ok(3)",
            "web-1 serves 3",
            "client 3 gets Ok(1)",
            "web-3 serves 4",
            "client 4 gets Ok(3)",
        ],
    );
}

#[test]
fn a_request_may_reach_another_instance() {
    check(
        "web.ask/instance @ ask-1 #1 = another",
        &[
            "web-2 serves 1",
            "client 1 gets Ok(2)",
            "web-2 serves 2",
            "client 2 gets Ok(2)",
            "web-3 serves 3",
            "client 3 gets Ok(3)",
            "web-1 serves 4",
            "client 4 gets Ok(1)",
        ],
    );
}

#[test]
fn a_request_may_reach_an_instance_that_is_down() {
    check(
        "web/before work @ - #1 = crash\nweb.ask/instance @ ask-2 #1 = dead",
        &[
            "web-1 serves 1",
            "client 1 gets Ok(1)",
            "client 2 gets Err(Refused)",
            "web-1 serves 3",
            "client 3 gets Ok(1)",
            "web-3 serves 4",
            "client 4 gets Ok(3)",
        ],
    );
}

#[test]
fn a_retry_has_two_instances_serve_one_request() {
    check(
        "web.ask/instance @ ask-1 #1 = retry after 1 s",
        &[
            "web-1 serves 1",
            "web-2 serves 1",
            "client 1 gets Ok(2)",
            "web-2 serves 2",
            "client 2 gets Ok(2)",
            "web-3 serves 3",
            "client 3 gets Ok(3)",
            "web-1 serves 4",
            "client 4 gets Ok(1)",
        ],
    );
}

#[test]
fn two_nodes_serving_one_unbalanced_endpoint_are_refused_at_construction() {
    let rig = Rig::new(|stage| {
        let link = Link::new("web", Duration::from_millis(5), &LinkFaults::NONE);
        let ask = Endpoint::<(), ()>::new(Op::new("web.ask", "asks"), &link);
        for _ in 0..2 {
            let ask = ask.clone();
            let role = Role::new("web".into(), &CrashProfile::NEVER);
            stage.node(role, move |env| ask.serve(&env, |_, ()| async {}));
        }
    });
    let violations = happy(rig).violations;
    assert_eq!(violations.len(), 1);
    let remedy = "web-1 and web-2 both serve `web.ask`: make the endpoint by `Endpoint::balanced`";
    assert!(violations[0].message.contains(remedy), "{}", violations[0].message);
}
