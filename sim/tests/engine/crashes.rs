//! The three ways in which a node may crash, and its restart.

use crate::rig::{Rig, Said, said, say, script, seconds};
use shakedown_sim::*;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

const FAULTS: &[CrashFault] =
    &[CrashFault::Crash, CrashFault::ShutDown, CrashFault::Pause(Duration::from_secs(10))];
const FRAIL: CrashProfile = CrashProfile {
    before: FAULTS,
    after: FAULTS,
    restart: Duration::from_secs(5),
    late_restart: &[Duration::from_secs(20)],
    late_restart_range: DelayRange::ms(1_000, 19_000),
};

/// A role of one node that may crash.
fn frail(name: &'static str) -> Role {
    Role { single: true, ..Role::new(name.into(), &FRAIL) }
}

const PROBE: Site = Site::new(Label::new("worker"), Label::new("probe"));

/// States a fact when it is dropped.
struct LastWords(Env, Facts<Said>, u32);

impl Drop for LastWords {
    fn drop(&mut self) {
        say(&self.1, &self.0, format!("last words of life {}", self.2));
    }
}

/// A worker that reaches a crash point and, beside it, does everything that a dead one must not do.
fn worker() -> Rig {
    Rig::new(|stage| {
        let (facts, lives) = (stage.facts().clone(), Rc::new(Cell::new(0)));
        stage.node(frail("worker"), move |env| {
            lives.set(lives.get() + 1);
            let (facts, life, env) = (facts.clone(), lives.get(), env.child("life"));
            env.clone().spawn(async move {
                let tell = |what: &str| say(&facts, &env, format!("{what} in life {life}"));
                let _guard = LastWords(env.clone(), facts.clone(), life);
                background(&env, &facts, life);
                env.sleep(seconds(1) / 2).await;
                let crash = async {
                    env.crash_point(Side::Before, "effect").await;
                    tell("effect");
                };
                let beside = async {
                    tell("beside");
                    env.choose(PROBE, &Alternatives::new(&["no", "yes"]));
                    env.child("part");
                    background(&env, &facts, life + 10);
                };
                tokio::join!(biased; crash, beside);
                tell("end");
            });
        });
    })
}

fn background(env: &Env, facts: &Facts<Said>, life: u32) {
    let (env, facts) = (env.clone(), facts.clone());
    env.clone().spawn(async move {
        env.sleep(seconds(1)).await;
        say(&facts, &env, format!("background in life {life}"));
    });
}

fn check(deviations: &str, expected: &[&str]) {
    assert_eq!(said(worker(), deviations), expected, "{deviations}");
}

#[test]
fn a_node_that_does_not_crash_does_it_all() {
    let begin = ["0.5 worker effect in life 1", "0.5 worker beside in life 1", "0.5 worker end in life 1"];
    let end = [
        "0.5 worker last words of life 1",
        "1 worker background in life 1",
        "1.5 worker background in life 11",
    ];
    check("", &[&begin[..], &end].concat());
}

const SECOND_LIFE: [&str; 6] = [
    "6 worker effect in life 2",
    "6 worker beside in life 2",
    "6 worker end in life 2",
    "6 worker last words of life 2",
    "6.5 worker background in life 2",
    "7 worker background in life 12",
];

#[test]
fn no_action_of_a_crashed_node_has_an_effect() {
    check("worker/before effect @ life-1 #1 = crash", &SECOND_LIFE);
    let mut runner = Runner::new(worker());
    runner.run(Plan::Script(&script("worker/before effect @ life-1 #1 = crash")));
    let drawn: Vec<_> = runner.offers().iter().map(|offered| offered.id.to_string()).collect();
    assert!(!drawn.contains(&"worker/probe @ life-1 #1".to_owned()), "{drawn:?}");
    assert!(drawn.contains(&"worker/probe @ life-2 #1".to_owned()), "{drawn:?}");
}

