//! State of a session through a pooler in transaction mode, in front of the real server.

use crate::world::{Body, Future, Said, TABLES, Voice, sleep, text, with_server};
use shakedown_net::{Link, Network, Stream, StreamFaults};
use shakedown_postgres::{IoStream, Pooler, Schema, Server, ServerFaults};
use shakedown_sim::ambient::{Handle, Shared};
use shakedown_sim::search::*;
use shakedown_sim::*;
use std::rc::Rc;
use std::sync::Arc;
use tokio_postgres::{Client, Config, NoTls, SimpleQueryMessage};

/// Clients that reach the server through a pooler with two connections.
#[derive(Clone)]
struct Pooled {
    server: Arc<Server>,
    link: &'static StreamFaults,
    pooler: Pooler,
    clients: Vec<Rc<dyn Fn(Voice) -> Future>>,
}

impl Scenario for Pooled {
    type Fact = Said;
    fn name(&self) -> &str {
        "pooled"
    }
    fn horizon(&self, _: &Variant) -> Horizon {
        Horizon { heal: Duration::from_secs(60), settle: Duration::from_secs(200) }
    }
    fn build(&self, stage: &Stage<Said>) {
        let network = Network::on(stage);
        network.link("pgbouncer", Link { latency: Duration::from_millis(1), faults: self.link });
        let role = Role::outside("postgres".into());
        self.server.serve(stage, role, &ServerFaults::NONE, |_| None);
        self.pooler.clone().serve(stage, Role::outside("pgbouncer".into()));
        let voice = Voice(Shared::new(stage.facts().clone()));
        for client in &self.clients {
            let client = Rc::clone(client);
            stage.program(Role::new("worker".into(), &CrashProfile::NEVER), move || client(voice));
        }
    }
    fn invariants(&self) -> Vec<Box<dyn Invariant<Said>>> {
        vec![Box::<OneAtATime>::default()]
    }
}

/// The job runs once at a time: the event at which it began.
#[derive(Default)]
struct OneAtATime(Option<u32>);

impl Invariant<Said> for OneAtATime {
    fn name(&self) -> &'static str {
        "one-at-a-time"
    }
    fn reset(&mut self) {
        self.0 = None;
    }
    fn observe(&mut self, at: &At<'_>, said: &Said, findings: &mut Findings) {
        match said.0.as_str() {
            "begins the job" => {
                if let Some(event) = self.0.replace(at.event) {
                    findings.violated("job", &[event, at.event], || "two workers run the job".to_owned());
                }
            }
            "ends the job" => self.0 = None,
            _ => {}
        }
    }
}

impl Pooled {
    fn quiet(server: &Arc<Server>, clients: Vec<Rc<dyn Fn(Voice) -> Future>>) -> Self {
        let pooler = Pooler::in_front_of("postgres", 2);
        Self { server: Arc::clone(server), link: &StreamFaults::NONE, pooler, clients }
    }
}

/// Connects to the pooler, with further settings of the connection.
async fn try_to_connect(settings: &str) -> Result<Client, tokio_postgres::Error> {
    let config: Config = format!("user=postgres dbname=app {settings}").parse()?;
    let stream = IoStream::from(Stream::connect_to("pgbouncer", 6432).await.expect("a connection"));
    let (client, connection) = config.connect_raw(stream, NoTls).await?;
    Handle::current().spawn(async move {
        // Its end is seen by the client.
        let _ = connection.await;
    });
    Ok(client)
}

async fn connect() -> Client {
    try_to_connect("").await.expect("a session")
}

/// Runs statements; returns the first value, or the error.
async fn ask(client: &Client, sql: &str) -> String {
    match client.simple_query(sql).await {
        Ok(messages) => {
            let rows = messages.iter().filter_map(|message| match message {
                SimpleQueryMessage::Row(row) => row.get(0),
                _ => None,
            });
            rows.last().unwrap_or("done").to_owned()
        }
        Err(error) => text(&error),
    }
}

#[track_caller]
fn check(clients: Vec<Rc<dyn Fn(Voice) -> Future>>, expected: &[&str]) {
    with_server(|server| {
        let mut runner = Runner::new(Pooled::quiet(server, clients));
        let (outcome, trace) = runner.record(Plan::Script(&"scenario pooled\n".parse().expect("a script")));
        assert_eq!(outcome.violations, []);
        let facts = trace.steps.iter().filter(|step| step.kind == trace::Kind::Fact);
        let said: Vec<_> = facts.map(|step| step.text.to_string()).collect();
        assert_eq!(said, expected);
    });
}

