//! A small world: a server, and clients that say what they see.

use shakedown_net::{Link, Network, StreamFaults};
use shakedown_postgres::{IoStream, RowChange, Schema, Server, ServerFaults};
use shakedown_sim::ambient::{Handle, Shared};
use shakedown_sim::*;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use tokio_postgres::{Client, Config, NoTls};

#[derive(Clone, serde::Serialize)]
pub(crate) struct Said(pub(crate) String);

impl Fact for Said {
    fn sentence(&self) -> String {
        self.0.clone()
    }
}

/// States what a client sees.
#[derive(Clone, Copy)]
pub(crate) struct Voice(pub(crate) Shared<Facts<Said>>);

impl Voice {
    pub(crate) fn says(self, text: impl Into<String>) {
        self.0.state(&Said(text.into()));
    }
}

pub(crate) type Future = Pin<Box<dyn std::future::Future<Output = ()>>>;

/// What a client does.
pub(crate) type Body = fn(Voice) -> Future;

/// The world of a test.
#[derive(Clone)]
pub(crate) struct Play {
    pub(crate) server: Arc<Server>,
    pub(crate) faults: &'static ServerFaults,
    pub(crate) link: &'static StreamFaults,
    pub(crate) clients: Vec<Rc<dyn Fn(Voice) -> Future>>,
}

impl Scenario for Play {
    type Fact = Said;
    fn name(&self) -> &str {
        "play"
    }
    fn horizon(&self, _: &Variant) -> Horizon {
        Horizon { heal: Duration::from_secs(60), settle: Duration::from_secs(200) }
    }
    fn build(&self, stage: &Stage<Said>) {
        Network::on(stage).link("postgres", Link { latency: Duration::from_millis(1), faults: self.link });
        let voice = Voice(Shared::new(stage.facts().clone()));
        let said = |change: &RowChange| Some(Said(format!("commits: {change}")));
        self.server.serve(stage, Role::outside("postgres".into()), self.faults, said);
        for client in &self.clients {
            let client = Rc::clone(client);
            stage.program(Role::new("client".into(), &CrashProfile::NEVER), move || client(voice));
        }
    }
    fn invariants(&self) -> Vec<Box<dyn Invariant<Said>>> {
        Vec::new()
    }
}

/// Connects to the server and drives the connection in a task of its own.
pub(crate) async fn connect() -> Result<Client, tokio_postgres::Error> {
    connect_with("").await
}

/// The same, with further settings of the connection.
pub(crate) async fn connect_with(settings: &str) -> Result<Client, tokio_postgres::Error> {
    let config: Config = format!("user=postgres dbname=app {settings}").parse()?;
    let stream = IoStream::connect("postgres").await.expect("a connection");
    let (client, connection) = config.connect_raw(stream, NoTls).await?;
    Handle::current().spawn(async move {
        // Its end is seen by the client.
        let _ = connection.await;
    });
    Ok(client)
}

pub(crate) async fn sleep(ms: u64) {
    Handle::current().sleep(Duration::from_millis(ms)).await;
}

/// Returns the SQLSTATE and message of an error.
pub(crate) fn text(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(error) => format!("{} {}", error.code().code(), error.message()),
        None => error.to_string(),
    }
}

/// The tables of all tests that share servers.
pub(crate) const TABLES: &str = "
    CREATE TABLE rows (id int PRIMARY KEY, value int NOT NULL);
    CREATE TABLE log (number bigserial PRIMARY KEY, who text NOT NULL, at timestamptz NOT NULL DEFAULT now());
    CREATE TABLE orders (id text PRIMARY KEY);";

/// Servers that no test uses now.
static SERVERS: Mutex<Vec<Arc<Server>>> = Mutex::new(Vec::new());

/// Runs `test` with a server of its own.
pub(crate) fn with_server<T>(test: impl FnOnce(&Arc<Server>) -> T) -> T {
    let idle = SERVERS.lock().expect("no test panics while it holds it").pop();
    let server = idle.unwrap_or_else(|| {
        let schema = Schema::new(TABLES).rows("INSERT INTO rows VALUES (1, 10), (2, 20)");
        Arc::new(Server::start(schema).unwrap_or_else(|error| panic!("{error}")))
    });
    let result = test(&server);
    SERVERS.lock().expect("no test panics while it holds it").push(server);
    result
}

/// Plays a script and returns the facts that were stated, with milliseconds.
pub(crate) fn play(play: &Play, deviations: &str) -> Vec<String> {
    let trace = record(play, deviations);
    let facts = trace.steps.iter().filter(|step| step.kind == trace::Kind::Fact);
    facts.map(|step| format!("{} {}", step.time.nanos() / 1_000_000, step.text)).collect()
}

/// Plays a script and returns the trace.
pub(crate) fn record(play: &Play, deviations: &str) -> Trace {
    let script: Script = format!("scenario play\n{deviations}").parse().expect("a script");
    let mut runner = Runner::new(play.clone());
    let (outcome, trace) = runner.record(Plan::Script(&script));
    assert_eq!(outcome.unapplied, [], "offered: {:#?}", runner.offers());
    assert_eq!(outcome.violations, []);
    trace
}

/// Plays clients without faults, or with those of the script.
#[track_caller]
pub(crate) fn check(clients: Vec<Rc<dyn Fn(Voice) -> Future>>, deviations: &str, expected: &[&str]) {
    with_server(|server| {
        let quiet = Play {
            server: Arc::clone(server),
            faults: &ServerFaults::NONE,
            link: &StreamFaults::NONE,
            clients,
        };
        let faulty =
            Play { faults: &ServerFaults::ASYNCHRONOUS, link: &StreamFaults::LOSSY, ..quiet.clone() };
        let said = play(if deviations.is_empty() { &quiet } else { &faulty }, deviations);
        assert_eq!(said, expected);
    });
}

/// Plays a client at a server with these faults and the script.
#[track_caller]
pub(crate) fn check_faults(faults: &'static ServerFaults, client: Body, deviations: &str, expected: &[&str]) {
    with_server(|server| {
        let (server, clients) = (Arc::clone(server), clients![client]);
        let said = play(&Play { server, faults, link: &StreamFaults::NONE, clients }, deviations);
        assert_eq!(said, expected);
    });
}
