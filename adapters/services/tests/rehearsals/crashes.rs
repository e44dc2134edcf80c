//! What is left of a process: after a crash nothing, also of its destructors; after an exit what its destructors do.

use crate::rig::{Said, Voice, check, crashing};
use shakedown_net::{Link, Network, StreamFaults};
use shakedown_sim::{Duration, Role, Stage};
use std::future::pending;
use std::sync::Arc;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

const SECOND: std::time::Duration = std::time::Duration::from_secs(1);

/// Acts when it is dropped: on a socket, in the world, and by a task.
struct LastWords(Arc<TcpStream>, Voice);

impl Drop for LastWords {
    fn drop(&mut self) {
        let sent = self.0.try_write(b"goodbye\n").is_ok();
        self.1.says(format!("the machine drops, sent: {sent}"));
    }
}

/// A machine with tasks of every kind that sends a line to a peer; the peer says what it receives.
fn world(stage: &Stage<Said>, voice: Voice) {
    Network::on(stage).link("peer", Link { latency: Duration::from_secs(1), faults: &StreamFaults::NONE });
    stage.program(Role::outside("peer".into()), move || peer(voice));
    stage.program(crashing("machine"), move || machine(voice));
}

async fn peer(voice: Voice) {
    let listener = TcpListener::bind("0.0.0.0:80").await.unwrap();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        tokio::spawn(receive(stream, voice));
    }
}

async fn receive(stream: TcpStream, voice: Voice) {
    let mut lines = BufReader::new(stream).lines();
    loop {
        match timeout(20 * SECOND, lines.next_line()).await {
            Ok(Ok(Some(line))) => voice.says(format!("the peer receives `{line}`")),
            Ok(Ok(None)) => return voice.says("the peer receives the end"),
            Ok(Err(error)) => return voice.says(format!("the peer: {:?}", error.kind())),
            Err(_) => return voice.says("the peer receives nothing"),
        }
    }
}

async fn machine(voice: Voice) {
    let stream = Arc::new(TcpStream::connect("peer:80").await.unwrap());
    let mut tasks = JoinSet::new();
    let last_words = LastWords(stream.clone(), voice);
    tasks.spawn(async move {
        let _last_words = last_words;
        pending::<()>().await;
    });
    tasks.spawn_blocking(move || voice.says("the machine blocks"));
    tokio::spawn(async move {
        loop {
            sleep(2 * SECOND).await;
            voice.says("the machine ticks");
        }
    });
    sleep(3 * SECOND).await;
    stream.writable().await.unwrap();
    stream.try_write(b"hello\n").unwrap();
    sleep(2 * SECOND).await;
}

#[test]
fn a_process_that_exits_runs_its_destructors() {
    check(
        world,
        "",
        &[
            "2.0 the machine blocks",
            "4.0 the machine ticks",
            "6.0 the machine ticks",
            "6.0 the peer receives `hello`",
            "7.0 the machine drops, sent: true",
            "8.0 the peer receives `goodbye`",
            "8.0 the peer receives the end",
        ],
    );
}

/// What the second incarnation does is the same as what the first one would have done.
#[test]
fn a_crashed_process_has_no_effect_and_its_peer_receives_nothing() {
    check(
        world,
        "machine/before peer @ machine-1/peer-1 #1 = crash",
        &[
            "2.0 the machine blocks",
            "4.0 the machine ticks",
            "12.0 the machine blocks",
            "14.0 the machine ticks",
            "16.0 the machine ticks",
            "16.0 the peer receives `hello`",
            "17.0 the machine drops, sent: true",
            "18.0 the peer receives `goodbye`",
            "18.0 the peer receives the end",
            "21.0 the peer receives nothing",
        ],
    );
}

#[test]
fn a_process_without_a_signal_handler_shuts_down_by_its_destructors() {
    check(
        world,
        "machine/before peer @ machine-1/peer-1 #1 = shutdown",
        &[
            "2.0 the machine blocks",
            "4.0 the machine ticks",
            "5.0 the machine drops, sent: true",
            "6.0 the peer receives `hello`",
            "6.0 the peer receives `goodbye`",
            "6.0 the peer receives the end",
            "12.0 the machine blocks",
            "14.0 the machine ticks",
            "16.0 the machine ticks",
            "16.0 the peer receives `hello`",
            "17.0 the machine drops, sent: true",
            "18.0 the peer receives `goodbye`",
            "18.0 the peer receives the end",
        ],
    );
}
