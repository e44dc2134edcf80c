//! Stories name the culprit: who read, wrote or released the objects of a violation, what happened too early, what was
//! held, and what waits in a cycle.

use crate::rig::{Rig, said, say, script, seconds};
use shakedown_sim::access::{Access, Verb};
use shakedown_sim::judge::invariant;
use shakedown_sim::search::understand;
use shakedown_sim::*;
use std::cell::Cell;
use std::rc::Rc;

/// A fact with the objects that it accesses.
#[derive(Clone, serde::Serialize)]
enum Event {
    Promised(u32),
    Done(u32),
    Cached { version: u32 },
    Dropped,
    Stored { version: u32 },
    Shown { version: u32 },
}

impl Fact for Event {
    fn sentence(&self) -> String {
        match self {
            Event::Promised(order) => format!("promises order {order}"),
            Event::Done(order) => format!("completes order {order}"),
            Event::Cached { version } => format!("caches version {version}"),
            Event::Dropped => "drops its entry".to_owned(),
            Event::Stored { version } => format!("stores version {version}"),
            Event::Shown { version } => format!("shows version {version}"),
        }
    }

    fn accesses(&self) -> Vec<Access> {
        let entry = |verb| vec![Access::new(verb, "cache", "page 1")];
        match self {
            Event::Cached { .. } => entry(Verb::Write),
            Event::Dropped => entry(Verb::Release),
            Event::Shown { .. } => entry(Verb::Read),
            _ => Vec::new(),
        }
    }
}

type Build = Box<dyn Fn(&Stage<Event>)>;

/// A scenario made of a closure. Whatever is promised is done in time, and nothing is shown that is no longer stored.
struct Design {
    build: Build,
}

impl Scenario for Design {
    type Fact = Event;
    fn name(&self) -> &str {
        "rig"
    }
    fn horizon(&self, _: &Variant) -> Horizon {
        Horizon { heal: seconds(60), settle: seconds(60) }
    }
    fn build(&self, stage: &Stage<Event>) {
        (self.build)(stage);
    }
    fn invariants(&self) -> Vec<Box<dyn Invariant<Event>>> {
        vec![promises_are_kept(), invariant("shows-what-is-stored", shows_what_is_stored).boxed()]
    }
}

fn shows_what_is_stored(stored: &mut u32, at: &At<'_>, event: &Event, findings: &mut Findings) {
    match event {
        Event::Stored { version } => *stored = *version,
        Event::Shown { version } if version < stored => {
            findings
                .violated("page", &[at.event], || format!("version {version} is shown, {stored} is stored"));
        }
        _ => {}
    }
}

/// Each promised order is done within a second, and at rest none is open.
fn promises_are_kept() -> Box<dyn Invariant<Event>> {
    #[derive(Default)]
    struct Promises(Vec<(u32, u32, Moment)>, Vec<u32>);
    impl Invariant<Event> for Promises {
        fn name(&self) -> &'static str {
            "promises-are-kept"
        }
        fn reset(&mut self) {
            *self = Self::default();
        }
        fn observe(&mut self, at: &At<'_>, event: &Event, findings: &mut Findings) {
            match event {
                Event::Promised(order) if self.1.contains(order) => {}
                Event::Promised(order) => self.0.push((*order, at.event, at.time)),
                Event::Done(order) => {
                    self.1.push(*order);
                    self.0.retain(|(open, _, since)| {
                        if open == order && at.time - *since > seconds(1) {
                            findings.violated("order", &[at.event], || format!("order {order} is done late"));
                        }
                        open != order
                    });
                }
                _ => {}
            }
        }
        fn at_rest(&mut self, _: Moment, findings: &mut Findings) {
            for (order, event, _) in &self.0 {
                findings.violated("order", &[*event], || format!("order {order} is never done"));
            }
        }
    }
    Box::<Promises>::default()
}

fn design(build: impl Fn(&Stage<Event>) + 'static) -> Design {
    Design { build: Box::new(build) }
}

