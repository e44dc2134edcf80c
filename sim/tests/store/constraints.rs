//! Constraints, queries and the server's clock, through the store.

use shakedown_sim::database::Deferral;
use shakedown_sim::store::{Column, Constraints, Query};
use shakedown_sim::*;
use std::cell::RefCell;
use std::future::Future;
use std::rc::Rc;

#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize)]
struct Order {
    id: u32,
}

impl Row for Order {
    type Key = u32;
    const TABLE: &'static str = "orders";
    fn key(&self) -> u32 {
        self.id
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize)]
struct Item {
    id: u32,
    order: Option<u32>,
    line: u32,
    is_open: bool,
    count: i64,
}

impl Row for Item {
    type Key = u32;
    const TABLE: &'static str = "items";
    fn key(&self) -> u32 {
        self.id
    }
}

const ID: Column<Item> = Column::new("id", |item| item.id.into());
const LINE: Column<Item> = Column::new("line", |item| item.line.into());
const COUNT: Column<Item> = Column::new("count", |item| item.count.into());

const fn item(id: u32, order: u32, line: u32) -> Item {
    Item { id, order: Some(order), line, is_open: false, count: 1 }
}

/// What an action `ON DELETE` does.
#[derive(Clone, Copy)]
enum Action {
    Nothing,
    Cascade,
    SetNull,
}

/// The store of a run, and what its clients have seen.
#[derive(Clone)]
struct Shop {
    store: Store,
    orders: Table<Order>,
    items: Table<Item>,
    log: Rc<RefCell<Vec<String>>>,
}

impl Shop {
    fn log(&self, env: &Env, text: impl Into<String>) {
        self.log.borrow_mut().push(format!("{} {}", env.now().nanos() / 1_000_000, text.into()));
    }
}

fn constraints(orders: &Table<Order>, action: Action) -> Constraints<Item> {
    let constraints = Constraints::none()
        .unique("items_line", Deferral::Immediate, |item: &Item| (item.order, item.line).into())
        .unique_where("items_one_open", |item| item.is_open, |item| item.order.into())
        .index("items_count", |item| item.count.into())
        .check("items_count_positive", |item| item.count > 0)
        .exclusion("items_apart", |item| item.order.into(), |a, b| a.count == 7 && b.count == 7)
        .foreign_key("items_order", orders, Deferral::Immediate, |item| item.order.into());
    match action {
        Action::Nothing => constraints,
        Action::Cascade => constraints.on_delete_cascade(),
        Action::SetNull => constraints.on_delete_set(|item| Item { order: None, ..*item }),
    }
}

struct Play<F> {
    profile: StoreProfile,
    action: Action,
    clients: F,
    log: Rc<RefCell<Vec<String>>>,
}

/// A fact that nobody states.
#[derive(serde::Serialize)]
enum Nothing {}

impl Fact for Nothing {
    fn sentence(&self) -> String {
        match *self {}
    }
}

impl<F: Fn(&Stage<Nothing>, &Env, &Shop) + 'static> Scenario for Play<F> {
    type Fact = Nothing;
    fn name(&self) -> &str {
        "shop"
    }
    fn invariants(&self) -> Vec<Box<dyn Invariant<Nothing>>> {
        Vec::new()
    }
    fn horizon(&self, _: &Variant) -> Horizon {
        Horizon { heal: Duration::from_secs(600), settle: Duration::from_secs(600) }
    }
    fn build(&self, stage: &Stage<Nothing>) {
        self.log.borrow_mut().clear();
        let store = Store::new(&stage.node(Role::outside("database".into()), |_| {}), self.profile);
        let log = Rc::clone(&self.log);
        let orders = Table::new(|_, _| {});
        let changes = Rc::clone(&log);
        let items = Table::constrained(constraints(&orders, self.action), move |_, change: &Change<Item>| {
            let id = change.before.or(change.after).map_or(0, |item| item.id);
            let after = change.after.map(|item| item.order);
            changes.borrow_mut().push(format!("item {id}: {after:?}"));
        });
        (1..=2).for_each(|id| store.plant(&orders, Order { id }));
        (1..=4).for_each(|id| store.plant(&items, item(id, 1 + id / 3, 10 - id)));
        let client = stage.node(Role::outside("client".into()), |_| {});
        (self.clients)(stage, &client, &Shop { store, orders, items, log });
    }
}