/// Another node that, a second into the run, waits through the handle of a worker that has reached its crash point by
/// then.
fn waits_through(wait: impl AsyncFn(&Env, &Signal) + Clone + 'static) -> Rig {
    Rig::new(move |stage| {
        let (facts, wait, signal) = (stage.facts().clone(), wait.clone(), Signal::new());
        let worker = stage.node(frail("worker"), |env| {
            env.clone().spawn(async move { env.crash_point(Side::Before, "effect").await });
        });
        let other = stage.node(Role::outside("other".into()), |_| {});
        let (raising, raised) = (other.clone(), signal.clone());
        other.clone().spawn(async move {
            other.sleep(seconds(1)).await;
            wait(&worker, &signal).await;
            say(&facts, &other, "goes on");
        });
        raising.clone().spawn(async move {
            raising.sleep(seconds(2)).await;
            raised.raise(&raising);
        });
    })
}

#[test]
fn a_wait_through_a_dead_handle_never_ends() {
    fn check(at: &str, wait: impl AsyncFn(&Env, &Signal) + Clone + 'static) {
        assert_eq!(said(waits_through(wait.clone()), ""), [format!("{at} other goes on")]);
        assert!(said(waits_through(wait), "worker/before effect @ - #1 = crash").is_empty());
    }
    check("1.5", async |worker, _| worker.sleep(seconds(1) / 2).await);
    check("1", async |worker, _| worker.sleep_until(Moment::START).await);
    check("4", async |worker, _| {
        let _timed_out = worker.timeout(seconds(3), std::future::pending::<()>()).await;
    });
    check("2", async |worker, signal| {
        let mut poller = Poller::new(worker, signal, seconds(1));
        poller.turn(None).await;
        poller.turn(None).await;
    });
}

#[test]
fn a_node_that_shuts_down_runs_its_destructors() {
    let first = ["0.5 worker beside in life 1", "0.5 worker last words of life 1"];
    check("worker/before effect @ life-1 #1 = shutdown", &[&first[..], &SECOND_LIFE].concat());
}

/// A worker with a shutdown hook of this many seconds, and a client that calls it one second after the request to
/// shut down.
fn tidy(takes_s: u64) -> Rig {
    Rig::new(move |stage| {
        let (facts, log) = (stage.facts().clone(), stage.facts().clone());
        let link = Link::new("link", Duration::ZERO, &LinkFaults::NONE);
        let asks: Endpoint<(), ()> = Endpoint::new(Op::new("ask", "asks"), &link);
        let served = asks.clone();
        stage.node(frail("worker"), move |env| {
            served.serve(&env, |_, ()| async {});
            let (env, facts) = (env.child("life"), facts.clone());
            let (last, log) = (env.child("end"), facts.clone());
            env.on_shutdown(async move {
                say(&log, &last, "tidies up");
                last.sleep(seconds(takes_s)).await;
                last.crash_point(Side::Before, "close").await;
                say(&log, &last, "is done");
            });
            env.clone().spawn(async move {
                let _guard = LastWords(env.clone(), facts, 1);
                env.sleep(seconds(1)).await;
                env.crash_point(Side::Before, "effect").await;
                env.sleep(seconds(1_000)).await;
            });
        });
        let client = stage.node(Role::outside("client".into()), |_| {});
        client.clone().spawn(async move {
            client.sleep(seconds(2)).await;
            let answer = client.call(&asks, (), seconds(5)).await;
            say(&log, &client, format!("{answer:?}"));
        });
    })
}

/// Checks the facts of the first minute, with these deviations.
fn check_tidy(takes_s: u64, deviations: &str, expected: &[&str]) {
    let said = said(tidy(takes_s), deviations);
    let early = said.iter().filter(|line| line.split(' ').next().is_some_and(|at| at.len() < 3));
    assert_eq!(early.collect::<Vec<_>>(), expected, "{deviations}");
}

const STOPS: &str = "worker/before effect @ life-1 #1 = shutdown\n";
const STOPPING: [&str; 3] = ["1 worker last words of life 1", "1 worker tidies up", "2 client Err(Refused)"];

#[test]
fn a_node_that_shuts_down_runs_its_hooks_after_its_tasks_and_refuses_calls() {
    check_tidy(0, "", &["2 client Ok(())"]);
    check_tidy(3, STOPS, &[&STOPPING[..], &["4 worker is done"]].concat());
}