/// Returns the story of the last violation under these deviations.
fn story(scenario: Design, deviations: &str) -> Vec<String> {
    let mut runner = Runner::new(scenario);
    let script = script(deviations);
    let outcome = runner.run(Plan::Script(&script));
    assert_eq!(outcome.unapplied, [], "offered: {:#?}", runner.offers());
    let violation = outcome.violations.last().expect("the design is broken");
    let failure = understand(&mut runner, &script, violation);
    let line = |number: &u32| {
        let step = &failure.trace.steps[*number as usize];
        format!("{}: {}", step.node, step.text)
    };
    failure.slice.iter().map(line).collect()
}

#[derive(Clone, serde::Serialize)]
struct Order(u32);

impl Row for Order {
    type Key = u32;
    const TABLE: &'static str = "outbox";
    fn key(&self) -> u32 {
        self.0
    }
}

const LATENESS: Alternatives = Alternatives::delays(&["at once", "2 s"], (1, 2_000));

/// Two clerks put an order each into an outbox, in the order of its numbers; a relay reads what is beyond the last
/// number that it has seen.
fn relay_with_cursor() -> Design {
    design(|stage| {
        let database = stage.node(Role::outside("database".into()), |_| {});
        let (store, facts) = (Store::new(&database, StoreProfile::CALM), stage.facts().clone());
        let outbox = Table::<Order>::new(move |env, change| {
            if let Some(Order(number)) = change.after {
                facts.state(env, &Event::Promised(number));
            }
        });
        let clerks = stage.node(Role::outside("clerks".into()), |_| {});
        for number in 1..=2 {
            let clerk = clerks.within(stage.entity("order"));
            let (store, outbox) = (store.clone(), outbox.clone());
            clerk.clone().spawn(async move {
                let mut transaction = store.begin(&clerk);
                transaction.insert(&outbox, Order(number)).await.unwrap();
                clerk.sleep(clerk.choose_delay(Site::new("clerks".into(), "pause".into()), &LATENESS)).await;
                transaction.commit("order").await.unwrap();
            });
        }
        let (relay, facts) = (stage.node(Role::outside("relay".into()), |_| {}), stage.facts().clone());
        relay.clone().spawn(async move {
            let mut cursor = 0;
            for _ in 0..20 {
                relay.sleep(Duration::from_millis(300)).await;
                let found = store.begin(&relay).scan(&outbox, |order| order.0 > cursor).await.unwrap();
                for Order(number) in found {
                    facts.state(&relay, &Event::Done(number));
                    cursor = number;
                }
            }
        });
    })
}

#[test]
fn the_read_that_misses_a_row_is_named() {
    assert_eq!(
        story(relay_with_cursor(), "clerks/pause @ order-1 #1 = 2 s"),
        [
            "clerks: inserts (1) into outbox",
            "clerks: clerks/pause = 2 s",
            "relay: reads (2) of outbox",
            "database: promises order 1"
        ]
    );
}

const FRAIL: CrashProfile =
    CrashProfile { before: &[CrashFault::Crash], after: &[CrashFault::Crash], ..CrashProfile::NEVER };

#[test]
fn the_message_that_is_acknowledged_too_early_is_named() {
    let acks_first = design(|stage| {
        let broker = stage.node(Role::outside("broker".into()), |_| {});
        let orders: Queue<u32> = Queue::new(&broker, "orders", QueueProfile::STANDARD);
        let (facts, work) = (stage.facts().clone(), orders.clone());
        stage.node(Role::new("worker".into(), &FRAIL), move |worker| {
            let (facts, work, worker) = (facts.clone(), work.clone(), worker.clone());
            worker.clone().spawn(async move {
                loop {
                    let delivery = work.receive(&worker).await;
                    let _ = delivery.ack().await;
                    delivery.env().crash_point(Side::Before, "completion").await;
                    facts.state(delivery.env(), &Event::Done(*delivery.body()));
                }
            });
        });
        let (facts, client) = (stage.facts().clone(), stage.node(Role::outside("client".into()), |_| {}));
        let client = client.within(stage.entity("order"));
        client.clone().spawn(async move {
            facts.state(&client, &Event::Promised(1));
            orders.send(&client, "work", 1).await.unwrap();
        });
    });
    let crash = "worker/before completion @ order-1/work-1/delivery-1 #1 = crash";
    assert_eq!(
        story(acks_first, crash),
        [
            "client: promises order 1",
            "worker-1: receives work",
            "worker-1: acknowledges work",
            "broker: deletes work",
            "worker-1: worker/before completion = crash"
        ]
    );
}

