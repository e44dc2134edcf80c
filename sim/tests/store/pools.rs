//! Claims about connection pools: who gets a connection when, and what state its session has.

use shakedown_sim::database::{AdvisoryScope, Statement};
use shakedown_sim::node::CrashProfile;
use shakedown_sim::store::{Pool, PoolProfile, Pooler, Reset, Setting};
use shakedown_sim::*;
use std::cell::RefCell;
use std::fmt::{Debug, Display};
use std::rc::Rc;

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

#[derive(serde::Serialize)]
struct Nothing;

impl Fact for Nothing {
    fn sentence(&self) -> String {
        String::new()
    }
}

#[derive(Clone, Default)]
struct Lines(Rc<RefCell<Vec<String>>>);

impl Lines {
    fn say(&self, env: &Env, line: impl Display) {
        let ms = env.now().since(Moment::START).as_millis();
        self.0.borrow_mut().push(format!("{ms} {line}"));
    }

    fn result<T: Debug, E: Display>(&self, env: &Env, result: Result<T, E>) {
        self.say(env, result.map_or_else(|error| error.to_string(), |value| format!("{value:?}")));
    }
}

/// What the clients of a test have in common.
struct Office<'a> {
    stage: &'a Stage<'a, Nothing>,
    store: Store,
    web: Env,
    lines: Lines,
}

impl Office<'_> {
    /// Starts a client on the node `web`, after so many milliseconds.
    fn client<F: Future<Output = ()> + 'static>(
        &self,
        after_ms: u32,
        work: impl FnOnce(Env, Lines) -> F + 'static,
    ) {
        let (env, lines) = (self.web.within(self.stage.entity("client")), self.lines.clone());
        self.web.spawn(async move {
            env.sleep(MS * after_ms).await;
            work(env, lines).await;
        });
    }
}

struct Bench<B> {
    profile: StoreProfile,
    build: B,
    lines: Lines,
}

impl<B: Fn(&Office<'_>) + 'static> Scenario for Bench<B> {
    type Fact = Nothing;
    fn name(&self) -> &str {
        "office"
    }
    fn build(&self, stage: &Stage<Nothing>) {
        self.lines.0.borrow_mut().clear();
        let store = Store::new(&stage.node(Role::outside("database".into()), |_| {}), self.profile);
        let web = stage.node(Role::new("web".into(), &CrashProfile::NEVER), |_| {});
        (self.build)(&Office { stage, store, web, lines: self.lines.clone() });
    }
    fn invariants(&self) -> Vec<Box<dyn Invariant<Nothing>>> {
        Vec::new()
    }
}

/// Checks what the clients write down, with the milliseconds.
#[track_caller]
fn check(profile: StoreProfile, build: impl Fn(&Office<'_>) + 'static, expected: &[&str]) {
    let lines = Lines::default();
    let mut runner = Runner::new(Bench { profile, build, lines: lines.clone() });
    let script: Script = "scenario office\n".parse().unwrap();
    let outcome = runner.run(Plan::Script(&script));
    assert_eq!(outcome.violations, []);
    assert_eq!(*lines.0.borrow(), expected);
}

/// A small pool whose sessions open at once.
const SMALL: PoolProfile = PoolProfile {
    size: 1,
    acquire_timeout: SECOND,
    connect: Duration::ZERO,
    round_trip: Duration::ZERO,
    ..PoolProfile::USUAL
};

#[test]
fn clients_get_a_free_connection_in_their_order_or_time_out() {
    let build = |office: &Office<'_>| {
        let pool = Pool::new(&office.store, &office.web, SMALL);
        for (after, holds) in [(0, 600), (100, 600), (200, 600)] {
            let pool = pool.clone();
            office.client(after, move |env, lines| async move {
                match pool.acquire(&env).await {
                    Ok(_connection) => {
                        lines.say(&env, "has it");
                        env.sleep(MS * holds).await;
                    }
                    Err(error) => lines.say(&env, error),
                }
                drop(pool);
            });
        }
    };
    let expected = ["0 has it", "600 has it", "1200 timed out while waiting for a connection of the pool"];
    check(StoreProfile::CALM, build, &expected);
}

#[test]
fn a_client_that_gives_up_leaves_the_queue() {
    let build = |office: &Office<'_>| {
        let pool = Pool::new(&office.store, &office.web, SMALL);
        for (after, waits) in [(0, 1_000), (100, 100), (200, 1_000)] {
            let pool = pool.clone();
            office.client(after, move |env, lines| async move {
                let connection = env.timeout(MS * waits, pool.acquire(&env)).await;
                lines.say(&env, if connection.is_some() { "has it" } else { "gives up" });
                env.sleep(MS * 500).await;
            });
        }
    };
    check(StoreProfile::CALM, build, &["0 has it", "200 gives up", "500 has it"]);
}

