//! Statements, locks, time and committed rows.

use crate::world::{
    Body, Future, Play, Voice, check, connect, connect_with, play, record, sleep, text, with_server,
};
use shakedown_net::StreamFaults;
use shakedown_postgres::ServerFaults;
use shakedown_sim::trace::Kind;
use std::sync::Arc;

#[test]
fn a_driver_speaks_to_the_real_server() {
    let client: Body = |voice| {
        Box::pin(async move {
            let client = connect().await.unwrap();
            let version: String = client.query_one("SHOW server_version", &[]).await.unwrap().get(0);
            assert!(version.starts_with(|c: char| c.is_ascii_digit()), "{version}");
            let changed = client.execute("UPDATE rows SET value = value + $2 WHERE id = $1", &[&1, &5]);
            voice.says(format!("{} row", changed.await.unwrap()));
            let row = client.query_one("SELECT value FROM rows WHERE id = 1", &[]).await.unwrap();
            voice.says(format!("value {}", row.get::<_, i32>(0)));
        })
    };
    check(
        clients![client],
        "",
        &["11 commits: updates public.rows id=1 value=15", "12 1 row", "16 value 15"],
    );
}

#[test]
fn the_clock_of_the_server_is_virtual_and_sleeping_takes_no_real_time() {
    let client: Body = |voice| {
        Box::pin(async move {
            let client = connect().await.unwrap();
            sleep(100_000 - 4).await;
            let row = client.query_one("SELECT now()::text, clock_timestamp()::text", &[]).await.unwrap();
            voice.says(format!("{} {}", row.get::<_, String>(0), row.get::<_, String>(1)));
            client.batch_execute("SELECT pg_sleep(90.5)").await.unwrap();
            voice.says("awake");
        })
    };
    check(
        clients![client],
        "",
        &["100004 2026-01-01 00:01:40.003+00 2026-01-01 00:01:40.003+00", "190506 awake"],
    );
}

/// Holds both rows for a second.
fn holds(_: Voice) -> Future {
    Box::pin(async move {
        let client = connect().await.unwrap();
        client.batch_execute("BEGIN; UPDATE rows SET value = value + 1").await.unwrap();
        sleep(1_000).await;
        client.batch_execute("COMMIT").await.unwrap();
        sleep(1_000).await;
    })
}

/// Waits for a row that the other holds, and writes its name into the log once it has it.
fn waits_for(id: i32, name: &'static str) -> impl Fn(Voice) -> Future {
    move |voice| {
        Box::pin(async move {
            sleep(100).await;
            let client = connect().await.unwrap();
            let sql = format!(
                "BEGIN; UPDATE rows SET value = value + 1 WHERE id = {id}; INSERT INTO log (who) VALUES ('{name}'); COMMIT"
            );
            client.batch_execute(&sql).await.unwrap();
            voice.says(format!("{name} is through"));
        })
    }
}

#[test]
fn a_blocked_session_waits_in_virtual_time_and_a_choice_orders_those_that_are_released_together() {
    check(
        clients![holds, waits_for(1, "a"), waits_for(2, "b")],
        "",
        &[
            "1007 commits: updates public.rows id=1 value=11",
            "1007 commits: updates public.rows id=2 value=21",
            "1007 commits: updates public.rows id=1 value=12",
            "1007 commits: inserts into public.log number=1 who=a at=2026-01-01 00:00:00.105+00",
            "1007 commits: updates public.rows id=2 value=22",
            "1007 commits: inserts into public.log number=2 who=b at=2026-01-01 00:00:00.105+00",
            "1008 a is through",
            "1008 b is through",
        ],
    );
    let other = "postgres/continues @ client-1/postgres-1 #1 = 1";
    check(
        clients![holds, waits_for(1, "a"), waits_for(2, "b")],
        other,
        &[
            "1007 commits: updates public.rows id=1 value=11",
            "1007 commits: updates public.rows id=2 value=21",
            "1007 commits: updates public.rows id=2 value=22",
            "1007 commits: inserts into public.log number=1 who=b at=2026-01-01 00:00:00.105+00",
            "1007 commits: updates public.rows id=1 value=12",
            "1007 commits: inserts into public.log number=2 who=a at=2026-01-01 00:00:00.105+00",
            "1008 b is through",
            "1008 a is through",
        ],
    );
}