#[test]
fn a_setting_stays_with_the_session_and_reaches_another_client() {
    let client: Body = |voice| {
        Box::pin(async move {
            let (one, other) = (connect().await, connect().await);
            voice.says(ask(&one, "SET statement_timeout = '2s'").await);
            voice.says(ask(&other, "SHOW statement_timeout").await);
            // While the other has that session, the statement runs on a new one, without the setting.
            voice.says(ask(&other, "BEGIN").await);
            voice.says(ask(&one, "SHOW statement_timeout").await);
            voice.says(ask(&other, "COMMIT").await);
            // These follow the client.
            voice.says(ask(&one, "SET TimeZone = 'Asia/Tokyo'").await);
            voice.says(ask(&other, "SHOW TimeZone").await);
            voice.says(ask(&one, "SHOW TimeZone").await);
        })
    };
    check(clients![client], &["done", "2s", "done", "0", "done", "done", "UTC", "Asia/Tokyo"]);
}

#[test]
fn a_prepared_statement_is_not_there_on_another_session() {
    let client: Body = |voice| {
        Box::pin(async move {
            let (one, other) = (connect().await, connect().await);
            let prepared = one.prepare("SELECT value FROM rows WHERE id = 1").await.unwrap();
            voice.says(one.query_one(&prepared, &[]).await.unwrap().get::<_, i32>(0).to_string());
            voice.says(ask(&other, "BEGIN").await);
            // The driver numbers its statements by process, so only the code is the same in each run.
            voice.says(code_of(&text(&one.query_one(&prepared, &[]).await.unwrap_err())));
            voice.says(ask(&other, "COMMIT").await);
            // Names of prepared statements are those of the session, so two clients collide.
            voice.says(ask(&one, "PREPARE get AS SELECT 1").await);
            voice.says(ask(&other, "PREPARE get AS SELECT 2").await);
        })
    };
    check(
        clients![client],
        &["10", "done", "26000", "done", "done", "42P05 prepared statement \"get\" already exists"],
    );
}

#[test]
fn a_transaction_keeps_its_session_and_others_wait_for_one() {
    let holds = |ms: u64| {
        move |voice: Voice| -> Future {
            Box::pin(async move {
                let client = connect().await;
                sleep(ms).await;
                client.batch_execute("BEGIN; SET LOCAL lock_timeout = '7s'").await.unwrap();
                sleep(1_000).await;
                voice.says(ask(&client, "SHOW lock_timeout").await);
                client.batch_execute("COMMIT").await.unwrap();
            })
        }
    };
    let waits: Body = |voice| {
        Box::pin(async move {
            let client = connect().await;
            sleep(500).await;
            voice.says(ask(&client, "SHOW lock_timeout").await);
        })
    };
    check(clients![holds(100), holds(200), waits], &["7s", "0", "7s"]);
}

#[test]
fn a_client_that_leaves_within_a_transaction_costs_the_session() {
    let client: Body = |voice| {
        Box::pin(async move {
            let (one, other) = (connect().await, connect().await);
            one.batch_execute("BEGIN; INSERT INTO orders VALUES ('one')").await.unwrap();
            drop(one);
            sleep(100).await;
            voice.says(ask(&other, "INSERT INTO orders VALUES ('one')").await);
        })
    };
    check(clients![client], &["done"]);
}

#[test]
fn what_the_pooler_does_not_serve_is_refused() {
    let client: Body = |voice| {
        Box::pin(async move {
            let error = try_to_connect("options='-c statement_timeout=2s'").await.map(drop).unwrap_err();
            voice.says(text(&error));
            voice.says(text(&try_to_connect("user=nobody").await.map(drop).unwrap_err()));
            let (one, two, three) = (connect().await, connect().await, connect().await);
            one.batch_execute("BEGIN").await.unwrap();
            two.batch_execute("BEGIN").await.unwrap();
            voice.says(ask(&three, "SELECT 1").await);
        })
    };
    check(
        clients![client],
        &[
            "08P01 unsupported startup parameter: options",
            "08P01 server login failed: role \"nobody\" does not exist (28000)",
            "08P01 query_wait_timeout",
        ],
    );
}

/// Runs the job if no other worker does, for ten seconds. Workers come one after another.
fn works(number: u64, lock: &'static str, unlock: &'static str) -> impl Fn(Voice) -> Future {
    move |voice| {
        Box::pin(async move {
            let client = connect().await;
            sleep(20_000 * number).await;
            if ask(&client, lock).await == "t" {
                voice.says("begins the job");
                sleep(10_000).await;
                voice.says("ends the job");
                ask(&client, unlock).await;
            }
        })
    }
}

/// A request that comes this late overlaps with the work of the next.
const LATE: StreamFaults =
    StreamFaults { request: Alternatives::new(&["arrives", "15 s"]), ..StreamFaults::NONE };

/// Searches at one deviation with two workers that take the job by this statement. Returns the failure that is found first.
fn search(lock: &'static str, unlock: &'static str) -> Option<Failure> {
    with_server(|server| {
        let workers = clients![works(0, lock, unlock), works(1, lock, unlock)];
        let mut runner = Runner::new(Pooled { link: &LATE, ..Pooled::quiet(server, workers) });
        let mut search = Bounded::new(small_variants(&[], &Variant::default()), 1, true);
        search.run(&mut runner);
        let plan = search.plan(&search.broken()?.script);
        let found = runner.run(plan);
        let script = Rehearse::script(&runner);
        Some(understand(&mut runner, &script, &found.violations[0]))
    })
}