#[test]
fn a_shutdown_is_bounded_by_its_grace_period_and_may_crash() {
    check_tidy(40, STOPS, &STOPPING);
    let close = |way| format!("{STOPS}worker/before close @ life-1/end-1 #1 = {way}");
    check_tidy(3, &close("crash"), &STOPPING);
    check_tidy(3, &close("shutdown"), &STOPPING);
    check_tidy(3, &close("pause 10 s"), &[&STOPPING[..], &["14 worker is done"]].concat());
}

#[test]
fn a_paused_node_resumes_as_if_no_time_had_passed() {
    let expected = [
        "0.5 worker beside in life 1",
        "10.5 worker effect in life 1",
        "10.5 worker end in life 1",
        "10.5 worker last words of life 1",
        "10.5 worker background in life 1",
        "11.5 worker background in life 11",
    ];
    check("worker/before effect @ life-1 #1 = pause 10 s", &expected);
}

#[test]
fn a_restart_may_be_late() {
    let late = "worker/before effect @ life-1 #1 = crash\nworker/restart @ life-1 #1 = 20 s";
    assert_eq!(said(worker(), late)[0], "26 worker effect in life 2");
}

/// A client that calls a clerk at these seconds, while the clerk crashes beside its effect `note`.
fn client_and_clerk(at: &'static [u64]) -> Rig {
    Rig::new(move |stage| {
        let link = Link::new("line", Duration::from_millis(20), &LinkFaults::NONE);
        let ask = Endpoint::<u64, u32>::new(Op::new("clerk.ask", "asks"), &link);
        let (facts, served, noted) = (stage.facts().clone(), ask.clone(), Rc::new(Cell::new(0)));
        stage.node(frail("clerk"), move |env| {
            let (facts, noted) = (facts.clone(), noted.clone());
            say(&facts, &env, format!("begins with {} notes", noted.get()));
            served.serve(&env, move |env, number| {
                let (facts, noted) = (facts.clone(), noted.clone());
                async move {
                    env.crash_point(Side::Before, "note").await;
                    noted.set(noted.get() + 1);
                    say(&facts, &env, format!("notes {number}"));
                    env.crash_point(Side::After, "note").await;
                    noted.get()
                }
            });
        });
        for second in at {
            let (facts, ask) = (stage.facts().clone(), ask.clone());
            let client = stage.node(Role::new("client".into(), &CrashProfile::NEVER), |_| {});
            let client = client.within(stage.entity("ask"));
            client.clone().spawn(async move {
                client.sleep(seconds(*second)).await;
                let answer = client.call(&ask, *second, seconds(2)).await;
                say(&facts, &client, format!("hears {answer:?}"));
            });
        }
    })
}

fn check_clerk(at: &'static [u64], deviations: &str, expected: &[&str]) {
    assert_eq!(said(client_and_clerk(at), deviations)[1..], *expected, "{deviations}");
}

#[test]
fn peers_learn_of_a_crash_by_timeout_and_are_refused_while_the_node_is_down() {
    let expected = [
        "1.04 client-2 hears Err(Refused)",
        "2 client-1 hears Err(TimedOut)",
        "5.02 clerk begins with 0 notes",
        "6.02 clerk notes 6",
        "6.04 client-3 hears Ok(1)",
    ];
    check_clerk(&[0, 1, 6], "clerk/before note @ ask-1 #1 = crash", &expected);
}

#[test]
fn a_node_restarts_with_its_durable_state() {
    let expected = ["0.02 clerk notes 0", "2 client-1 hears Err(TimedOut)", "5.02 clerk begins with 1 notes"];
    check_clerk(&[0], "clerk/after note @ ask-1 #1 = crash", &expected);
    check_clerk(&[0], "clerk/after note @ ask-1 #1 = shutdown", &expected);
}

#[test]
fn calls_to_a_paused_node_wait_in_order() {
    let expected = [
        "2 client-1 hears Err(TimedOut)",
        "3 client-2 hears Err(TimedOut)",
        "4 client-3 hears Err(TimedOut)",
        "10.02 clerk notes 0",
        "10.02 clerk notes 1",
        "10.02 clerk notes 2",
    ];
    check_clerk(&[0, 1, 2], "clerk/before note @ ask-1 #1 = pause 10 s", &expected);
}