#[test]
fn lock_and_statement_timeouts_come_when_virtual_time_has_passed_them() {
    let waits: Body = |voice| {
        Box::pin(async move {
            sleep(100).await;
            let client = connect().await.unwrap();
            client.batch_execute("SET lock_timeout = '200ms'").await.unwrap();
            let error = client.batch_execute("UPDATE rows SET value = 0 WHERE id = 1").await.unwrap_err();
            voice.says(text(&error));
            client.batch_execute("SET lock_timeout = 0").await.unwrap();
            // A statement that fails takes back what was set in the same text.
            let sql = "SET statement_timeout = '300ms'; UPDATE rows SET value = 0 WHERE id = 1";
            voice.says(text(&client.batch_execute(sql).await.unwrap_err()));
            client.batch_execute("SET statement_timeout = '2s'").await.unwrap();
            voice.says(text(&client.batch_execute("SELECT pg_sleep(5)").await.unwrap_err()));
        })
    };
    check(
        clients![holds, waits],
        "",
        &[
            "308 55P03 canceling statement due to lock timeout",
            "612 57014 canceling statement due to statement timeout",
            "1007 commits: updates public.rows id=1 value=11",
            "1007 commits: updates public.rows id=2 value=21",
            "2616 57014 canceling statement due to statement timeout",
        ],
    );
}

#[test]
fn a_deadlock_is_found_by_the_server_after_its_timeout() {
    let crosses = |first: i32, second: i32| {
        move |voice: Voice| -> Future {
            Box::pin(async move {
                let client = connect().await.unwrap();
                client
                    .batch_execute(&format!("BEGIN; UPDATE rows SET value = 0 WHERE id = {first}"))
                    .await
                    .unwrap();
                sleep(100).await;
                let result =
                    client.batch_execute(&format!("UPDATE rows SET value = 0 WHERE id = {second}")).await;
                match result {
                    Ok(()) => voice.says(format!("{first} goes on")),
                    Err(error) => {
                        let detail = error.as_db_error().and_then(|error| error.detail()).unwrap_or_default();
                        voice.says(format!("{first}: {}: {detail}", text(&error)));
                    }
                }
            })
        }
    };
    check(
        clients![crosses(1, 2), crosses(2, 1)],
        "",
        &[
            "1108 1: 40P01 deadlock detected: Process 1001 waits for ShareLock on transaction 1; blocked by process 1002.\nProcess 1002 waits for ShareLock on transaction 2; blocked by process 1001.",
            "1108 2 goes on",
        ],
    );
}

#[test]
fn serialization_failures_are_the_server_s_own() {
    let client: Body = |voice| {
        Box::pin(async move {
            let (mut one, mut other) = (connect().await.unwrap(), connect().await.unwrap());
            let level = tokio_postgres::IsolationLevel::Serializable;
            let one = one.build_transaction().isolation_level(level).start().await.unwrap();
            let other = other.build_transaction().isolation_level(level).start().await.unwrap();
            for (transaction, id) in [(&one, 3), (&other, 4)] {
                let sum = transaction.query_one("SELECT sum(value)::int FROM rows", &[]).await.unwrap();
                let sum: i32 = sum.get(0);
                transaction.execute("INSERT INTO rows VALUES ($1, $2)", &[&id, &sum]).await.unwrap();
            }
            one.commit().await.unwrap();
            voice.says(text(&other.commit().await.unwrap_err()));
        })
    };
    check(
        clients![client],
        "",
        &[
            "29 commits: inserts into public.rows id=3 value=30",
            "32 40001 could not serialize access due to read/write dependencies among transactions",
        ],
    );
}

#[test]
fn rows_are_facts_once_they_are_committed_and_not_before() {
    let client: Body = |voice| {
        Box::pin(async move {
            let client = connect().await.unwrap();
            client.batch_execute("BEGIN; INSERT INTO orders VALUES ('it''s one')").await.unwrap();
            voice.says("inserted");
            client.batch_execute("COMMIT").await.unwrap();
            client.batch_execute("BEGIN; DELETE FROM orders; ROLLBACK").await.unwrap();
            client
                .batch_execute(
                    "SET synchronous_commit = off; UPDATE orders SET id = 'two'; DELETE FROM orders",
                )
                .await
                .unwrap();
        })
    };
    check(
        clients![client],
        "",
        &[
            "6 inserted",
            "7 commits: inserts into public.orders id=it's one",
            "11 commits: updates public.orders id=two",
            "11 commits: deletes from public.orders id=two",
        ],
    );
}