#[test]
fn a_lock_of_the_session_has_two_holders_and_one_of_the_transaction_has_one() {
    let failure =
        search("SELECT pg_try_advisory_lock(7)", "SELECT pg_advisory_unlock(7)").expect("a failure");
    let story = failure.to_string();
    println!("{story}");
    let shrunk: Vec<_> = failure.shrunk.deviations.iter().map(|deviation| deviation.to_string()).collect();
    assert_eq!(shrunk, ["pgbouncer/request @ worker-1/pgbouncer-1 #1 = 15 s"]);
    assert_eq!(story.matches("runs it on server connection 1").count(), 2, "{story}");
    let found = search("BEGIN; SELECT pg_try_advisory_xact_lock(7)", "COMMIT");
    assert!(found.is_none(), "{}", found.unwrap());
}

/// A recorded case: its name, and its steps with the results.
#[derive(serde::Deserialize)]
struct Case {
    case: String,
    steps: Vec<(String, String)>,
}

/// Plays the steps of a recorded case, and says the result of each.
fn plays(steps: Rc<Vec<(String, String)>>) -> impl Fn(Voice) -> Future {
    move |voice| {
        let steps = Rc::clone(&steps);
        Box::pin(async move {
            // A session beside the pooler has the key 9.
            let holder = crate::world::connect().await.unwrap();
            holder.batch_execute("SELECT pg_advisory_lock(9)").await.unwrap();
            let clients = [connect().await, connect().await, connect().await];
            for (step, _) in steps.iter() {
                let (name, step) = step.split_once(' ').expect("a client and its statement");
                let client = &clients["ABC".find(name).expect("one of three")];
                voice.says(result(client, step).await);
            }
        })
    }
}

/// Runs a step, as `.ci/record-pgbouncer` does.
async fn result(client: &Client, step: &str) -> String {
    let (statement, key) = step.split_once(' ').unwrap_or((step, ""));
    let sql = match statement {
        "begin" | "commit" | "rollback" => statement.to_owned(),
        "try_lock" => format!("SELECT pg_try_advisory_lock({key})"),
        "unlock" => format!("SELECT pg_advisory_unlock({key})"),
        "try_xact_lock" => format!("SELECT pg_try_advisory_xact_lock({key})"),
        "set" => format!("SET lock_timeout = {key}"),
        "lock_or_wait" => format!("SELECT pg_advisory_lock({key})"),
        other => panic!("unknown step {other}"),
    };
    if statement == "lock_or_wait" {
        let cancel = client.cancel_token();
        Handle::current().spawn(async move {
            sleep(100).await;
            let stream = IoStream::from(Stream::connect_to("pgbouncer", 6432).await.unwrap());
            cancel.cancel_query_raw(stream, NoTls).await.unwrap();
        });
        let result = ask(client, &sql).await;
        // The request to cancel has come by then, also where it finds nothing to cancel.
        sleep(200).await;
        return if result.starts_with("57014") { "waits".to_owned() } else { code_of(&result) };
    }
    match ask(client, &sql).await.as_str() {
        "t" => "true".to_owned(),
        "f" => "false".to_owned(),
        "done" => "ok".to_owned(),
        other => code_of(other),
    }
}

fn code_of(result: &str) -> String {
    result.split(' ').next().unwrap_or_default().to_owned()
}

#[test]
fn clients_receive_what_those_of_pgbouncer_do() {
    let lines =
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../sim/tests/store/fixtures/pgbouncer.jsonl"));
    let server = Arc::new(Server::start(Schema::new(TABLES)).unwrap());
    let (mut count, mut waits) = (0, 0);
    for line in lines.lines() {
        let Case { case, steps } = serde_json::from_str(line).expect("a case");
        let steps = Rc::new(steps);
        let mut runner = Runner::new(Pooled::quiet(&server, clients![plays(Rc::clone(&steps))]));
        let (outcome, trace) = runner.record(Plan::Script(&"scenario pooled\n".parse().expect("a script")));
        assert_eq!(outcome.violations, [], "{case}");
        let facts = trace.steps.iter().filter(|step| step.kind == trace::Kind::Fact);
        let here: Vec<_> = facts.map(|step| step.text.to_string()).collect();
        let recorded: Vec<_> = steps.iter().map(|(_, result)| result.clone()).collect();
        assert_eq!(here, recorded, "{case}: {steps:?}");
        count += 1;
        waits += recorded.iter().filter(|result| *result == "waits").count();
    }
    assert_eq!(count, 60);
    assert!(waits > 0, "no case waits");
}
