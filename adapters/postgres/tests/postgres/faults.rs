//! Faults at the server: each test is a script, and what the clients then see.

use crate::world::{Body, check, check_faults, connect, sleep, text};
use shakedown_postgres::ServerFaults;
use shakedown_sim::Duration;

/// Inserts an order in a transaction, and looks from another session a while later.
const INSERTS: Body = |voice| {
    Box::pin(async move {
        let client = match connect().await {
            Ok(client) => client,
            Err(error) => return voice.says(text(&error)),
        };
        client.batch_execute("BEGIN").await.unwrap();
        client.batch_execute("INSERT INTO orders VALUES ('one')").await.unwrap();
        match client.batch_execute("COMMIT").await {
            Ok(()) => voice.says("committed"),
            Err(error) => voice.says(text(&error)),
        }
        for wait in [1, 2_500] {
            sleep(wait).await;
            match connect().await {
                Ok(client) => {
                    let count = client.query_one("SELECT count(*) FROM orders", &[]).await.unwrap();
                    voice.says(format!("{} orders", count.get::<_, i64>(0)));
                }
                Err(error) => voice.says(text(&error)),
            }
        }
    })
};

#[test]
fn a_commit_may_be_lost_before_during_or_after_it_takes_effect() {
    check(
        clients![INSERTS],
        "",
        &["9 commits: inserts into public.orders id=one", "10 committed", "19 1 orders", "2527 1 orders"],
    );
    let commit = |fault: &str| format!("postgres/statement commit @ client-1/postgres-1 #1 = {fault}");
    check(
        clients![INSERTS],
        &commit("lost before"),
        &["10 connection closed", "19 0 orders", "2527 0 orders"],
    );
    check(
        clients![INSERTS],
        &commit("lost after"),
        &[
            "9 commits: inserts into public.orders id=one",
            "10 connection closed",
            "19 1 orders",
            "2527 1 orders",
        ],
    );
    check(
        clients![INSERTS],
        &commit("lost during"),
        &[
            "10 connection closed",
            "19 0 orders",
            "1009 commits: inserts into public.orders id=one",
            "2527 1 orders",
        ],
    );
    check(
        clients![INSERTS],
        &commit("restart"),
        &["10 connection closed", "15 57P03 the database system is starting up", "2523 0 orders"],
    );
    check(
        clients![INSERTS],
        &commit("restart after"),
        &[
            "9 commits: inserts into public.orders id=one",
            "10 connection closed",
            "15 57P03 the database system is starting up",
            "2523 1 orders",
        ],
    );
}

#[test]
fn a_failover_to_an_asynchronous_standby_loses_a_commit_that_the_client_knows() {
    check(
        clients![INSERTS],
        "postgres/statement commit @ client-1/postgres-1 #1 = failover",
        &["10 committed", "15 57P03 the database system is starting up", "2523 0 orders"],
    );
}

/// Commits five transactions, one each second, and looks at the rows after a failover at the last.
const COMMITS: Body = |voice| {
    Box::pin(async move {
        let client = connect().await.unwrap();
        for sql in [
            "INSERT INTO orders VALUES ('it''s one')",
            "UPDATE rows SET value = 11 WHERE id = 1; INSERT INTO log (who) VALUES ('one')",
            "UPDATE rows SET value = 12 WHERE id = 1; DELETE FROM rows WHERE id = 2",
            "UPDATE orders SET id = 'two'; INSERT INTO log (who) VALUES ('two')",
            "INSERT INTO orders VALUES ('three')",
        ] {
            client.batch_execute("BEGIN").await.unwrap();
            client.batch_execute(sql).await.unwrap();
            client.batch_execute("COMMIT").await.unwrap();
            sleep(1_000).await;
        }
        sleep(2_000).await;
        let client = connect().await.unwrap();
        let sql = "SELECT concat_ws(' ', (SELECT string_agg(id, ',') FROM orders),
                       (SELECT string_agg(id || '=' || value, ',' ORDER BY id) FROM rows),
                       (SELECT string_agg(number || '=' || who, ',') FROM log))";
        voice.says(client.query_one(sql, &[]).await.unwrap().get::<_, String>(0));
        let sql = "INSERT INTO log (who) VALUES ('again') RETURNING number";
        voice.says(client.query_one(sql, &[]).await.unwrap().get::<_, i64>(0).to_string());
    })
};

/// The last commit.
const FAILOVER: &str = "postgres/statement commit @ client-1/postgres-1 #5 = failover";

/// What is committed before the failover.
const COMMITTED: [&str; 7] = [
    "9 commits: inserts into public.orders id=it's one",
    "1015 commits: updates public.rows id=1 value=11",
    "1015 commits: inserts into public.log number=1 who=one at=2026-01-01 00:00:01.011+00",
    "2021 commits: updates public.rows id=1 value=12",
    "2021 commits: deletes from public.rows id=2",
    "3027 commits: updates public.orders id=two",
    "3027 commits: inserts into public.log number=2 who=two at=2026-01-01 00:00:03.023+00",
];

#[test]
fn a_standby_that_lags_does_not_have_the_commits_of_that_time() {
    const FAULTS: ServerFaults = ServerFaults::ASYNCHRONOUS.lagging(Duration::from_millis(2_500));
    let takes_back = [
        "4033 commits: updates public.rows id=1 value=11",
        "4033 commits: inserts into public.rows id=2 value=20",
        "4033 commits: inserts into public.orders id=it's one",
        "4033 commits: deletes from public.orders id=two",
        "4033 commits: deletes from public.log number=2",
        "7042 it's one 1=11,2=20 1=one",
        "7045 commits: inserts into public.log number=3 who=again at=2026-01-01 00:00:07.045+00",
        "7046 3",
    ];
    check_faults(&FAULTS, COMMITS, FAILOVER, &[&COMMITTED[..], &takes_back].concat());
}

#[test]
fn a_synchronous_standby_has_all_commits() {
    let keeps = [
        "4033 commits: inserts into public.orders id=three",
        "7042 two,three 1=12 1=one,2=two",
        "7045 commits: inserts into public.log number=3 who=again at=2026-01-01 00:00:07.045+00",
        "7046 3",
    ];
    check_faults(&ServerFaults::SYNCHRONOUS, COMMITS, FAILOVER, &[&COMMITTED[..], &keeps].concat());
}

#[test]
fn a_session_may_be_refused() {
    check(
        clients![INSERTS],
        "postgres/session @ client-1/postgres-1 #1 = too many connections",
        &["4 53300 sorry, too many clients already"],
    );
    check(
        clients![INSERTS],
        "postgres/session @ client-1/postgres-1 #1 = starting up",
        &["4 57P03 the database system is starting up"],
    );
}

#[test]
fn a_session_that_outlives_its_client_keeps_its_locks() {
    let other: Body = |voice| {
        Box::pin(async move {
            sleep(100).await;
            let client = connect().await.unwrap();
            client.batch_execute("INSERT INTO orders VALUES ('one')").await.unwrap();
            voice.says("the other has inserted");
        })
    };
    check(
        clients![INSERTS, other],
        "postgres/statement commit @ client-1/postgres-1 #1 = outlives",
        &[
            "10 connection closed",
            "19 0 orders",
            "2527 0 orders",
            "30009 commits: inserts into public.orders id=one",
            "30010 the other has inserted",
        ],
    );
}