#[test]
fn random_values_are_those_of_the_run() {
    let client: Body = |voice| {
        Box::pin(async move {
            let client = connect().await.unwrap();
            let row = client.query_one("SELECT gen_random_uuid()::text, random()::text", &[]).await.unwrap();
            let (uuid, random): (String, String) = (row.get(0), row.get(1));
            assert_eq!((uuid.len(), &uuid[14..15]), (36, "4"));
            let again =
                connect().await.unwrap().query_one("SELECT gen_random_uuid()::text", &[]).await.unwrap();
            assert_ne!(uuid, again.get::<_, String>(0));
            voice.says(format!("{uuid} {random}"));
        })
    };
    check(clients![client], "", &["16 441a8174-d6dc-48e3-a285-fc310feaf318 0.4948806875179561"]);
}

#[test]
fn a_session_finds_no_setting_of_another_run() {
    let client: Body = |voice| {
        Box::pin(async move {
            let client = connect().await.unwrap();
            let sql = "SELECT current_setting('app.tenant', true)";
            let row = client.query_one(sql, &[]).await.unwrap();
            voice.says(row.get::<_, Option<String>>(0).unwrap_or("none".to_owned()));
            client.batch_execute("BEGIN; SET LOCAL app.tenant = 'ada'; COMMIT").await.unwrap();
        })
    };
    with_server(|server| {
        let quiet = Play {
            server: Arc::clone(server),
            faults: &ServerFaults::NONE,
            link: &StreamFaults::NONE,
            clients: clients![client],
        };
        let said = [play(&quiet, ""), play(&quiet, "")];
        assert_eq!(said, [["8 none"], ["8 none"]]);
    });
}

#[test]
fn each_run_finds_the_database_as_the_schema_leaves_it() {
    let client: Body = |voice| {
        Box::pin(async move {
            let client = connect().await.unwrap();
            let sql = "SELECT nextval('log_number_seq'), (SELECT count(*) FROM log), \
                       (SELECT string_agg(rows::text, ' ') FROM rows), to_regclass('extra')::text";
            let row = client.query_one(sql, &[]).await.unwrap();
            let (next, logged): (i64, i64) = (row.get(0), row.get(1));
            voice.says(format!(
                "{next} {logged} {} {:?}",
                row.get::<_, String>(2),
                row.get::<_, Option<String>>(3)
            ));
            client
                .batch_execute(
                    "INSERT INTO log (who) VALUES ('x'); UPDATE rows SET value = 7; CREATE TABLE extra ()",
                )
                .await
                .unwrap();
            // Left open when the run ends.
            client.batch_execute("BEGIN; LOCK TABLE rows").await.unwrap();
            std::future::pending::<()>().await;
        })
    };
    for _ in 0..3 {
        check(
            clients![client],
            "",
            &[
                "8 1 0 (1,10) (2,20) None",
                "9 commits: inserts into public.log number=2 who=x at=2026-01-01 00:00:00.009+00",
                "9 commits: updates public.rows id=1 value=7",
                "9 commits: updates public.rows id=2 value=7",
            ],
        );
    }
}

#[test]
fn an_idle_transaction_times_out() {
    let client: Body = |voice| {
        Box::pin(async move {
            let client = connect_with("options='-c idle_in_transaction_session_timeout=5s'").await.unwrap();
            client.batch_execute("BEGIN; SELECT 1").await.unwrap();
            sleep(10_000).await;
            voice.says(format!("{}", client.is_closed()));
            voice.says(text(&client.batch_execute("COMMIT").await.unwrap_err()));
        })
    };
    check(clients![client], "", &["10006 true", "10006 connection closed"]);
}

