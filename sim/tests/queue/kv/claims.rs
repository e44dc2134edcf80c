//! Claims about whole runs: what clients learn when servers fail, clocks are wrong and memory is short.

use super::bench::{Lines, Nothing, client, lines_of};
use shakedown_sim::kv::{
    Command, CommandFault, Eviction, EvictionFault, Kv, KvFailover, KvFaults, KvProfile, Persistence, Reply,
};
use shakedown_sim::*;

const SECOND: Duration = Duration::from_secs(1);
const LATE: Duration = Duration::from_secs(3);

const FAULTS: KvFaults = KvFaults {
    command: &[
        CommandFault::Lost,
        CommandFault::Refused,
        CommandFault::ResponseLost,
        CommandFault::Late(LATE),
    ],
    failover: &[
        KvFailover::Crash(SECOND),
        KvFailover::Partition(SECOND),
        KvFailover::Demotion(SECOND),
        KvFailover::Restart(SECOND),
    ],
    replication: &[Duration::from_secs(5)],
    ..KvFaults::NONE
};
const FRAIL: KvProfile = KvProfile { faults: FAULTS, ..KvProfile::REDIS };

/// A client that writes `a`, waits for the replica or not, writes `b`, and reads both now and later.
fn writes_twice(waits: bool) -> impl Fn(&Stage<Nothing>, Kv, Lines) {
    move |stage, kv, lines| {
        let env = client(stage, "job");
        let client = kv.client(&env);
        env.clone().spawn(async move {
            lines.result(client.within(&env.child("a")).set("a", "1").await);
            if waits {
                lines.result(client.wait(SECOND / 2).await);
            }
            env.sleep(SECOND).await;
            lines.result(client.within(&env.child("b")).set("b", "2").await);
            for label in ["now", "later"] {
                let client = client.within(&env.child(label));
                for key in ["a", "b"] {
                    lines.result(client.get(key).await);
                }
                env.sleep(SECOND * 2).await;
            }
        });
    }
}

/// Checks what the client of [`writes_twice`] learns.
fn check(profile: KvProfile, deviations: &str, expected: &[&str]) {
    assert_eq!(
        lines_of(profile, &ClockProfile::RIGHT, deviations, writes_twice(false)),
        expected,
        "{deviations}"
    );
}

const A: &str = "Some(\"1\")";
const B: &str = "Some(\"2\")";

#[test]
fn a_server_replies_in_order() {
    check(FRAIL, "", &["()", "()", A, B, A, B]);
}

#[test]
fn a_crash_loses_the_write_that_was_acknowledged_last() {
    let refused = "connection refused";
    check(FRAIL, "kv/goes down at @ job-1/b-1 #1 = crash 1 s", &["()", "()", refused, refused, A, "None"]);
}

#[test]
fn a_replica_that_lags_loses_more() {
    let lags = "kv/replica applies @ job-1/a-1 #1 = 5 s\nkv/goes down at @ job-1/b-1 #1 = crash 1 s";
    let refused = "connection refused";
    check(FRAIL, lags, &["()", "()", refused, refused, "None", "None"]);
}

#[test]
fn a_partition_loses_what_was_written_meanwhile() {
    check(FRAIL, "kv/goes down at @ job-1/a-1 #1 = partition 1 s", &["()", "()", "None", B, "None", B]);
    check(FRAIL, "kv/goes down at @ job-1/b-1 #1 = partition 1 s", &["()", "()", A, B, A, "None"]);
}

#[test]
fn a_demoted_primary_rejects_writes_and_returns_old_data() {
    let readonly = "READONLY You can't write against a read only replica.";
    let demotion = "kv/goes down at @ job-1/b-1 #1 = demotion 1 s";
    check(FRAIL, demotion, &["()", "()", A, B, A, "None"]);
    let while_stale = |stage: &Stage<Nothing>, kv: Kv, lines: Lines| {
        let env = client(stage, "job");
        let client = kv.client(&env);
        env.clone().spawn(async move {
            lines.result(client.set("a", "1").await);
            lines.result(client.incr_by("n", 1).await);
            env.sleep(SECOND).await;
            lines.result(client.incr_by("n", 1).await);
        });
    };
    let demotion = "kv/goes down at @ job-1 #1 = demotion 1 s";
    let lines = lines_of(FRAIL, &ClockProfile::RIGHT, demotion, while_stale);
    assert_eq!(lines, ["()", readonly, "1"]);
}