#[test]
fn a_connection_that_is_given_up_half_way_is_closed() {
    let build = |office: &Office<'_>| {
        let slow = PoolProfile { size: 2, connect: MS * 100, ..SMALL };
        let pool = Pool::new(&office.store, &office.web, slow);
        for (after, waits) in [(0, 80), (60, 80), (200, 200)] {
            let pool = pool.clone();
            office.client(after, move |env, lines| async move {
                match env.timeout(MS * waits, pool.acquire(&env)).await {
                    None => lines.say(&env, "gives up"),
                    Some(acquired) => lines.result(&env, acquired.map(|_| "has it")),
                }
            });
        }
    };
    // The server accepts one connection. The second client comes while the first one's is open, the third one later.
    let one = StoreProfile { connections_max: 1, ..StoreProfile::CALM };
    check(one, build, &["80 gives up", "140 gives up", "300 \"has it\""]);
}

#[test]
fn a_server_at_its_limit_rejects_connections() {
    let build = |office: &Office<'_>| {
        let pool = Pool::new(&office.store, &office.web, PoolProfile { size: 2, ..SMALL });
        for after in [0, 100] {
            let (pool, store) = (pool.clone(), office.store.clone());
            office.client(after, move |env, lines| async move {
                let acquired = pool.acquire(&env).await;
                lines.result(&env, acquired.as_ref().map(|_| ()).map_err(|error| *error));
                env.sleep(SECOND).await;
                drop(acquired);
                env.sleep(SECOND).await;
                let connection = store.connect(&env);
                lines.result(&env, connection.try_lock(1).await);
            });
        }
    };
    let one = StoreProfile { connections_max: 1, ..StoreProfile::CALM };
    let full = "sorry, too many clients already";
    // The pool keeps its session.
    check(
        one,
        build,
        &[
            "0 ()",
            &format!("100 the pool cannot connect: {full}"),
            &format!("2000 {full}"),
            &format!("2100 {full}"),
        ],
    );
}

/// A client leaves state on the session of a pool; another client of the pool, and one beside it, find it or not.
fn leaves_state(reset: Reset) -> impl Fn(&Office<'_>) {
    move |office| {
        let pool = Pool::new(&office.store, &office.web, PoolProfile { reset, ..SMALL });
        let (first, second, store) = (pool.clone(), pool, office.store.clone());
        office.client(0, move |env, _| async move {
            let connection = first.acquire(&env).await.unwrap();
            connection.lock(7).await.unwrap();
            connection.set(Setting::LockTimeout(MS * 100)).await.unwrap();
        });
        office.client(100, move |env, lines| async move {
            let beside = store.connect(&env);
            lines.say(&env, format!("lock of the session: {:?}", beside.try_lock(7).await));
            beside.lock(8).await.unwrap();
            let connection = second.acquire(&env).await.unwrap();
            let waits = env.timeout(SECOND, connection.lock(8)).await;
            lines.say(&env, format!("lock timeout: {:?}", waits.map(|result| result.unwrap_err())));
        });
    }
}

#[test]
fn a_session_returns_as_it_was_left_unless_the_pool_resets_it() {
    let dirty = ["100 lock of the session: Ok(false)", "200 lock timeout: Some(LockTimeout)"];
    check(StoreProfile::CALM, leaves_state(Reset::Nothing), &dirty);
    check(StoreProfile::CALM, leaves_state(Reset::Rollback), &dirty);
    let clean = ["100 lock of the session: Ok(true)", "1100 lock timeout: None"];
    check(StoreProfile::CALM, leaves_state(Reset::Discard), &clean);
}

