//! What the simulated network promises. Each test is a script and what the client then says.

use shakedown_net::{Link, Listener, Network, Stream, StreamFaults};
use shakedown_sim::ambient::{Handle, Shared};
use shakedown_sim::*;
use std::future::{Future, poll_fn};
use std::io;

#[derive(Clone, serde::Serialize)]
struct Said(String);

impl Fact for Said {
    fn sentence(&self) -> String {
        self.0.clone()
    }
}

#[derive(Clone, Copy)]
struct Voice(Shared<Facts<Said>>);

impl Voice {
    fn says(self, text: impl Into<String>) {
        self.0.state(&Said(text.into()));
    }
}

const FAULTS: StreamFaults = StreamFaults {
    connect: Alternatives::new(&["accepted", "refused", "lost"]),
    request: Alternatives::new(&["arrives", "lost", "reset", "3 s"]),
    response: Alternatives::new(&["arrives", "lost", "reset", "3 s"]),
};

const CRASHES: CrashProfile = CrashProfile {
    before: &[CrashFault::Crash, CrashFault::ShutDown],
    restart: Duration::from_secs(4),
    ..CrashProfile::NEVER
};

/// A client that sends `ping` twice over one connection, and a server that responds `pong`.
struct Echo;

impl Scenario for Echo {
    type Fact = Said;
    fn name(&self) -> &str {
        "echo"
    }
    fn horizon(&self, _: &Variant) -> Horizon {
        Horizon { heal: Duration::from_secs(60), settle: Duration::from_secs(200) }
    }
    fn build(&self, stage: &Stage<Said>) {
        Network::on(stage).link("server", Link { latency: Duration::from_secs(1), faults: &FAULTS });
        let voice = Voice(Shared::new(stage.facts().clone()));
        stage.program(Role { single: true, ..Role::new("server".into(), &CRASHES) }, serve);
        stage.program(Role::outside("client".into()), move || call(voice));
    }
    fn invariants(&self) -> Vec<Box<dyn Invariant<Said>>> {
        Vec::new()
    }
}

async fn serve() {
    let listener = Listener::bind("0.0.0.0:80".parse().unwrap()).unwrap();
    loop {
        let stream = poll_fn(|context| listener.poll_accept(context)).await;
        Handle::current().spawn(async move {
            while let Ok(4) = read(&stream, 4).await {
                if write(&stream, b"pong").await.is_err() {
                    return;
                }
            }
        });
    }
}

async fn call(voice: Voice) {
    let unknown = Stream::connect_to("elsewhere", 80).await.map(drop).unwrap_err();
    assert_eq!(unknown.kind(), io::ErrorKind::NotFound);
    assert_eq!(unknown.to_string(), "no node of the simulated network is named `elsewhere`");
    let stream = match within(200, Stream::connect_to("server", 80)).await {
        Some(Ok(stream)) => stream,
        Some(Err(error)) => return voice.says(format!("not connected: {:?}", error.kind())),
        None => return voice.says("no connection"),
    };
    for _ in 0..2 {
        if let Err(error) = write(&stream, b"ping").await {
            return voice.says(format!("not sent: {:?}", error.kind()));
        }
        match within(10, read(&stream, 4)).await {
            Some(Ok(count)) => voice.says(format!("{count} bytes")),
            Some(Err(error)) => voice.says(format!("not read: {:?}", error.kind())),
            None => voice.says("nothing came"),
        }
    }
}

/// Waits for `future`, but at most for so many seconds.
async fn within<T>(seconds: u64, future: impl Future<Output = T>) -> Option<T> {
    let (mut future, mut timer) =
        (std::pin::pin!(future), Handle::current().sleep(Duration::from_secs(seconds)));
    poll_fn(|context| {
        if let std::task::Poll::Ready(value) = future.as_mut().poll(context) {
            return std::task::Poll::Ready(Some(value));
        }
        std::pin::Pin::new(&mut timer).poll(context).map(|()| None)
    })
    .await
}

async fn read(stream: &Stream, most: usize) -> io::Result<usize> {
    let mut bytes = vec![0; most];
    poll_fn(|context| stream.poll_read(context, &mut bytes)).await
}

async fn write(stream: &Stream, bytes: &[u8]) -> io::Result<usize> {
    poll_fn(|context| stream.poll_write(context, bytes)).await
}

#[track_caller]
fn check(deviations: &str, expected: &[&str]) {
    let script: Script = format!("scenario echo\n{deviations}").parse().unwrap();
    let mut runner = Runner::new(Echo);
    let (outcome, trace) = runner.record(Plan::Script(&script));
    assert_eq!(outcome.unapplied, [], "offered: {:#?}", runner.offers());
    assert_eq!(outcome.violations, []);
    let facts = trace.steps.iter().filter(|step| step.kind == trace::Kind::Fact);
    let said: Vec<_> =
        facts.map(|step| format!("{} {}", step.time.nanos() / 1_000_000_000, step.text)).collect();
    assert_eq!(said, expected);
}

#[test]
fn a_request_and_its_response_each_take_the_latency() {
    check("", &["4 4 bytes", "6 4 bytes"]);
}

#[test]
fn a_connection_may_be_refused_or_lead_nowhere() {
    check("server/connect @ client-1/server-1 #1 = refused", &["2 not connected: ConnectionRefused"]);
    check("server/connect @ client-1/server-1 #1 = lost", &["127 not connected: TimedOut"]);
}

#[test]
fn a_lost_message_stalls_the_connection_for_good() {
    check("server/request @ client-1/server-1 #1 = lost", &["12 nothing came", "22 nothing came"]);
    check("server/response @ client-1/server-1 #1 = lost", &["12 nothing came", "22 nothing came"]);
}

#[test]
fn a_reset_cuts_a_message_in_half() {
    check("server/response @ client-1/server-1 #1 = reset", &["4 2 bytes", "4 not sent: ConnectionReset"]);
}

#[test]
fn a_late_message_arrives() {
    check("server/request @ client-1/server-1 #2 = 3 s", &["4 4 bytes", "9 4 bytes"]);
}

#[test]
fn a_crashed_machine_does_not_respond_and_resets_once_it_is_back() {
    let crash = "server/before response @ client-1/server-1 #1 = crash";
    check(crash, &["12 nothing came", "13 not read: ConnectionReset"]);
}

#[test]
fn a_process_that_shuts_down_closes_its_connections() {
    // The end of a stream stays its end, also for a reader that sends once more.
    check("server/before response @ client-1/server-1 #1 = shutdown", &["4 0 bytes", "4 0 bytes"]);
}
