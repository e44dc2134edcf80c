//! Panics, endless code, and choices with ambiguous names: they are violations with a trace, and do not affect the
//! runner's next runs.

use crate::rig::{Rig, Said, say, script, seconds};
use shakedown_sim::*;
use std::future::Future;
use std::task::Poll;

const COIN: Alternatives = Alternatives::new(&["heads", "tails"]);
const TOSS: Site = Site::new(Label::new("node"), Label::new("toss"));
const LIMITS: Limits = Limits { events: 2_000, choices: 2_000, polls: 2_000 };

/// A node that executes this if its coin falls on tails.
fn on_tails<F: Future<Output = ()> + 'static>(body: impl Fn(Env, Facts<Said>) -> F + 'static) -> Rig {
    let body = std::rc::Rc::new(body);
    Rig::new(move |stage| {
        let (facts, body) = (stage.facts().clone(), body.clone());
        let env = stage.node(Role::outside("node".into()), |_| {});
        env.clone().spawn(async move {
            say(&facts, &env, "begins");
            if !env.choose(TOSS, &COIN).is_benign() {
                body(env, facts).await;
            }
        });
    })
}

/// Checks that the abort is found twice, with a trace, and does not affect the runs beside it.
fn check(rig: Rig, invariant: &str, message: &str) {
    check_message(rig, invariant, |found| found == message);
}

fn check_message(rig: Rig, invariant: &str, is_expected: impl Fn(&str) -> bool) {
    let mut runner = Runner::new(rig).with_limits(LIMITS);
    let (happy, tails) = (script(""), script("node/toss @ - #1 = tails"));
    let before = runner.run(Plan::Script(&happy));
    for _ in 0..2 {
        let (outcome, trace) = runner.record(Plan::Script(&tails));
        let found: Vec<_> =
            outcome.violations.iter().map(|found| (&*found.invariant, &*found.message)).collect();
        assert!(matches!(found[..], [(name, text)] if name == invariant && is_expected(text)), "{found:?}");
        assert!(trace.steps.iter().any(|step| step.text == "begins"), "{trace:?}");
        assert_eq!(runner.run(Plan::Script(&tails)), outcome);
        assert_eq!(runner.run(Plan::Script(&happy)), before);
    }
}

#[test]
fn a_panic_is_a_violation() {
    check(on_tails(|_, _| async { panic!("out of style") }), "no-panic", "node panicked: out of style");
}

#[test]
fn a_panic_in_a_later_poll_is_one_too() {
    let body = |env: Env, _| async move {
        env.sleep(seconds(1)).await;
        let empty: Vec<u32> = Vec::new();
        env.note(|| format!("{}", empty[env.number_of("none").unwrap_or(7) as usize]));
    };
    let message = "node panicked: index out of bounds: the len is 0 but the index is 7";
    let mut runner = Runner::new(on_tails(body));
    runner.record(Plan::Script(&script("node/toss @ - #1 = tails")));
    let (outcome, _) = runner.record(Plan::Script(&script("node/toss @ - #1 = tails")));
    assert_eq!(outcome.violations[0].message, message);
}

/// Panics when it is dropped.
struct Fragile;

impl Drop for Fragile {
    fn drop(&mut self) {
        panic!("broken glass");
    }
}

#[test]
fn a_panic_in_a_destructor_is_one_too() {
    let dropped_at_once = |_, _| async { drop(Fragile) };
    check(on_tails(dropped_at_once), "no-panic", "node panicked: broken glass");
}

#[test]
fn a_panic_in_a_destructor_after_the_run_is_one_of_that_run() {
    let message = "once the run was over, a destructor panicked: broken glass";
    let held_for_ever = |env: Env, _| async move {
        for _ in 0..2 {
            env.spawn(async {
                let _held = Fragile;
                std::future::pending().await
            });
        }
    };
    check(on_tails(held_for_ever), "no-panic", message);
}

#[test]
fn endless_events_are_cut_off() {
    let waits = |env: Env, facts: Facts<Said>| async move {
        for turn in 0.. {
            env.sleep(seconds(1) / 1_000_000).await;
            say(&facts, &env, format!("turn {turn}"));
        }
    };
    check(on_tails(waits), "within-limits", "more than 2000 events");
    let never_waits = |env: Env, facts: Facts<Said>| async move {
        for turn in 0.. {
            say(&facts, &env, format!("turn {turn}"));
        }
    };
    check(on_tails(never_waits), "within-limits", "more than 2000 events");
}

#[test]
fn endless_choices_are_cut_off() {
    let body = |env: Env, _| async move {
        loop {
            env.choose(Site::new("node".into(), "again".into()), &COIN);
        }
    };
    check(on_tails(body), "within-limits", "more than 2000 choices");
}

#[test]
fn endless_polls_are_cut_off() {
    let wakes_itself = |_, _| {
        std::future::poll_fn(|context| {
            context.waker().wake_by_ref();
            Poll::Pending
        })
    };
    check(on_tails(wakes_itself), "within-limits", "more than 2000 polls");
    let waits_for_nothing = |env: Env, _| async move {
        loop {
            env.sleep(Duration::ZERO).await;
        }
    };
    check(on_tails(waits_for_nothing), "within-limits", "more than 2000 polls");
}

#[test]
fn a_choice_that_two_tasks_or_places_draw_is_reported() {
    let message = |places: [u32; 2]| {
        let places = places.map(|line| format!("a task of node at {}:{line}:", file!()));
        move |found: &str| {
            found.starts_with("`node/pick @ -` names two choices: one of ")
                && places.iter().all(|place| found.contains(place))
                && found.contains("an error of the scenario")
                && found.ends_with("with `env.child(\"turn\")`")
        }
    };
    let pick = Site::new("node".into(), "pick".into());
    let two_tasks = move |env: Env, _| async move {
        for _ in 0..2 {
            let other = env.clone();
            env.spawn(async move { assert!(other.choose(pick, &COIN).is_benign()) });
        }
    };
    let drawn = line!() - 3;
    check_message(on_tails(two_tasks), "choices-named-once", message([drawn, drawn]));
    let two_places = move |env: Env, _| async move {
        env.choose(pick, &COIN);
        env.choose(pick, &COIN);
    };
    let second = line!() - 2;
    check_message(on_tails(two_places), "choices-named-once", message([second - 1, second]));
}

#[test]
fn a_choice_that_one_place_draws_again_is_numbered() {
    let rig = on_tails(|env: Env, _| async move {
        for _ in 0..3 {
            env.choose(Site::new("node".into(), "pick".into()), &COIN);
        }
    });
    let mut runner = Runner::new(rig);
    let outcome = runner.run(Plan::Script(&script("node/toss @ - #1 = tails")));
    assert_eq!(outcome.violations, []);
    let last = runner.offers().pop().map(|offered| offered.id.to_string());
    assert_eq!(last.as_deref(), Some("node/pick @ - #3"));
}

#[test]
fn a_run_that_does_not_come_to_rest_names_the_node_and_what_it_waits_for() {
    let sleeper = on_tails(|env: Env, _| async move {
        let turn = env.child("turn");
        let sleeping = turn.clone();
        turn.spawn(async move { sleeping.sleep(seconds(1_000_000)).await });
    });
    let outcome = Runner::new(sleeper).run(Plan::Script(&script("node/toss @ - #1 = tails")));
    let message = &outcome.violations[0].message;
    assert!(
        message.starts_with("still at work ")
            && message.contains(" after healing: node, for turn-1, waits until "),
        "{message}"
    );
}