/// A client gives up `BEGIN` half-way, and another uses the session later.
fn gives_begin_up(reset: Reset, tests_on_checkout: bool) -> impl Fn(&Office<'_>) {
    move |office| {
        let profile = PoolProfile { reset, tests_on_checkout, round_trip: MS * 10, ..SMALL };
        let pool = Pool::new(&office.store, &office.web, profile);
        for after in [0, 10_000] {
            let pool = pool.clone();
            office.client(after, move |env, lines| async move {
                let connection = pool.acquire(&env).await.unwrap();
                let waits = if after == 0 { MS * 8 } else { SECOND };
                let begun = env.timeout(waits, connection.begin()).await;
                lines.say(&env, format!("{:?}", begun.map(|begun| begun.map(drop))));
            });
        }
    }
}

#[test]
fn a_transaction_whose_begin_was_given_up_stays_open_unless_the_pool_rolls_back() {
    let profile = StoreProfile { idle_in_transaction: SECOND * 5, ..StoreProfile::CALM };
    let check = |reset, tests, expected| check(profile, gives_begin_up(reset, tests), &["8 None", expected]);
    check(Reset::Nothing, false, "10005 Some(Err(IdleTimeout))");
    check(Reset::Rollback, false, "10010 Some(Ok(()))");
    // A test on checkout replaces the session that the server has ended.
    check(Reset::Nothing, true, "10020 Some(Ok(()))");
}

#[test]
fn sessions_that_are_old_or_unused_are_closed() {
    let build = |lifetime, idle_timeout| {
        move |office: &Office<'_>| {
            let profile = PoolProfile { lifetime, idle_timeout, ..SMALL };
            let pool = Pool::new(&office.store, &office.web, profile);
            for after in [0, 3_000, 6_000] {
                let (pool, store) = (pool.clone(), office.store.clone());
                office.client(after, move |env, lines| async move {
                    let connection = pool.acquire(&env).await.unwrap();
                    // A lock that a former user has left is there as long as the session.
                    lines.result(&env, store.connect(&env).try_lock(7).await);
                    connection.try_lock(7).await.unwrap();
                });
            }
        }
    };
    let never = Duration::ZERO;
    check(StoreProfile::CALM, build(never, never), &["0 true", "3000 false", "6000 false"]);
    check(StoreProfile::CALM, build(SECOND * 5, never), &["0 true", "3000 false", "6000 true"]);
    check(StoreProfile::CALM, build(never, SECOND * 2), &["0 true", "3000 true", "6000 true"]);
}

#[test]
fn a_transaction_that_outlives_its_connection_ends_its_session() {
    let build = |office: &Office<'_>| {
        let (store, pool) = (office.store.clone(), Pool::new(&office.store, &office.web, SMALL));
        office.client(0, move |env, lines| async move {
            let connection = pool.acquire(&env).await.unwrap();
            let mut tx = connection.begin().await.unwrap();
            drop(connection);
            lines.say(&env, format!("{} in use", pool.in_use()));
            let lock = Statement::advisory_lock(7, AdvisoryScope::Session);
            lines.result(&env, tx.execute(lock).await);
            let beside = store.connect(&env);
            lines.result(&env, beside.try_lock(7).await);
            drop(tx);
            lines.result(&env, beside.try_lock(7).await);
        });
    };
    check(StoreProfile::CALM, build, &["0 0 in use", "0 ()", "0 false", "0 true"]);
}

#[test]
fn a_pooler_in_transaction_mode_gives_the_lock_of_a_session_to_another_client() {
    let build = |office: &Office<'_>| {
        let pooler = Pooler::new(&office.store, &office.web, 2, SECOND);
        for after in [100, 200] {
            let pooler = pooler.clone();
            office.client(after, move |env, lines| async move {
                let connection = pooler.connect(&env);
                lines.result(&env, connection.try_lock(7).await);
                env.sleep(MS * 300).await;
                // A transaction has a session to itself: what is not part of it runs on another one.
                let tx = connection.begin().await.unwrap();
                lines.result(&env, connection.unlock(7).await);
                lines.result(&env, tx.commit("work").await);
            });
        }
    };
    // Both clients get the lock, which is the session's, and neither releases it.
    let expected = ["120 true", "200 true", "442 false", "447 ()", "502 false", "507 ()"];
    check(StoreProfile::CALM, build, &expected);
}
