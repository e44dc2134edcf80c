//! Idle time costs nothing; a run ends at rest, or reports that it does not.

use crate::rig::{Rig, happy, said, say, seconds};
use shakedown_sim::*;
use std::cell::RefCell;
use std::rc::Rc;

const DAY: u64 = 86_400;

/// A poller that looks each second at data that changes at these seconds.
fn poller(changes: &'static [u64], idle: u64) -> Rig {
    let rig = Rig::new(move |stage| {
        let (facts, signal, data) = (stage.facts().clone(), Signal::new(), Rc::new(RefCell::new(Vec::new())));
        let (told, seen) = (signal.clone(), data.clone());
        stage.node(Role::outside("poller".into()), move |env| {
            let (facts, seen, signal) = (facts.clone(), seen.clone(), told.clone());
            env.clone().spawn(async move {
                let mut poller = Poller::new(&env, &signal, seconds(1));
                loop {
                    poller.turn(None).await;
                    let found: Vec<u64> = seen.borrow_mut().drain(..).collect();
                    say(&facts, &env, format!("finds {found:?} at {}", env.now()));
                }
            });
        });
        let writer = stage.node(Role::outside("writer".into()), |_| {});
        writer.clone().spawn(async move {
            for second in changes {
                writer.sleep_until(Moment::START + seconds(*second) + Duration::from_millis(300)).await;
                data.borrow_mut().push(*second);
                signal.raise(&writer);
            }
        });
    });
    rig.horizon(idle, 60)
}

#[test]
fn an_idle_poller_does_nothing_however_long() {
    let (day, year) = (happy(poller(&[], DAY)), happy(poller(&[], 365 * DAY)));
    assert_eq!(day.events, year.events);
    assert!(day.events < 8, "a handful of events, not {}", day.events);
    assert_eq!((day.violations, year.violations), (vec![], vec![]));
    assert_eq!(year.ended, Moment::START + seconds(365 * DAY));
}

#[test]
fn a_poller_looks_at_its_next_period_after_a_change() {
    let found = said(poller(&[3, 4, 900], DAY), "");
    let expected = [
        "0 poller finds [] at 00:00:00.000",
        "4 poller finds [3] at 00:00:04.000",
        "5 poller finds [4] at 00:00:05.000",
        "901 poller finds [900] at 00:15:01.000",
    ];
    assert_eq!(found, expected);
}

#[test]
fn a_poller_that_changes_its_own_data_still_keeps_its_period() {
    let rig = Rig::new(|stage| {
        let (facts, signal) = (stage.facts().clone(), Signal::new());
        let env = stage.node(Role::outside("poller".into()), |_| {});
        env.clone().spawn(async move {
            let mut poller = Poller::new(&env, &signal, seconds(2));
            for turn in 1..=3 {
                poller.turn(None).await;
                say(&facts, &env, format!("turn {turn}"));
                signal.raise(&env);
            }
        });
    });
    assert_eq!(said(rig, ""), ["0 poller turn 1", "2 poller turn 2", "4 poller turn 3"]);
}

#[test]
fn a_poller_wakes_when_any_of_its_signals_is_raised() {
    let rig = Rig::new(|stage| {
        let (facts, signal) = (stage.facts().clone(), Signal::new());
        let (env, told) = (stage.node(Role::outside("poller".into()), |_| {}), signal.clone());
        env.clone().spawn(async move {
            let mut poller = Poller::new(&env, &Signal::new(), seconds(2)).also(&told);
            loop {
                poller.turn(None).await;
                say(&facts, &env, "looks");
            }
        });
        let writer = stage.node(Role::outside("writer".into()), |_| {});
        writer.clone().spawn(async move {
            writer.sleep(seconds(5)).await;
            signal.raise(&writer);
        });
    });
    assert_eq!(said(rig, ""), ["0 poller looks", "6 poller looks"]);
}

#[test]
fn a_poller_wakes_when_a_row_falls_due() {
    let rig = Rig::new(|stage| {
        let facts = stage.facts().clone();
        let env = stage.node(Role::outside("poller".into()), |_| {});
        env.clone().spawn(async move {
            let mut poller = Poller::new(&env, &Signal::new(), seconds(10));
            poller.turn(None).await;
            poller.turn(Some(Moment::START + seconds(33))).await;
            say(&facts, &env, "finds the row");
        });
    });
    assert_eq!(said(rig, ""), ["40 poller finds the row"]);
}

/// A task that states a fact after this many seconds.
fn sleeper(for_s: u64) -> Rig {
    let rig = Rig::new(move |stage| {
        let (facts, env) = (stage.facts().clone(), stage.node(Role::outside("sleeper".into()), |_| {}));
        env.clone().spawn(async move {
            env.sleep(seconds(for_s)).await;
            say(&facts, &env, "wakes");
        });
    });
    rig.horizon(100, 50)
}

#[test]
fn a_run_that_does_not_come_to_rest_in_time_is_a_violation() {
    for (sleeps, broken) in [(1, false), (149, false), (151, true), (10 * DAY, true)] {
        let outcome = happy(sleeper(sleeps));
        let names: Vec<_> = outcome.violations.iter().map(|violation| violation.invariant.as_str()).collect();
        assert_eq!(names == ["comes-to-rest"], broken, "{sleeps}: {names:?}");
    }
}

#[test]
fn time_to_settle_counts_from_the_end_of_the_last_delay() {
    const LATE: Alternatives = Alternatives::delays(&["on time", "120 s"], (1_000, 2_000));
    let rig = Rig::new(|stage| {
        let env = stage.node(Role::outside("sleeper".into()), |_| {});
        env.clone().spawn(async move {
            let delay = env.choose_delay(Site::new("sleeper".into(), "delay".into()), &LATE);
            env.sleep(delay + seconds(40)).await;
        });
    });
    let mut runner = Runner::new(rig.horizon(100, 50));
    let outcome = runner.run(Plan::Script(&crate::rig::script("sleeper/delay @ - #1 = 2 min")));
    assert_eq!(outcome.unapplied.len(), 1, "`2 min` is written `120 s` by this site and is out of its range");
    let outcome = runner.run(Plan::Script(&crate::rig::script("sleeper/delay @ - #1 = 120 s")));
    assert_eq!((outcome.unapplied.len(), outcome.violations), (0, vec![]));
}