/// Plays the clients, and returns what they logged.
fn play(
    profile: StoreProfile,
    action: Action,
    deviations: &str,
    clients: impl Fn(&Stage<Nothing>, &Env, &Shop) + 'static,
) -> Vec<String> {
    let log = Rc::default();
    let mut runner = Runner::new(Play { profile, action, clients, log: Rc::clone(&log) });
    let script: Script = format!("scenario shop\n{deviations}").parse().expect("well formed");
    let outcome = runner.run(Plan::Script(&script));
    assert_eq!(outcome.unapplied, [], "offered: {:#?}", runner.offers());
    assert_eq!(outcome.violations, []);
    log.take()
}

/// Plays one client.
fn alone<W: Future<Output = ()> + 'static>(
    action: Action,
    work: impl Fn(Env, Shop) -> W + 'static,
) -> Vec<String> {
    play(StoreProfile::CALM, action, "", move |_, env, shop| {
        env.clone().spawn(work(env.clone(), shop.clone()));
    })
}

#[test]
fn each_constraint_rejects_with_its_own_error() {
    let log = alone(Action::Nothing, async |env, shop| {
        let rows = [
            item(9, 1, 9),
            item(9, 7, 1),
            Item { count: 0, ..item(9, 1, 1) },
            Item { count: 7, ..item(9, 1, 1) },
            Item { is_open: true, ..item(9, 1, 2) },
        ];
        let mut tx = shop.store.begin(&env);
        tx.insert(&shop.items, Item { is_open: true, count: 7, ..item(8, 1, 0) }).await.unwrap();
        for row in rows {
            tx.savepoint("a").await.unwrap();
            let code = tx.insert(&shop.items, row).await.map_err(StoreError::code);
            shop.log(&env, format!("{code:?}"));
            tx.roll_back_to("a").await.unwrap();
        }
        let deleted = tx.delete(&shop.orders, &1).await;
        shop.log(&env, format!("{deleted:?}"));
    });
    let expected = [
        "0 Err(\"23505\")",
        "0 Err(\"23503\")",
        "0 Err(\"23514\")",
        "0 Err(\"23P01\")",
        "0 Err(\"23505\")",
        "0 Err(ForeignKeyViolation)",
    ];
    assert_eq!(log, expected);
}

#[test]
fn the_hook_receives_the_rows_that_a_referential_action_changes() {
    let delete = |action| {
        alone(action, async |env, shop| {
            let mut tx = shop.store.begin(&env);
            tx.delete(&shop.orders, &2).await.unwrap();
            tx.commit("delete").await.unwrap();
        })
    };
    assert_eq!(delete(Action::Cascade), ["item 3: None", "item 4: None"]);
    assert_eq!(delete(Action::SetNull), ["item 3: Some(None)", "item 4: Some(None)"]);
}

#[test]
fn queries_order_limit_and_continue_after_a_key() {
    let log = alone(Action::Nothing, async |env, shop| {
        let mut tx = shop.store.begin(&env);
        let queries: [Query<Item>; 6] = [
            Query::all().order_by(LINE).limit(2),
            Query::all().order_by(LINE).limit(2).offset(1),
            Query::all().order_by(COUNT).order_by(ID).after((1, 2)),
            Query::all().order_by_descending(ID).after(3),
            Query::all().filter(LINE.is_in([7, 9])).matching(|item| item.id > 1),
            Query::range_in("items_pkey", shakedown_sim::database::Key::from(3)..),
        ];
        for query in queries {
            let text = query.to_string();
            let found = tx.select(&shop.items, query).await.unwrap();
            let ids: Vec<u32> = found.iter().map(|item| item.id).collect();
            shop.log(&env, format!("{text}: {ids:?}"));
        }
    });
    let expected = [
        "0 ORDER BY line LIMIT 2: [4, 3]",
        "0 ORDER BY line LIMIT 2 OFFSET 1: [3, 2]",
        "0 WHERE (count, id) > (1, 2) ORDER BY count, id: [3, 4]",
        "0 WHERE id < 3 ORDER BY id DESC: [2, 1]",
        "0 WHERE line IN (7, 9) AND (…): [3]",
        "0 WHERE items_pkey >= 3: [3, 4]",
    ];
    assert_eq!(log, expected);
}