#[test]
fn a_restart_keeps_what_is_on_the_disk() {
    let loading = "LOADING Redis is loading the dataset in memory";
    let restart = "kv/goes down at @ job-1/b-1 #1 = restart 1 s";
    for (persistence, a, b) in [
        (Persistence::Nothing, "None", "None"),
        (Persistence::EverySecond, A, "None"),
        (Persistence::Always, A, B),
    ] {
        check(KvProfile { persistence, ..FRAIL }, restart, &["()", "()", loading, loading, a, b]);
    }
}

#[test]
fn a_client_waits_until_the_replica_has_its_writes() {
    let check = |deviations: &str, expected: &str| {
        let lines = lines_of(FRAIL, &ClockProfile::RIGHT, deviations, writes_twice(true));
        assert_eq!(lines[1], expected, "{deviations}");
    };
    check("", "1");
    check("kv/replica applies @ job-1/a-1 #1 = 5 s", "0");
    check("kv/goes down at @ job-1/a-1 #1 = partition 1 s", "0");
    check("kv/goes down at @ job-1/a-1 #1 = demotion 1 s", "connection lost");
    check("kv/goes down at @ job-1/a-1 #1 = crash 1 s", "connection refused");
}

#[test]
fn a_client_without_a_reply_does_not_know_whether_its_command_was_executed() {
    check(FRAIL, "kv/set @ job-1/b-1 #1 = refused", &["()", "connection refused", A, "None", A, "None"]);
    check(FRAIL, "kv/set @ job-1/b-1 #1 = lost", &["()", "no reply in time", A, "None", A, "None"]);
    check(FRAIL, "kv/set @ job-1/b-1 #1 = response lost", &["()", "no reply in time", A, B, A, B]);
    check(FRAIL, "kv/set @ job-1/b-1 #1 = 3 s", &["()", "no reply in time", A, "None", A, B]);
}

const CLOCKS: ClockProfile = ClockProfile {
    setting: &[ClockFault::Ahead(SECOND), ClockFault::Behind(SECOND)],
    jump: &[ClockFault::Ahead(LATE)],
};

/// A client that sets a key for two seconds and looks at it after each.
fn expires(stage: &Stage<Nothing>, kv: Kv, lines: Lines) {
    let env = client(stage, "job");
    let client = kv.client(&env);
    env.clone().spawn(async move {
        lines.result(client.within(&env.child("set")).set_for("a", "1", SECOND * 2).await);
        for _ in 0..3 {
            let at = client.within(&env.child("look"));
            lines.result(at.call(&["PTTL", "a"]).await.map(|reply| reply.to_string()));
            env.sleep(SECOND).await;
        }
    });
}

#[test]
fn a_key_expires_by_the_clock_of_the_server() {
    let check = |profile, deviations: &str, expected: &[&str]| {
        assert_eq!(lines_of(profile, &CLOCKS, deviations, expires), expected, "{deviations}");
    };
    check(FRAIL, "", &["()", "\"1998\"", "\"996\"", "\"-2\""]);
    // A clock that is wrong from the start counts as others do; one that jumps ahead expires the key at once.
    check(FRAIL, "redis-a/clock @ job-1/set-1 #1 = 1 s ahead", &["()", "\"1998\"", "\"996\"", "\"-2\""]);
    check(FRAIL, "redis-a/clock jump @ job-1/look-1 #1 = 3 s ahead", &["()", "\"-2\"", "\"-2\"", "\"-2\""]);
    // After a failover another clock counts.
    let replica_ahead = "redis-a/clock @ job-1/set-1 #1 = 1 s behind\n\
                         kv/goes down at @ job-1/set-1 #1 = demotion 1 s";
    let with_lag = KvProfile { replication: Duration::ZERO, ..FRAIL };
    check(with_lag, replica_ahead, &["()", "\"1998\"", "\"-2\"", "\"-2\""]);
}

