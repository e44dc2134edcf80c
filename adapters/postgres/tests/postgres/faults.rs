//! Faults at the server: each test is a script, and what the clients then see.

use crate::world::{Body, check, connect, sleep, text};

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