#[test]
fn two_clients_claim_different_rows_in_order() {
    let log = alone(Action::Nothing, async |env, shop| {
        let next = || Query::all().order_by(LINE).limit(2);
        let (mut first, mut second) = (shop.store.begin(&env), shop.store.begin(&env));
        for tx in [&mut first, &mut second] {
            let claimed = tx.claim_rows(&shop.items, next()).await.unwrap();
            shop.log(&env, format!("{:?}", claimed.iter().map(|item| item.id).collect::<Vec<_>>()));
        }
        let updated = first.update_rows(&shop.items, ID.ge(4), |item| Item { count: 2, ..*item }).await;
        let deleted = first.delete_rows(&shop.items, COUNT.eq(2)).await;
        shop.log(&env, format!("{} {}", updated.unwrap().len(), deleted.unwrap().len()));
    });
    assert_eq!(log, ["0 [4, 3]", "0 [2, 1]", "0 1 1"]);
}

#[test]
fn the_order_of_rows_without_an_order_is_a_choice_only_if_the_profile_says_so() {
    const UNORDERED: StoreProfile = StoreProfile { unordered: true, ..StoreProfile::CALM };
    let read = |profile, deviations: &str| {
        play(profile, Action::Nothing, deviations, |_, env, shop| {
            let (env, shop) = (env.clone(), shop.clone());
            env.clone().spawn(async move {
                let mut tx = shop.store.begin(&env);
                let ids = |items: Vec<Item>| items.iter().map(|item| item.id).collect::<Vec<_>>();
                let first = ids(tx.select(&shop.items, Query::all().limit(2)).await.unwrap());
                let all = ids(tx.scan(&shop.items, |_| true).await.unwrap());
                let claimed = tx.claim(&shop.items, |_| true).await.unwrap().map(|item| item.id);
                shop.log(&env, format!("{first:?} {all:?} {claimed:?}"));
            });
        })
    };
    assert_eq!(read(StoreProfile::CALM, ""), ["0 [1, 2] [1, 2, 3, 4] Some(1)"]);
    assert_eq!(read(UNORDERED, ""), ["0 [1, 2] [1, 2, 3, 4] Some(1)"]);
    let order = |number, order| format!("store/order of items @ - #{number} = {order}");
    let script = [order(1, "from the middle"), order(2, "backwards"), order(3, "backwards")].join("\n");
    assert_eq!(read(UNORDERED, &script), ["0 [3, 4] [4, 3, 2, 1] Some(4)"]);
}

#[test]
fn now_is_the_begin_of_the_transaction_and_moves_only_for_statements() {
    let log = alone(Action::Nothing, async |env, shop| {
        let mut tx = shop.store.begin(&env);
        env.sleep(Duration::from_secs(5)).await;
        let since = |time: WallTime| time.since(WallTime::AT_START).as_secs();
        let (now, statement) = (tx.now().await.unwrap(), tx.statement_now().await.unwrap());
        env.sleep(Duration::from_secs(1)).await;
        let later = (tx.now().await.unwrap(), tx.statement_now().await.unwrap());
        shop.log(&env, format!("{} {} {} {}", since(now), since(statement), since(later.0), since(later.1)));
    });
    assert_eq!(log, ["6000 0 5 0 6"]);
}

