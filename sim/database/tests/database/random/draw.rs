//! Draws histories: interleaved SQL of a few sessions over few rows, so that the sessions conflict often.

use proptest::prelude::*;
use proptest::sample::select;

/// The tables of every history: keys of all kinds, some deferred, some nullable, one that references its own table.
pub(crate) const SETUP: [&str; 8] = [
    "create table t(id int primary key, u int unique, v int)",
    "create table c(id int primary key, pid int references t(id))",
    "create table d(id int unique deferrable initially deferred, w int)",
    "create table f(id int primary key, pid int references t(id) deferrable initially deferred, \
     uid int references t(u))",
    "create table n(id int primary key, up int references n(id))",
    "insert into t values (1, 1, 10), (2, 2, 20), (3, 3, 30), (4, null, 40)",
    "insert into c values (1, 1)",
    "insert into n values (1, 1), (2, 1)",
];

/// Drops the tables.
pub(crate) const DROP: &str = "drop table if exists c, f, t, d, n";

/// Empties the tables.
pub(crate) const EMPTY: &str = "truncate t, c, d, f, n";

/// The queries at the end of a history.
pub(crate) const LAST: [&str; 5] = [
    "select * from t order by id",
    "select * from c order by id",
    "select * from d order by id, w",
    "select * from f order by id",
    "select * from n order by id",
];

/// The isolation levels of a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Levels {
    /// Read committed and repeatable read, mixed.
    Weak,
    /// Serializable only.
    Serializable,
}

/// One statement of one session.
#[derive(Clone, Debug)]
pub(crate) struct Draw {
    pub session: usize,
    pub sql: String,
}

/// A history to play.
#[derive(Clone, Debug)]
pub(crate) struct History {
    pub levels: Levels,
    pub steps: Vec<Draw>,
}

fn key() -> impl Strategy<Value = i64> {
    1_i64..=5
}

/// Draws a key, or null.
fn key_or_null() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => key().prop_map(|key| key.to_string()),
        1 => Just("null".to_owned()),
    ]
}

fn read() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => key().prop_map(|k| format!("select * from t where id = {k}")),
        2 => (key(), key()).prop_map(|(a, b)| format!("select * from t where id in ({a}, {b}) order by id")),
        2 => (2_i64..4).prop_map(|m| format!("select * from t where v % {m} = 0 order by id")),
        1 => Just("select * from t".to_owned()),
        1 => Just("select count(*), sum(v) from t".to_owned()),
        1 => Just("select max(id), min(v) from t".to_owned()),
        1 => key().prop_map(|k| format!("select * from c where pid = {k} order by id")),
        1 => (key(), 1_usize..3).prop_map(|(k, n)| format!("select id from t where id >= {k} order by id limit {n}")),
        1 => Just("select id, (select count(*) from c where c.pid = t.id) from t order by id".to_owned()),
    ]
}

fn locking() -> impl Strategy<Value = String> {
    let mode = select(vec!["update", "no key update", "share", "key share", "key share"]);
    let wait = select(vec!["", "", " nowait", " skip locked"]);
    let rows = prop_oneof![
        5 => key().prop_map(|k| format!("where id = {k}")),
        1 => Just("where v >= 20 order by id limit 1".to_owned()),
        1 => Just("order by id limit 2".to_owned()),
        1 => Just("where v % 20 = 0 order by v".to_owned()),
    ];
    (rows, mode, wait).prop_map(|(rows, mode, wait)| format!("select * from t {rows} for {mode}{wait}"))
}

fn update() -> impl Strategy<Value = String> {
    prop_oneof![
        5 => (key(), 1_i64..9).prop_map(|(k, n)| format!("update t set v = v + {n} where id = {k}")),
        2 => (key(), 0_i64..5).prop_map(|(k, n)| format!("update t set v = {n}0 where v = {k}0 returning id, v")),
        1 => Just("update t set v = v + 1".to_owned()),
        1 => (key(), key_or_null()).prop_map(|(k, n)| format!("update t set u = {n} where id = {k}")),
        1 => key().prop_map(|k| format!("update t set id = id + 1 where id = {k}")),
        1 => Just("update t set v = -1 where id = (select id from t where v > 0 order by id limit 1 \
                   for update skip locked) returning id".to_owned()),
        1 => (key(), key_or_null()).prop_map(|(k, n)| format!("update c set pid = {n} where id = {k}")),
        1 => key().prop_map(|k| format!("update c set pid = pid where id = {k}")),
        1 => (key(), key_or_null()).prop_map(|(k, n)| format!("update f set pid = {n} where id = {k}")),
        1 => (key(), key_or_null()).prop_map(|(k, n)| format!("update f set uid = {n} where id = {k}")),
        1 => key().prop_map(|k| format!("update f set pid = pid, uid = uid where id = {k}")),
        1 => (key(), key_or_null()).prop_map(|(k, n)| format!("update n set up = {n} where id = {k}")),
        1 => key().prop_map(|k| format!("update n set id = id + 1 where id = {k}")),
        1 => (key(), 1_i64..4).prop_map(|(k, n)| {
            format!("update t set v = (select count(*) from c) + {n} where id = {k} and v < 40")
        }),
    ]
}

