//! Task order: the order of tasks that are ready, and of events that are due, at one instant: what is offered, what
//! yielding does, and which bugs it finds that first in, first out hides.

use crate::rig::{Rig, happy, said, say, script, seconds};
use shakedown_sim::search::{Bounded, explore_as, replay, understand};
use shakedown_sim::*;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;

/// Gives the other tasks a turn.
async fn turn() {
    let mut waited = false;
    poll_fn(|context| {
        if std::mem::replace(&mut waited, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Two tasks of a node fill a cache: A checks, waits for its turn and inserts; B waits for a turn first.
fn cache() -> Rig {
    Rig::new(|stage| {
        let node = stage.node(Role::new("web".into(), &CrashProfile::NEVER), |_| {});
        let cache = Rc::new(RefCell::new(BTreeSet::new()));
        for first in [true, false] {
            let (env, cache) = (node.within(stage.entity("request")), Rc::clone(&cache));
            let facts = stage.facts().clone();
            env.clone().spawn(async move {
                if !first {
                    turn().await;
                }
                let absent = !cache.borrow().contains("page");
                turn().await;
                if absent {
                    cache.borrow_mut().insert("page");
                    say(&facts, &env, "fills the cache");
                }
            });
        }
    })
}

/// Tasks of a node that state their names after a second, each in the scope of an entity of its own.
fn chorus(singers: &'static [&'static str]) -> Rig {
    Rig::new(move |stage| {
        let node = stage.node(Role::new("choir".into(), &CrashProfile::NEVER), |_| {});
        for singer in singers {
            let (env, facts) = (node.within(stage.entity("singer")), stage.facts().clone());
            env.clone().spawn(async move {
                env.sleep(seconds(1)).await;
                say(&facts, &env, *singer);
            });
        }
    })
}

fn offered<S: Scenario>(scenario: S, deviations: &str) -> Vec<String> {
    let mut runner = Runner::new(scenario);
    runner.run(Plan::Ordered(&script(deviations)));
    let schedule = runner.offers().into_iter().filter(|offered| offered.id.site.ends_with("/schedule"));
    schedule.map(|offered| offered.id.to_string()).collect()
}

const ORDERED: Profile = Profile::MIXED.with_task_order();

#[test]
fn a_race_that_first_in_first_out_hides_is_found_and_shrunk_to_one_deviation() {
    let mut runner = Runner::new(cache());
    assert!(runner.run(Plan::Script(&script(""))).violations.is_empty());
    let plain = explore_as(&mut runner, Profile::MIXED, 0..200, 1);
    assert!(plain.failing.is_empty());
    let campaign = explore_as(&mut runner, ORDERED, 0..200, 1);
    let failing = &campaign.failing[0];
    runner.run(campaign.plan(failing.seed));
    let found = runner.script();
    let failure = understand(&mut runner, &found, &failing.violations[0]);
    let shrunk: Vec<_> = failure.shrunk.deviations.iter().map(Deviation::to_string).collect();
    assert_eq!(shrunk, ["web/schedule @ request-1/task-1 #1 = yields"], "{failure}");
    assert!(failure.to_string().contains("request-1/task-1 yields to request-2/task-1\n"), "{failure}");
    assert_eq!(failure.needed[0].still_broken, Vec::<String>::new());
}

#[test]
fn a_bounded_search_finds_the_race_only_if_task_order_may_deviate() {
    let search = |task_order| {
        let mut runner = Runner::new(cache());
        let search = Bounded::new(vec![Variant::default()], 1, true).with_task_order(task_order);
        let mut search = search;
        search.run(&mut runner);
        search
    };
    assert_eq!(search(false).broken(), None);
    let found = search(true);
    let broken = found.broken().expect("the race is found");
    let mut runner = Runner::new(cache());
    let outcome = runner.run(found.plan(&broken.script));
    let script = runner.script();
    assert_eq!(script.deviations.len(), 1);
    assert_eq!(runner.run(Plan::Script(&script)), outcome, "by name it is the same run");
}

#[test]
fn a_recorded_race_is_replayed_exactly() {
    let mut runner = Runner::new(cache());
    let script = script("web/schedule @ request-1/task-1 #1 = yields");
    let outcome = runner.run(Plan::Script(&script));
    let failure = search::explain(&mut runner, &script, &outcome.violations[0]);
    let text = TraceFile::from(&failure).to_string();
    let file: TraceFile = text.parse().unwrap();
    assert_eq!(replay(&mut Runner::new(cache()), &file).unwrap().verdict, search::Verdict::Exact);
}

#[test]
fn a_task_yields_to_all_ready_tasks_and_time_does_not_pass() {
    let order = |deviations| said(chorus(&["alto", "bass", "tenor"]), deviations);
    assert_eq!(order(""), ["1 choir-1 alto", "1 choir-1 bass", "1 choir-1 tenor"]);
    assert_eq!(
        order("choir/schedule @ singer-1/task-1 #2 = yields"),
        ["1 choir-1 bass", "1 choir-1 tenor", "1 choir-1 alto"]
    );
}

#[test]
fn each_task_that_ties_is_offered_a_choice_and_the_last_is_not() {
    let starting = ["singer-1/task-1 #1", "singer-2/task-1 #1"];
    let singing = ["singer-1/task-1 #2", "singer-2/task-1 #2"];
    let all: Vec<_> =
        starting.iter().chain(&singing).map(|name| format!("choir/schedule @ {name}")).collect();
    assert_eq!(offered(chorus(&["alto", "bass", "tenor"]), ""), all);
    assert_eq!(offered(chorus(&["alto"]), ""), Vec::<String>::new(), "one that is alone has no choice");
}

#[test]
fn a_task_that_yielded_may_yield_again_while_it_is_not_alone() {
    let yields =
        "choir/schedule @ singer-1/task-1 #2 = yields\nchoir/schedule @ singer-2/task-1 #1 = yields\n";
    assert_eq!(said(chorus(&["alto", "bass"]), yields), ["1 choir-1 alto", "1 choir-1 bass"]);
    let again = "choir/schedule @ singer-1/task-1 #3 = yields";
    assert_eq!(
        said(chorus(&["alto", "bass"]), &format!("{yields}{again}")),
        ["1 choir-1 bass", "1 choir-1 alto"]
    );
}

#[test]
fn tasks_of_nodes_that_share_nothing_offer_no_choice() {
    let apart = Rig::new(|stage| {
        for name in ["alto", "bass"] {
            let (facts, env) = (stage.facts().clone(), stage.node(Role::outside(name.into()), |_| {}));
            env.clone().spawn(async move {
                env.sleep(seconds(1)).await;
                say(&facts, &env, name);
            });
        }
    });
    assert_eq!(offered(apart, ""), Vec::<String>::new());
}

#[derive(Clone, serde::Serialize)]
struct Note(u32);
impl Row for Note {
    type Key = u32;
    const TABLE: &'static str = "notes";
    fn key(&self) -> u32 {
        self.0
    }
}

/// Two nodes that read a store, and a second later both insert a row unless it exists.
fn two_writers() -> Rig {
    Rig::new(|stage| {
        let database = stage.node(Role::outside("database".into()), |_| {});
        let store = Store::new(&database, StoreProfile::CALM);
        let notes = Table::<Note>::new(|_, _| {});
        for _ in 0..2 {
            let (facts, store, notes) = (stage.facts().clone(), store.clone(), notes.clone());
            let env = stage.node(Role::new("writer".into(), &CrashProfile::NEVER), |_| {});
            env.clone().spawn(async move {
                drop(store.begin(&env).get(&notes, &1).await);
                env.sleep(seconds(1)).await;
                let mut transaction = store.begin(&env);
                let is_new = transaction.insert_or_ignore(&notes, Note(1)).await == Ok(true);
                if is_new && transaction.commit("note").await.is_ok() {
                    say(&facts, &env, "writes first");
                }
            });
        }
    })
}

#[test]
fn nodes_that_have_used_one_store_race_for_it() {
    let first = |deviations| said(two_writers(), deviations).remove(0);
    assert!(first("").contains("writer-1"));
    assert!(first("writer/schedule @ task-1 #1 = yields").contains("writer-2"));
}

#[test]
fn a_run_in_which_nothing_yields_is_the_same_run_with_and_without_task_order() {
    for rig in [cache, two_writers, || chorus(&["alto", "bass"])] {
        let mut runner = Runner::new(rig());
        let ordered = runner.run(Plan::Ordered(&script("")));
        assert!(!runner.offers().is_empty());
        assert_eq!(ordered, happy(rig()));
    }
}

#[test]
fn seeds_differ_in_how_often_tasks_yield() {
    let mut runner = Runner::new(chorus(&["1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12"]));
    let mut yields = |seed| {
        runner.run(Plan::Profiled(seed, ORDERED));
        runner.script().deviations.len()
    };
    let counts: Vec<usize> = (0..400).map(&mut yields).collect();
    let share = |wanted: std::ops::Range<usize>| {
        counts.iter().filter(|count| wanted.contains(count)).count() * 100 / counts.len()
    };
    assert!(share(0..1) >= 40 && share(1..4) >= 5 && share(8..99) >= 3, "{counts:?}");
}

#[test]
fn yielding_ends() {
    let always = Profile::measured("always", "whatever ties yields", &[(SCHEDULE, 1_000)]);
    const SCHEDULE: Site = Site::new(Label::new("choir"), Label::new("schedule"));
    let limits = Limits { choices: 1_000, ..Limits::default() };
    let mut runner = Runner::new(chorus(&["alto", "bass"])).with_limits(limits);
    let outcome = runner.run(Plan::Profiled(1, always.with_task_order()));
    let broken: Vec<_> = outcome.violations.iter().map(|violation| violation.invariant.as_str()).collect();
    assert!(broken.is_empty() || broken == ["within-limits"], "{broken:?}");
}