const SLOW: StoreProfile = StoreProfile {
    statement: Duration::from_millis(10),
    statement_timeout: Duration::from_secs(2),
    notice: &[Duration::from_secs(60)],
    statement_faults: &[
        StatementFault::Slow(Duration::from_secs(1)),
        StatementFault::Slow(Duration::from_secs(5)),
    ],
    ..StoreProfile::CALM
};

#[test]
fn a_slow_statement_takes_effect_late_or_exceeds_its_timeout() {
    let run = |deviations: &str| {
        play(SLOW, Action::Nothing, deviations, |_, env, shop| {
            let (env, shop) = (env.clone(), shop.clone());
            env.clone().spawn(async move {
                let mut tx = shop.store.begin(&env);
                let read = tx.get(&shop.items, &1).await.map(|item| item.map(|item| item.id));
                shop.log(&env, format!("{read:?}"));
                let written = tx.update(&shop.items, Item { count: 5, ..item(1, 1, 9) }).await;
                shop.log(&env, format!("{written:?}"));
                shop.log(&env, format!("{:?}", tx.savepoint("a").await));
            });
        })
    };
    assert_eq!(run(""), ["10 Ok(Some(1))", "20 Ok(())", "30 Ok(())"]);
    let slow = |number, by| run(&format!("store/statement items @ - #{number} = slow {by}"));
    assert_eq!(slow(1, "1 s"), ["1010 Ok(Some(1))", "1020 Ok(())", "1030 Ok(())"]);
    assert_eq!(
        slow(1, "5 s"),
        ["2005 Err(Canceled)", "2015 Err(InFailedTransaction)", "2025 Err(InFailedTransaction)"]
    );
    assert_eq!(slow(2, "1 s"), ["10 Ok(Some(1))", "1020 Ok(())", "1030 Ok(())"]);
    assert_eq!(slow(2, "5 s"), ["10 Ok(Some(1))", "2020 Err(Canceled)", "2030 Err(InFailedTransaction)"]);
}

#[test]
fn an_abandoned_slow_statement_is_canceled_and_that_of_a_dead_client_completes() {
    const CRASHING: CrashProfile = CrashProfile { before: &[CrashFault::Crash], ..CrashProfile::NEVER };
    const CLIENT: Role = Role::new(Label::new("writer"), &CRASHING);
    const UPDATE: &str = "store/statement items @ writer-1 #1 = slow 1 s";
    let run = |deviations: &str| {
        play(SLOW, Action::Nothing, deviations, move |stage, watcher, shop| {
            let (shop, watched, watcher) = (shop.clone(), shop.clone(), watcher.clone());
            let (is_first, scope) = (std::cell::Cell::new(true), stage.entity("writer"));
            stage.node(CLIENT, move |env| {
                if is_first.replace(false) {
                    let env = env.within(scope);
                    let (shop, writer, other) = (shop.clone(), env.clone(), env.clone());
                    env.spawn(async move {
                        let mut tx = shop.store.begin(&writer);
                        let update = tx.update(&shop.items, Item { count: 5, ..item(1, 1, 9) });
                        let result = writer.timeout(Duration::from_millis(800), update).await;
                        shop.log(&writer, format!("{result:?} {:?}", tx.savepoint("a").await));
                    });
                    other.clone().spawn(async move {
                        other.sleep(Duration::from_millis(500)).await;
                        other.crash_point(Side::Before, "work").await;
                    });
                }
            });
            watcher.clone().spawn(async move {
                for wait_ms in [700, 700] {
                    watcher.sleep(Duration::from_millis(wait_ms)).await;
                    let mut tx = watched.store.begin(&watcher);
                    let locked = tx.lock_with(&watched.items, &1, LockMode::Update, LockWait::NoWait).await;
                    watched.log(&watcher, format!("{:?}", locked.map(|item| item.map(|item| item.count))));
                }
            });
        })
    };
    let abandoned = ["710 Ok(Some(1))", "810 None Err(InFailedTransaction)", "1420 Ok(Some(1))"];
    assert_eq!(run(UPDATE), abandoned);
    let crash = "writer/before work @ writer-1 #1 = crash\nstore/notices a dead client @ writer-1 #1 = 60 s";
    assert_eq!(run(&format!("{UPDATE}\n{crash}")), ["710 Ok(Some(1))", "1420 Err(RowLocked)"]);
}