#[test]
fn a_handler_that_outlives_its_node_sends_no_response() {
    let rig = Rig::new(|stage| {
        let link = Link::new("line", Duration::from_millis(20), &LinkFaults::NONE);
        let ask = Endpoint::<(), ()>::new(Op::new("clerk.ask", "asks"), &link);
        let served = ask.clone();
        stage.node(frail("clerk"), move |env| {
            served.serve(&env, |env, ()| async move {
                tokio::select! { biased; () = env.crash_point(Side::Before, "note") => {}, () = async {} => {} }
            });
        });
        let (facts, client) = (stage.facts().clone(), stage.node(Role::outside("client".into()), |_| {}));
        client.clone().spawn(async move {
            let answer = client.child("ask").call(&ask, (), seconds(2)).await;
            say(&facts, &client, format!("hears {answer:?}"));
        });
    });
    let heard = said(rig, "clerk/before note @ ask-1 #1 = crash");
    assert_eq!(heard, ["2 client hears Err(TimedOut)"]);
}

#[test]
fn a_handler_that_outlives_its_incarnation_serves_nothing_for_the_next() {
    let rig = Rig::new(|stage| {
        let link = Link::new("line", Duration::from_millis(20), &LinkFaults::NONE);
        let ask = Endpoint::<(), ()>::new(Op::new("clerk.ask", "asks"), &link);
        let (served, lives) = (ask.clone(), Rc::new(RefCell::new(Vec::new())));
        let lived = Rc::clone(&lives);
        stage.node(frail("clerk"), move |env| {
            lived.borrow_mut().push(env.clone());
            served.serve(&env, |env, ()| async move { env.crash_point(Side::Before, "note").await });
        });
        let (facts, client) = (stage.facts().clone(), stage.node(Role::outside("client".into()), |_| {}));
        client.clone().spawn(async move {
            for _ in 0..2 {
                let answer = client.child("ask").call(&ask, (), seconds(2)).await;
                say(&facts, &client, format!("hears {answer:?}"));
                client.sleep(seconds(10)).await;
                ask.serve(&lives.borrow()[0], |_, ()| async {});
            }
        });
    });
    let heard = said(rig, "clerk/before note @ ask-1 #1 = crash");
    assert_eq!(heard, ["2 client hears Err(TimedOut)", "12.04 client hears Ok(())"]);
}

/// A keeper that restarts a worker after two seconds; the restart takes three seconds.
fn kept(worker_pauses: bool) -> Rig {
    Rig::new(move |stage| {
        let (facts, lives) = (stage.facts().clone(), Rc::new(Cell::new(0)));
        let worker = stage.node(frail("worker"), move |env| {
            lives.set(lives.get() + 1);
            let (facts, life, env) = (facts.clone(), lives.get(), env.child("life"));
            env.clone().spawn(async move {
                let _guard = LastWords(env.clone(), facts.clone(), life);
                env.sleep(seconds(1)).await;
                if life == 1 && worker_pauses {
                    env.crash_point(Side::Before, "effect").await;
                }
                env.sleep(seconds(3)).await;
                say(&facts, &env, format!("end of life {life}"));
            });
        });
        let keeper = stage.node(Role::outside("keeper".into()), |_| {});
        keeper.clone().spawn(async move {
            keeper.sleep(seconds(2)).await;
            keeper.restart(worker.node(), seconds(3));
            // The worker is down already, and restarts once.
            keeper.restart(worker.node(), seconds(9));
        });
    })
}

#[test]
fn a_node_restarted_by_another_runs_its_destructors_and_returns_once() {
    let expected =
        ["2 worker last words of life 1", "9 worker end of life 2", "9 worker last words of life 2"];
    assert_eq!(said(kept(false), ""), expected);
    let paused = "worker/before effect @ life-1 = pause 10 s";
    assert_eq!(said(kept(true), paused), expected, "also while it is paused");
}