#[test]
fn a_key_may_be_evicted_if_the_policy_allows_it() {
    let cache = KvProfile {
        eviction: Eviction::LeastRecentVolatile,
        faults: KvFaults { eviction: &[EvictionFault::Evicted], ..KvFaults::NONE },
        ..KvProfile::REDIS
    };
    let fills = |stage: &Stage<Nothing>, kv: Kv, lines: Lines| {
        let env = client(stage, "job");
        let client = kv.client(&env);
        env.clone().spawn(async move {
            lines.result(client.set("kept", "1").await);
            lines.result(client.set_for("cached", "2", SECOND).await);
            // No choice is offered for the first: the policy evicts keys with a time to live only.
            for key in ["kept", "cached"] {
                lines.result(client.within(&env.child("read")).get(key).await);
            }
        });
    };
    let lines = |deviations| lines_of(cache, &ClockProfile::RIGHT, deviations, fills);
    assert_eq!(lines(""), ["()", "()", A, B]);
    assert_eq!(lines("kv/eviction @ job-1/read-2 #1 = evicted"), ["()", "()", A, "None"]);
}

#[test]
fn a_transaction_is_skipped_if_a_watched_key_has_changed() {
    let adds = |stage: &Stage<Nothing>, kv: Kv, lines: Lines| {
        for _ in 0..2 {
            let (env, lines) = (client(stage, "job"), lines.clone());
            let client = kv.client(&env);
            env.clone().spawn(async move {
                let watch = client.watch(&["n"]).await.unwrap();
                let n = client.get("n").await.unwrap().map_or(0, |n| n.parse::<i64>().unwrap());
                let set = Command::parse(&["SET", "n", &(n + 1).to_string()]).unwrap();
                lines.result(watch.transaction(vec![set]).await);
            });
        }
        let (env, lines) = (client(stage, "reader"), lines.clone());
        env.clone().spawn(async move {
            env.sleep(SECOND).await;
            lines.result(kv.client(&env).get("n").await);
        });
    };
    let lines = lines_of(FRAIL, &ClockProfile::RIGHT, "", adds);
    assert_eq!(lines, ["Some([Ok(Ok)])", "None", A]);
}

#[test]
fn a_script_is_not_interrupted_and_a_failed_server_forgets_what_was_watched() {
    let runs = |stage: &Stage<Nothing>, kv: Kv, lines: Lines| {
        let env = client(stage, "job");
        let client = kv.client(&env);
        env.clone().spawn(async move {
            let watch = client.watch(&["n"]).await.unwrap();
            let add = |script: &mut shakedown_sim::kv::Script<'_>| {
                let sum = script.call(&Command::IncrBy { key: "n".to_owned(), by: 2 })?;
                script.call(&Command::HGetAll { key: "n".to_owned() })?;
                Ok(sum == Reply::Integer(2))
            };
            lines.result(client.script("add", &["n"], add).await);
            env.sleep(SECOND * 2).await;
            lines.result(watch.transaction(vec![]).await);
            lines.result(client.get("n").await);
        });
    };
    let wrong = "WRONGTYPE Operation against a key holding the wrong kind of value";
    let lines = |deviations| lines_of(FRAIL, &ClockProfile::RIGHT, deviations, runs);
    assert_eq!(lines(""), [wrong, "None", "Some(\"2\")"]);
    assert_eq!(lines("kv/goes down at @ job-1 #1 = crash 1 s"), [wrong, "connection lost", "None"]);
}

#[test]
fn a_replica_is_read_late_and_rejects_writes() {
    let reads = |stage: &Stage<Nothing>, kv: Kv, lines: Lines| {
        let env = client(stage, "job");
        let (client, replica) = (kv.client(&env), kv.replica_client(&env));
        env.clone().spawn(async move {
            lines.result(client.set("a", "1").await);
            for _ in 0..2 {
                lines.result(replica.within(&env.child("read")).get("a").await);
                env.sleep(SECOND * 5).await;
            }
            lines.result(replica.set("a", "2").await);
        });
    };
    let readonly = "READONLY You can't write against a read only replica.";
    let lines = |deviations| lines_of(FRAIL, &ClockProfile::RIGHT, deviations, reads);
    assert_eq!(lines(""), ["()", A, A, readonly]);
    assert_eq!(lines("kv/replica applies @ job-1 #1 = 5 s"), ["()", "None", A, readonly]);
}