fn insert() -> impl Strategy<Value = String> {
    let row = || (key(), 1_i64..9).prop_map(|(k, u)| format!("insert into t values ({k}, {u}, {k}0)"));
    let sets_key = select(vec![
        "on conflict (id) do update set id = excluded.id, v = excluded.v returning *",
        "on conflict (u) do update set u = excluded.u, v = t.v + 1 returning *",
        "on conflict (id) do update set u = excluded.u",
        "on conflict (u) do update set id = excluded.id",
        "on conflict (id) do update set v = excluded.v where t.v < 20",
    ]);
    prop_oneof![
        3 => row(),
        2 => row().prop_map(|row| format!("{row} on conflict do nothing returning id")),
        2 => row().prop_map(|row| format!("{row} on conflict (id) do update set v = t.v + 100 returning *")),
        2 => (row(), sets_key).prop_map(|(row, action)| format!("{row} {action}")),
        2 => (key(), key_or_null()).prop_map(|(k, p)| format!("insert into c values ({k}, {p})")),
        2 => (key(), key_or_null(), key_or_null())
            .prop_map(|(k, p, u)| format!("insert into f values ({k}, {p}, {u})")),
        1 => (key(), key_or_null()).prop_map(|(k, p)| {
            format!("insert into f values ({k}, {p}, null) on conflict (id) do update set pid = excluded.pid")
        }),
        2 => (key(), key_or_null()).prop_map(|(k, p)| format!("insert into n values ({k}, {p})")),
        1 => key().prop_map(|k| format!("insert into d values ({k}, 2) on conflict do nothing")),
        1 => Just("insert into t select max(id) + 1, max(id) + 1, 0 from t".to_owned()),
        1 => key().prop_map(|k| format!("insert into d values ({k}, 1)")),
    ]
}

fn delete() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => key().prop_map(|k| format!("delete from t where id = {k}")),
        1 => Just("delete from t where v > 30 returning id".to_owned()),
        1 => key().prop_map(|k| format!("delete from c where id = {k}")),
        1 => key().prop_map(|k| format!("delete from d where id = {k}")),
        1 => key().prop_map(|k| format!("delete from f where pid = {k}")),
        1 => key().prop_map(|k| format!("delete from n where id = {k}")),
    ]
}

fn control(levels: Levels) -> impl Strategy<Value = String> {
    let level = match levels {
        Levels::Weak => vec!["read committed", "repeatable read"],
        Levels::Serializable => vec!["serializable"],
    };
    prop_oneof![
        6 => select(level).prop_map(|level| format!("begin isolation level {level}")),
        5 => Just("commit".to_owned()),
        2 => Just("rollback".to_owned()),
        3 => Just("savepoint s".to_owned()),
        3 => Just("rollback to savepoint s".to_owned()),
        1 => Just("release savepoint s".to_owned()),
    ]
}

fn advisory() -> impl Strategy<Value = String> {
    let free = select(vec![
        "pg_advisory_xact_lock(1)",
        "pg_try_advisory_xact_lock(1)",
        "pg_advisory_xact_lock_shared(1)",
        "pg_try_advisory_xact_lock_shared(1)",
        "id from t where pg_try_advisory_xact_lock(id) order by id",
        "id from t where pg_try_advisory_xact_lock_shared(id) order by id",
    ])
    .prop_map(str::to_owned);
    let by_key = (key(), select(vec!["", "_shared"]))
        .prop_map(|(k, kind)| format!("id from t where id = {k} and pg_try_advisory_xact_lock{kind}(id)"));
    prop_oneof![2 => free, 1 => by_key].prop_map(|call| format!("select {call}"))
}

fn statement(levels: Levels) -> BoxedStrategy<String> {
    prop_oneof![
        7 => control(levels),
        4 => read(),
        4 => locking(),
        8 => update(),
        4 => insert(),
        2 => delete(),
        1 => advisory(),
    ]
    .boxed()
}

/// Draws histories of two to four sessions. Each session begins with a transaction, because there would be few
/// otherwise.
pub(crate) fn histories(levels: Levels) -> impl Strategy<Value = History> {
    let level = match levels {
        Levels::Weak => vec!["read committed", "repeatable read"],
        Levels::Serializable => vec!["serializable"],
    };
    (2_usize..=4).prop_flat_map(move |sessions| {
        let begins = proptest::collection::vec(select(level.clone()), sessions);
        let steps = proptest::collection::vec((0..sessions, statement(levels)), 4..28);
        (begins, steps).prop_map(move |(begins, steps)| {
            let begins = begins.iter().enumerate();
            let begins = begins
                .map(|(session, level)| Draw { session, sql: format!("begin isolation level {level}") });
            // A query that skips locked rows sees no consistent state, by design; only the weak levels draw it.
            let judged = |sql: String| match levels {
                Levels::Weak => sql,
                // The server finds a maximum at the end of an index, where the player reads the table.
                Levels::Serializable => sql
                    .replace(" skip locked", "")
                    .replace("select max(id) + 1, max(id) + 1, 0", "select count(*) + 3, count(*) + 3, 0"),
            };
            let steps = steps.into_iter().map(|(session, sql)| Draw { session, sql: judged(sql) });
            History { levels, steps: begins.chain(steps).collect() }
        })
    })
}