#[test]
fn a_waiting_change_of_the_schema_blocks_readers_behind_it() {
    use shakedown_sim::database::TableLock;
    const IMPATIENT: StoreProfile =
        StoreProfile { lock_timeout: Duration::from_secs(2), ..StoreProfile::CALM };
    let log = play(IMPATIENT, Action::Nothing, "", |stage, _, shop| {
        let client = |name: &'static str, start: u64| {
            let env = stage.node(Role::outside(name.into()), |_| {}).within(stage.entity(name));
            (env, shop.clone(), Duration::from_secs(start))
        };
        let (env, shop, _) = client("report", 0);
        env.clone().spawn(async move {
            let mut tx = shop.store.begin(&env);
            tx.get(&shop.items, &1).await.unwrap();
            env.sleep(Duration::from_secs(10)).await;
            tx.commit("report").await.unwrap();
        });
        let (env, shop, start) = client("migration", 1);
        env.clone().spawn(async move {
            env.sleep(start).await;
            for wait in [LockWait::NoWait, LockWait::Block] {
                let mut tx = shop.store.begin(&env);
                let locked = tx.lock_table(&shop.items, TableLock::AccessExclusive, wait).await;
                shop.log(&env, format!("alter: {locked:?}"));
            }
            let mut tx = shop.store.begin(&env);
            tx.limit_lock_waits(Duration::ZERO).await.unwrap();
            tx.lock_table(&shop.items, TableLock::AccessExclusive, LockWait::Block).await.unwrap();
            shop.log(&env, "alter");
        });
        let (env, shop, start) = client("reader", 2);
        env.clone().spawn(async move {
            env.sleep(start).await;
            let mut tx = shop.store.begin(&env);
            let read = tx.get(&shop.items, &2).await.map(|item| item.map(|item| item.id));
            shop.log(&env, format!("read: {read:?}"));
            env.sleep(Duration::from_secs(2)).await;
            tx = shop.store.begin(&env);
            tx.limit_lock_waits(Duration::ZERO).await.unwrap();
            let read = tx.scan(&shop.items, |_| true).await.map(|items| items.len());
            shop.log(&env, format!("read: {read:?}"));
        });
    });
    let expected = [
        "1000 alter: Err(RowLocked)",
        "3000 read: Ok(Some(2))",
        "3000 alter: Err(LockTimeout)",
        "10002 alter",
        "10002 read: Ok(4)",
    ];
    assert_eq!(log, expected);
}

#[test]
fn a_commit_that_the_server_receives_takes_effect_although_its_connection_is_dropped() {
    const SLOW_COMMIT: StoreProfile = StoreProfile {
        commit: Duration::from_secs(2),
        connect: Duration::from_secs(2),
        ..StoreProfile::CALM
    };
    let log = play(SLOW_COMMIT, Action::Nothing, "", |_, env, shop| {
        let (env, shop) = (env.clone(), shop.clone());
        env.clone().spawn(async move {
            let work = async {
                let connection = shop.store.try_connect(&env).await.unwrap();
                let mut tx = connection.try_begin().await.unwrap();
                tx.update(&shop.items, Item { order: None, ..item(1, 1, 9) }).await.unwrap();
                tx.commit("update").await.unwrap();
            };
            assert!(env.timeout(Duration::from_millis(2_500), work).await.is_none());
            shop.log(&env, "gives up");
            let abandoned = env.timeout(Duration::from_millis(1_500), shop.store.try_connect(&env)).await;
            assert!(abandoned.is_none(), "it takes two seconds");
        });
    });
    assert_eq!(log, ["2500 gives up", "item 1: Some(None)"]);
}
