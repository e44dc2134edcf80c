//! Statements and lock waits are steps of recorded traces only; endless waits are reported.

use crate::rig::{Rig, say, script, seconds};
use shakedown_sim::trace::Kind;
use shakedown_sim::*;
use std::cell::Cell;
use std::rc::Rc;
use tokio::sync::Semaphore;

#[derive(Clone, serde::Serialize)]
struct Page(u32);

impl Row for Page {
    type Key = u32;
    const TABLE: &'static str = "pages";
    fn key(&self) -> u32 {
        self.0
    }
}

/// Two requests that lock these pages in turn, with a second in between, and then wait for a place in this room.
fn requests(pages: [&'static [u32]; 2], places: usize) -> Rig {
    Rig::new(move |stage| {
        let database = stage.node(Role::outside("database".into()), |_| {});
        let (store, table) = (Store::new(&database, StoreProfile::CALM), Table::<Page>::new(|_, _| {}));
        (1..=2).for_each(|page| store.plant(&table, Page(page)));
        let (web, room) = (stage.node(Role::outside("web".into()), |_| {}), Rc::new(Semaphore::new(places)));
        for (number, pages) in pages.into_iter().enumerate() {
            let (env, store, table) = (web.within(stage.entity("request")), store.clone(), table.clone());
            let (facts, room) = (stage.facts().clone(), Rc::clone(&room));
            // A task acts for an entity also if it was started for another one.
            let started_by = if number == 0 { web.clone() } else { env.clone() };
            started_by.spawn(async move {
                let Ok(_place) = room.acquire().await else { return };
                let mut transaction = store.begin(&env);
                for page in pages {
                    if transaction.lock(&table, page).await.is_err() {
                        return;
                    }
                    env.sleep(seconds(1)).await;
                }
                let Ok(_another) = room.acquire().await else { return };
                say(&facts, &env, format!("serves {}", env.scope_path()));
            });
        }
    })
}

/// Returns the steps of this kind, each with its entity, of a run without deviations.
fn steps(rig: Rig, kind: Kind) -> Vec<String> {
    steps_with(rig, "", kind)
}

/// Like [`steps`], of a run with deviations.
fn steps_with(rig: Rig, deviations: &str, kind: Kind) -> Vec<String> {
    let (_, trace) = Runner::new(rig).record(Plan::Script(&script(deviations)));
    let steps = trace.steps.iter().filter(|step| step.kind == kind);
    steps.map(|step| format!("{}: {}", step.scope, step.text)).collect()
}

#[test]
fn each_statement_and_each_wait_is_a_step() {
    let in_turn = || requests([&[1], &[1]], 4);
    assert_eq!(
        steps(in_turn(), Kind::Statement),
        ["request-1: locks (1) of pages", "request-2: locks (1) of pages"]
    );
    assert_eq!(
        steps(in_turn(), Kind::LockWait),
        ["request-2: waits for a lock: (1) of pages, held by request-1 on web"]
    );
    assert_eq!(steps(in_turn(), Kind::Stuck), Vec::<String>::new());
}

#[test]
fn a_run_is_the_same_with_and_without_such_steps() {
    let plain = Runner::new(requests([&[1], &[1]], 4)).run(Plan::Script(&script("")));
    let (recorded, trace) = Runner::new(requests([&[1], &[1]], 4)).record(Plan::Script(&script("")));
    assert_eq!(recorded, plain);
    assert!(trace.steps.len() as u32 > plain.events);
}

#[test]
fn a_lock_cycle_is_shown_as_a_cycle() {
    let waits = steps(requests([&[1, 2], &[2, 1]], 4), Kind::LockWait);
    assert_eq!(
        waits.last().unwrap(),
        "request-2: waits for a lock: (1) of pages, held by request-1 on web, which waits in turn: (2) of pages, held by request-2 on web, \
         which is a cycle"
    );
}

#[test]
fn an_endless_wait_is_reported_at_rest_with_its_blocker() {
    let stuck = steps(requests([&[1], &[1]], 2), Kind::Stuck);
    assert_eq!(
        stuck,
        [
            "request-2: still waits for (1) of pages, held by request-1 on web, which waits for something within its own \
          node that request-2 may hold: a cycle, if it does"
        ]
    );
}

#[test]
fn a_holder_whose_task_has_ended_is_named_as_gone() {
    let leak = Rig::new(|stage| {
        let web = stage.node(Role::outside("web".into()), |_| {});
        let places = shakedown_sim::Semaphore::new(&web, "places", 1);
        for number in 0..2 {
            let (env, places) = (web.within(stage.entity("request")), places.clone());
            env.clone().spawn(async move {
                env.sleep(seconds(number)).await;
                std::mem::forget(places.acquire(&env).await);
            });
        }
    });
    assert_eq!(
        steps(leak, Kind::Stuck),
        ["request-2: still waits for places, held by request-1 on web, whose task is gone"]
    );
}

#[test]
fn a_wait_that_ends_by_a_crash_is_not_reported_at_rest() {
    const FRAIL: CrashProfile = CrashProfile { before: &[CrashFault::Crash], ..CrashProfile::NEVER };
    let rig = || {
        Rig::new(|stage| {
            let is_first = Cell::new(true);
            stage.node(Role::new("web".into(), &FRAIL), move |env| {
                if !is_first.replace(false) {
                    return;
                }
                let places = shakedown_sim::Semaphore::new(&env, "places", 1);
                let (waiter, its_places) = (env.clone(), places.clone());
                env.clone().spawn(async move {
                    let _place = places.acquire(&env).await;
                    env.sleep(seconds(1)).await;
                    env.crash_point(Side::Before, "work").await;
                });
                waiter.clone().spawn(async move { drop(its_places.acquire(&waiter).await) });
            });
        })
    };
    let crash = "web/before work @ - #1 = crash";
    assert_eq!(steps_with(rig(), crash, Kind::LockWait).len(), 1);
    assert_eq!(steps_with(rig(), crash, Kind::Crash).len(), 1);
    assert_eq!(steps_with(rig(), crash, Kind::Stuck), Vec::<String>::new());
}