#[test]
fn the_response_that_is_sent_before_the_commit_is_named() {
    let responds_first = design(|stage| {
        let database = stage.node(Role::outside("database".into()), |_| {});
        let (store, facts) = (Store::new(&database, StoreProfile::CALM), stage.facts().clone());
        let outbox = Table::<Order>::new(move |env, change| {
            if let Some(Order(number)) = change.after {
                facts.state(env, &Event::Done(number));
            }
        });
        let link = Link::new("line", Duration::from_millis(20), &LinkFaults::NONE);
        let place = Endpoint::<u32, ()>::new(Op::new("api.place", "places an order"), &link);
        let serve = place.clone();
        stage.node(Role::new("api".into(), &FRAIL), move |env| {
            let (store, outbox) = (store.clone(), outbox.clone());
            serve.serve(&env, move |env, number| {
                let (store, outbox) = (store.clone(), outbox.clone());
                env.clone().spawn(async move {
                    let mut transaction = store.begin(&env);
                    transaction.insert(&outbox, Order(number)).await.unwrap();
                    let _ = transaction.commit("order").await;
                });
                async {}
            });
        });
        let (facts, client) = (stage.facts().clone(), stage.node(Role::outside("client".into()), |_| {}));
        let client = client.within(stage.entity("order"));
        client.clone().spawn(async move {
            if client.call(&place, 1, seconds(1)).await.is_ok() {
                facts.state(&client, &Event::Promised(1));
            }
        });
    });
    assert_eq!(
        story(responds_first, "api/before order @ order-1 #1 = crash"),
        [
            "client: places an order",
            "api-1: responds to api.place",
            "api-1: api/before order = crash",
            "api-1: crashes",
            "client: promises order 1"
        ]
    );
}

#[test]
fn the_fill_that_makes_a_cache_stale_is_named() {
    let fills_late = design(|stage| {
        let cache = stage.node(Role::outside("cache".into()), |_| {});
        let (facts, entity) = (stage.facts().clone(), stage.entity("page"));
        let filler = stage.node(Role::outside("filler".into()), |_| {}).within(entity);
        facts.state(&filler, &Event::Stored { version: 1 });
        let (of_filler, at, entry) = (facts.clone(), cache.within(entity), Rc::new(Cell::new(None)));
        let filled = Rc::clone(&entry);
        filler.clone().spawn(async move {
            filler.note(|| "reads version 1".to_owned());
            filler.sleep(filler.choose_delay(Site::new("filler".into(), "pause".into()), &LATENESS)).await;
            filled.set(Some(1));
            of_filler.state(&at, &Event::Cached { version: 1 });
        });
        let editor = stage.node(Role::outside("editor".into()), |_| {}).within(entity);
        let (of_editor, dropped) = (facts.clone(), Rc::clone(&entry));
        editor.clone().spawn(async move {
            editor.sleep(seconds(1)).await;
            of_editor.state(&editor, &Event::Stored { version: 2 });
            dropped.set(None);
            of_editor.state(&editor, &Event::Dropped);
        });
        let viewer = stage.node(Role::outside("viewer".into()), |_| {}).within(entity);
        viewer.clone().spawn(async move {
            viewer.sleep(seconds(3)).await;
            facts.state(&viewer, &Event::Shown { version: entry.get().unwrap_or(2) });
        });
    });
    assert_eq!(
        story(fills_late, "filler/pause @ page-1 #1 = 2 s"),
        [
            "filler: reads version 1",
            "filler: filler/pause = 2 s",
            "editor: drops its entry",
            "cache: caches version 1",
            "viewer: shows version 1"
        ]
    );
}