#[test]
fn an_idle_session_times_out_and_its_locks_are_released() {
    let holder: Body = |voice| {
        Box::pin(async move {
            let client = connect_with("options='-c idle_session_timeout=5s'").await.unwrap();
            client.batch_execute("SELECT pg_advisory_lock(7)").await.unwrap();
            sleep(10_000).await;
            voice.says(text(&client.batch_execute("SELECT 1").await.unwrap_err()));
        })
    };
    let waits: Body = |voice| {
        Box::pin(async move {
            sleep(100).await;
            let client = connect().await.unwrap();
            client.batch_execute("SELECT pg_advisory_lock(7)").await.unwrap();
            voice.says("has the lock");
        })
    };
    // Twice: no session of the first run is left for the second.
    for _ in 0..2 {
        check(clients![holder, waits], "", &["5006 has the lock", "10006 connection closed"]);
    }
}

#[test]
fn locks_of_all_kinds_are_waited_for_and_skipped() {
    let holder: Body = |_| {
        Box::pin(async move {
            let client = connect().await.unwrap();
            client.batch_execute("SELECT pg_advisory_lock(7)").await.unwrap();
            client.batch_execute("BEGIN; SELECT 1 FROM rows WHERE id = 1 FOR UPDATE").await.unwrap();
            client.batch_execute("INSERT INTO orders VALUES ('one')").await.unwrap();
            sleep(1_000).await;
            // Released while the transaction goes on.
            client.batch_execute("SELECT pg_advisory_unlock(7)").await.unwrap();
            sleep(1_000).await;
            client.batch_execute("ROLLBACK").await.unwrap();
            sleep(3_000).await;
        })
    };
    let skips: Body = |voice| {
        Box::pin(async move {
            sleep(100).await;
            let client = connect().await.unwrap();
            let row = client.query_one("SELECT id FROM rows ORDER BY id FOR UPDATE SKIP LOCKED LIMIT 1", &[]);
            voice.says(format!("row {}", row.await.unwrap().get::<_, i32>(0)));
            let error = client.batch_execute("SELECT 1 FROM rows FOR UPDATE NOWAIT").await.unwrap_err();
            voice.says(text(&error));
            client.batch_execute("SELECT pg_advisory_lock(7)").await.unwrap();
            voice.says("has the advisory lock");
        })
    };
    let inserts: Body = |voice| {
        Box::pin(async move {
            sleep(100).await;
            let client = connect().await.unwrap();
            client.batch_execute("INSERT INTO orders VALUES ('one')").await.unwrap();
            voice.says("inserted, since the other was rolled back");
        })
    };
    check(
        clients![holder, skips, inserts],
        "",
        &[
            "108 row 2",
            "110 55P03 could not obtain lock on row in relation \"rows\"",
            "1012 has the advisory lock",
            "2013 commits: inserts into public.orders id=one",
            "2014 inserted, since the other was rolled back",
        ],
    );
}

/// The statement that commits holds the rows that the transaction wrote, by their primary keys, and so does each fact that a row states.
#[test]
fn recorded_steps_name_the_rows_that_they_write() {
    let client: Body = |_| {
        Box::pin(async move {
            let client = connect().await.unwrap();
            client
                .batch_execute("BEGIN; UPDATE rows SET value = 0; INSERT INTO orders VALUES ('a'), ('b')")
                .await
                .unwrap();
            client
                .batch_execute("DELETE FROM orders WHERE id = 'b'; DELETE FROM rows WHERE id = 2")
                .await
                .unwrap();
            client.batch_execute("COMMIT").await.unwrap();
        })
    };
    let trace = with_server(|server| {
        let (server, clients) = (Arc::clone(server), clients![client]);
        record(&Play { server, faults: &ServerFaults::NONE, link: &StreamFaults::NONE, clients }, "")
    });
    let of = |kind: Kind| {
        let steps = trace.steps.iter().filter(move |step| step.kind == kind && !step.accesses.is_empty());
        steps.flat_map(|step| &step.accesses).map(|access| format!("{:?} {}", access.verb, access.object))
    };
    let rows = [
        "Write 1 of rows",
        "Write 2 of rows",
        "Write a of orders",
        "Write b of orders",
        "Delete b of orders",
        "Delete 2 of rows",
    ];
    assert_eq!(of(Kind::Statement).collect::<Vec<_>>(), rows);
    assert_eq!(of(Kind::Fact).collect::<Vec<_>>(), rows);
}
