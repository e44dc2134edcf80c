//! Servers start and end with the process, and report why they cannot be used.

use crate::world::{Body, Play, TABLES, connect, sleep};
use rustix::process::{Pid, Signal, kill_process};
use shakedown_net::StreamFaults;
use shakedown_postgres::{Cluster, Schema, Server, ServerFaults};
use shakedown_sim::{Plan, Runner, Script};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

/// Set in a process that a test starts.
const CHILD: &str = "SHAKEDOWN_POSTGRES_TEST_CHILD";

/// A command that runs one test of this binary again, in a process of its own.
fn again(test: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("the path of this binary"));
    command.args(["--exact", test, "--nocapture"]).env(CHILD, "1");
    command
}

/// Two sessions, of which one waits for the other.
fn blocked() -> Vec<std::rc::Rc<dyn Fn(crate::world::Voice) -> crate::world::Future>> {
    let client: Body = |_| {
        Box::pin(async move {
            let client = connect().await.unwrap();
            client.batch_execute("BEGIN; UPDATE rows SET value = 0").await.unwrap();
            std::future::pending::<()>().await;
        })
    };
    clients![client, client]
}

fn play(
    server: &Arc<Server>,
    clients: Vec<std::rc::Rc<dyn Fn(crate::world::Voice) -> crate::world::Future>>,
) -> Vec<String> {
    let play =
        Play { server: Arc::clone(server), faults: &ServerFaults::NONE, link: &StreamFaults::NONE, clients };
    let violations = Runner::new(play).run(Plan::Script(&Script::default())).violations;
    violations.into_iter().map(|violation| violation.message).collect()
}

fn schema() -> Schema {
    Schema::new(TABLES).rows("INSERT INTO rows VALUES (1, 10), (2, 20)")
}

/// Waits until nothing is left of a server, at most ten seconds.
fn is_gone(folder: &Path, postmaster: i32) -> bool {
    (0..100).any(|_| {
        std::thread::sleep(Duration::from_millis(100));
        !folder.exists() && !Path::new(&format!("/proc/{postmaster}")).exists()
    })
}

#[test]
fn a_server_ends_with_its_owner_also_when_that_is_killed() {
    if std::env::var_os(CHILD).is_some() {
        let server = Arc::new(Server::start(schema()).unwrap());
        assert_eq!(play(&server, blocked()), [""; 0]);
        println!("\nserver {} {}", server.postmaster(), server.folder().display());
        std::thread::sleep(Duration::from_secs(60));
        return;
    }
    let server = Server::start(schema()).unwrap();
    let (folder, postmaster) = (server.folder(), server.postmaster());
    drop(server);
    assert!(is_gone(&folder, postmaster), "{} is left after the drop", folder.display());

    let mut child = again("setup::a_server_ends_with_its_owner_also_when_that_is_killed")
        .stdout(Stdio::piped())
        .spawn()
        .expect("this binary runs");
    let lines = BufReader::new(child.stdout.take().expect("its output is read")).lines();
    let line = lines.map_while(Result::ok).find_map(|line| line.strip_prefix("server ").map(str::to_owned));
    let line = line.expect("the process says where its server is");
    let (postmaster, folder) = line.split_once(' ').expect("two words");
    child.kill().expect("it is there");
    child.wait().expect("it is a child");
    assert!(is_gone(Path::new(folder), postmaster.parse().unwrap()), "{folder} is left after SIGKILL");
}

#[test]
fn what_is_missing_is_named_with_its_package() {
    if std::env::var_os(CHILD).is_some() {
        let error = Server::start(schema()).map(drop).expect_err("there is no server in that folder");
        println!("\nerror {error}");
        return;
    }
    let output = again("setup::what_is_missing_is_named_with_its_package")
        .env("SHAKEDOWN_POSTGRES_BIN", "/proc")
        .output()
        .expect("this binary runs");
    let output = String::from_utf8_lossy(&output.stdout);
    let error = "error initdb and postgres not found: install it with `apt-get install postgresql`";
    assert!(output.contains(error), "{output}");
}

#[test]
fn an_existing_server_is_accepted_only_if_it_follows_the_clock_file() {
    let settings = ["max_replication_slots=3".to_owned()];
    let cluster = Cluster::start(&settings).unwrap();
    let (folder, other) = (cluster.folder(), cluster.folder().join("other-clock"));
    let refused = Server::start(schema().existing(folder, other)).map(drop).unwrap_err();
    let text = refused.to_string();
    assert!(text.contains("does not follow its clock file"), "{text}");
    // Twice, as two processes one after the other.
    for _ in 0..2 {
        let server = Arc::new(Server::start(schema().existing(folder, folder.join("clock"))).unwrap());
        assert_eq!(play(&server, blocked()), [""; 0]);
    }
    let other = Cluster::start(&["jit=on".to_owned()]).unwrap();
    let refused = Server::start(schema().existing(other.folder(), other.folder().join("clock"))).map(drop);
    assert_eq!(refused.unwrap_err().to_string(), "the server has jit=on, and a simulation needs jit=off");
}

#[test]
fn a_schema_that_does_not_load_is_an_error() {
    let error = Server::start(Schema::new("CREATE TABEL rows ()")).map(drop).unwrap_err();
    assert_eq!(error.to_string(), "the schema does not load: syntax error at or near \"TABEL\" (42601)");
}

#[test]
fn a_server_that_ends_or_does_not_respond_fails_the_run_and_not_the_next() {
    let server = Arc::new(Server::start(schema().real_limit(Duration::from_millis(500))).unwrap());
    let long: Body = |_| {
        Box::pin(async move {
            let client = connect().await.unwrap();
            let _ = client.batch_execute("SELECT count(*) FROM generate_series(1, 1000000000)").await;
        })
    };
    let messages = play(&server, clients![long]);
    assert_eq!(messages.len(), 1, "{messages:?}");
    assert!(messages[0].contains("`select generate_series` has no response after"), "{messages:?}");

    let waits: Body = |voice| {
        Box::pin(async move {
            let client = connect().await.unwrap();
            client.batch_execute("SELECT 1").await.unwrap();
            voice.says("connected");
            sleep(1_000).await;
            let _ = client.batch_execute("SELECT 2").await;
        })
    };
    assert_eq!(play(&server, clients![waits]), [""; 0], "another server takes over");
    let postmaster = Pid::from_raw(server.postmaster()).unwrap();
    kill_process(postmaster, Signal::KILL).unwrap();
    let messages = play(&server, clients![waits]);
    assert!(messages.iter().any(|message| message.contains("the server has ended")), "{messages:?}");
    assert_eq!(play(&server, clients![waits]), [""; 0]);
}
