//! A `JoinSet` of connections, a broadcast channel, and `select!`.

use crate::rig::{Said, Voice, check, check_that_runs_repeat, crashing};
use services::chat::serve;
use shakedown_net::{Link, Network, StreamFaults};
use shakedown_sim::{Duration, Role, Stage};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// Two guests of a chat: one speaks, both listen.
fn world(stage: &Stage<Said>, voice: Voice) {
    Network::on(stage).link("chat", Link { latency: Duration::from_secs(1), faults: &StreamFaults::LOSSY });
    stage.program(crashing("chat"), || async { serve(TcpListener::bind("0.0.0.0:7000").await?).await });
    for name in ["ada", "bob"] {
        stage.program(Role::outside(name.into()), move || guest(name, voice));
    }
}

async fn guest(name: &'static str, voice: Voice) {
    let stream = TcpStream::connect("chat:7000").await.unwrap();
    let (reading, mut writing) = stream.into_split();
    let mut lines = BufReader::new(reading).lines();
    if name == "ada" {
        tokio::time::sleep(std::time::Duration::from_secs(5)).await;
        writing.write_all(b"hello\n").await.unwrap();
    }
    loop {
        match tokio::time::timeout(std::time::Duration::from_secs(40), lines.next_line()).await {
            Ok(Ok(Some(line))) => voice.says(format!("{name} receives `{line}`")),
            Ok(Ok(None)) => return voice.says(format!("{name} is disconnected")),
            Ok(Err(error)) => return voice.says(format!("{name}: {:?}", error.kind())),
            Err(_) => return voice.says(format!("{name} receives nothing")),
        }
    }
}

#[test]
fn it_runs_as_it_is() {
    check(
        world,
        "",
        &["9.0 bob receives `1: hello`", "47.0 ada receives nothing", "49.0 bob receives nothing"],
    );
}

#[test]
fn equal_seeds_give_equal_runs() {
    check_that_runs_repeat(world);
}

#[test]
fn a_graceful_shutdown_says_goodbye() {
    check(
        world,
        "chat/before response @ bob-1/chat-1 #1 = shutdown",
        &[
            "9.0 bob receives `1: hello`",
            "9.0 ada receives `bye`",
            "9.0 ada is disconnected",
            "9.0 bob receives `bye`",
            "9.0 bob is disconnected",
        ],
    );
}

#[test]
fn a_crashed_machine_says_nothing() {
    check(
        world,
        "chat/before response @ bob-1/chat-1 #1 = crash",
        &["42.0 bob receives nothing", "47.0 ada receives nothing"],
    );
}