/// Two requests over a number of connections. If `nested`, each takes a second connection while it holds a first one and
/// a lock; otherwise only the second request is promised.
fn requests(connections: usize, nested: bool) -> Design {
    design(move |stage| {
        let store = Store::new(&stage.node(Role::outside("database".into()), |_| {}), StoreProfile::CALM);
        let table = Table::<Order>::new(|_, _| {});
        store.plant(&table, Order(1));
        let web = stage.node(Role::outside("web".into()), |_| {});
        let pool = Semaphore::new(&web, "connections", connections);
        for number in 1..=2 {
            let env = web.within(stage.entity("request"));
            let (pool, store, table, facts) =
                (pool.clone(), store.clone(), table.clone(), stage.facts().clone());
            env.clone().spawn(async move {
                env.sleep(Duration::from_millis(10) * number).await;
                if nested || number == 2 {
                    facts.state(&env, &Event::Promised(number));
                }
                let first = pool.acquire(&env).await;
                let mut transaction = store.begin(&env);
                if nested {
                    drop(transaction.lock(&table, &1).await);
                    env.sleep(Duration::from_millis(20)).await;
                    let _second = pool.acquire(&env).await;
                    let _ = transaction.commit("request").await;
                } else {
                    env.sleep(env.choose_delay(Site::new("bank".into(), "pause".into()), &LATENESS)).await;
                }
                drop(first);
                facts.state(&env, &Event::Done(number));
            });
        }
    })
}

#[test]
fn the_connection_that_is_held_is_named() {
    assert_eq!(
        story(requests(1, false), "bank/pause @ request-1 #1 = 2 s"),
        [
            "web: bank/pause = 2 s",
            "web: promises order 2",
            "web: waits for a permit of connections, held by request-1 on web for 10 ms",
            "web: completes order 2"
        ]
    );
}

#[test]
fn a_cycle_through_a_semaphore_and_a_lock_is_printed_once() {
    let (outcome, trace) = Runner::new(requests(2, true)).record(Plan::Script(&script("")));
    assert_eq!(outcome.violations.len(), 2);
    let stuck = trace.steps.iter().filter(|step| step.kind == trace::Kind::Stuck);
    let stuck: Vec<String> = stuck.map(|step| format!("{}: {}", step.scope, step.text)).collect();
    assert_eq!(
        stuck,
        [
            "request-2: still waits for (1) of outbox, held by request-1 on web, which waits for connections, held by request-2 on web: a cycle",
            "request-1: still waits for connections, held by request-1 on web and request-2 on web, in the same cycle"
        ]
    );
    assert_eq!(
        story(requests(2, true), ""),
        [
            "web: promises order 1",
            "web: waits for a permit of connections, held by request-1 on web for 20 ms and request-2 on web for 10 ms",
            "web: still waits for (1) of outbox, held by request-1 on web, which waits for connections, held by request-2 on web: a cycle",
            "web: still waits for connections, held by request-1 on web and request-2 on web, in the same cycle"
        ]
    );
}

#[test]
fn accesses_are_kept_in_a_trace_file() {
    let (_, trace) = Runner::new(relay_with_cursor()).record(Plan::Script(&script("")));
    let insert = trace.steps.iter().find(|step| step.text == "inserts (1) into outbox").unwrap();
    assert_eq!(insert.accesses, [Access::new(Verb::Write, "outbox", "(1)")]);
    let file = TraceFile::of_run(trace);
    assert_eq!(file.to_string().parse(), Ok(file));
}

#[test]
fn a_permit_is_not_lost_with_its_waiter() {
    let rig = Rig::new(|stage| {
        let (facts, env) = (stage.facts().clone(), stage.node(Role::outside("web".into()), |_| {}));
        let pool = Rc::new(Semaphore::new(&env, "threads", 1));
        env.clone().spawn(async move {
            let held = pool.acquire(&env).await;
            assert!(env.timeout(seconds(1), pool.acquire(&env)).await.is_none());
            drop(held);
            assert_eq!(pool.free(), 1);
            let _again = pool.acquire(&env).await;
            say(&facts, &env, format!("{} left", pool.free()));
        });
    });
    assert_eq!(said(rig, ""), ["1 web 0 left"]);
}
