//! The faults of queues, logs and key-value stores have sentences of their own.

use shakedown_reports::story;
use shakedown_sim::kv::{
    CommandFault, Eviction, EvictionFault, Kv, KvFailover, KvFaults, KvProfile, MessageFault,
};
use shakedown_sim::log::{
    Log, LogFaults, LogProfile, MemberFault, Message, Producer, RequestFault, Subscription,
};
use shakedown_sim::*;

/// A client that sends one message over a queue and one over a log to a reader, and then counts and publishes.
struct Post;

#[derive(serde::Serialize)]
struct Nothing;

impl Fact for Nothing {
    fn sentence(&self) -> String {
        String::new()
    }
}

const REQUEST: &[RequestFault] =
    &[RequestFault::Lost, RequestFault::Refused, RequestFault::ResponseLost, RequestFault::Late(DELAY)];
const DELAY: Duration = Duration::from_secs(8);
const LOG: LogProfile = LogProfile {
    faults: LogFaults {
        send: REQUEST,
        commit: REQUEST,
        member: &[MemberFault::Rebalance, MemberFault::SessionTimeout],
        ..LogFaults::NONE
    },
    ..LogProfile::KAFKA
};
const QUEUE: QueueProfile = QueueProfile {
    faults: QueueFaults {
        settle: &[
            SettleFault::Lost,
            SettleFault::Refused,
            SettleFault::ResponseLost,
            SettleFault::Late(Duration::from_secs(1)),
        ],
        ..QueueFaults::NONE
    },
    ..QueueProfile::STANDARD
};
const KV: KvProfile = KvProfile {
    eviction: Eviction::LeastRecent,
    faults: KvFaults {
        command: &[CommandFault::Lost, CommandFault::ResponseLost, CommandFault::Late(DELAY)],
        failover: &[
            KvFailover::Crash(DELAY),
            KvFailover::Partition(DELAY),
            KvFailover::Demotion(DELAY),
            KvFailover::Restart(DELAY),
        ],
        eviction: &[EvictionFault::Evicted],
        message: &[MessageFault::Disconnected, MessageFault::Late(DELAY)],
        ..KvFaults::NONE
    },
    ..KvProfile::REDIS
};

impl Scenario for Post {
    type Fact = Nothing;
    fn name(&self) -> &str {
        "post"
    }
    fn build(&self, stage: &Stage<Nothing>) {
        let broker = stage.node(Role::outside("broker".into()), |_| {});
        let (log, queue) =
            (Log::<u32>::new(&broker, "events", LOG), Queue::<u32>::new(&broker, "jobs", QUEUE));
        let (events, jobs) = (log.clone(), queue.clone());
        let reader = stage.node(Role::outside("reader".into()), |_| {});
        reader.clone().spawn(async move {
            let consumer = events.consumer(&reader, Subscription::new("readers"));
            consumer.poll(1).await;
            let _ = consumer.commit().await;
            let _ = jobs.receive(&reader).await.ack().await;
        });
        let redis = |name: &'static str| stage.node(Role::outside(name.into()), |_| {});
        let kv = Kv::with_replica(&redis("redis-a"), &redis("redis-b"), "counts", KV);
        let client = stage.node(Role::outside("client".into()), |_| {}).within(stage.entity("order"));
        client.clone().spawn(async move {
            let sent = Producer::plain(&log).send(&client, Message::new("event", 0, 1)).await;
            assert!(sent.is_ok() && queue.send(&client, "job", 1).await.is_ok());
            let counts = kv.client(&client);
            let _news = counts.subscribe(&["news"]).await;
            for child in ["first", "second"] {
                let _ = counts.within(&client.child(child)).incr_by("n", 1).await;
            }
            let _ = counts.publish("news", "1").await;
        });
    }
    fn invariants(&self) -> Vec<Box<dyn Invariant<Nothing>>> {
        Vec::new()
    }
}

/// Checks the sentence of a deviation, and the row that shows it.
fn check(deviation: &str, sentence: &str, row: &str) {
    let script: Script = format!("scenario post\n{deviation}").parse().expect("a script");
    let (_, trace) = Runner::new(Post).record(Plan::Script(&script));
    let sentences = story::deviations(&trace).into_iter().map(|one| one.sentence);
    assert_eq!(sentences.collect::<Vec<_>>(), [sentence], "{deviation}");
    let rows = story::of_run(&trace).into_iter().filter(|row| row.deviates);
    let rows: Vec<String> = rows.map(|row| format!("{}: {} [{}]", row.node, row.what, row.why)).collect();
    assert_eq!(rows, [row], "{deviation}");
}

#[test]
fn faults_of_requests_to_a_log_are_remarks_on_the_request() {
    for (fault, effect) in [
        ("lost", "request is lost"),
        ("refused", "request is refused"),
        ("response lost", "response is lost"),
        ("8 s", "request takes 8 s longer"),
    ] {
        check(
            &format!("events/send @ order-1/event-1 #1 = {fault}"),
            &format!("events: its {effect}"),
            &format!("client: sends event to events [its {effect} (1)]"),
        );
        check(
            &format!("events/commit @ order-1/event-1/delivery-1 #1 = {fault}"),
            &format!("events: its {effect}"),
            &format!("reader: commits offset 1 of partition 0 [its {effect} (1)]"),
        );
    }
}

#[test]
fn faults_of_a_settlement_are_remarks_on_the_request() {
    for (fault, effect) in [
        ("lost", "request is lost"),
        ("refused", "request is refused"),
        ("response lost", "response is lost"),
        ("1 s", "request takes 1 s longer"),
    ] {
        check(
            &format!("jobs/ack @ order-1/job-1/delivery-1 #1 = {fault}"),
            &format!("jobs: its {effect}"),
            &format!("reader: acknowledges job [its {effect} (1)]"),
        );
    }
}

#[test]
fn faults_of_a_group_are_steps_of_the_broker() {
    for (fault, event) in [
        ("rebalance", "begins a rebalance of the group"),
        ("session timeout", "receives no heartbeats from the member"),
    ] {
        check(
            &format!("events/member @ order-1/event-1/delivery-1 #1 = {fault}"),
            &format!("broker {event}"),
            &format!("broker: {event} [(1)]"),
        );
    }
}

#[test]
fn faults_of_a_command_are_remarks_on_it() {
    for (fault, effect) in
        [("lost", "command is lost"), ("response lost", "reply is lost"), ("8 s", "command takes 8 s longer")]
    {
        check(
            &format!("counts/incr @ order-1/first-1 #1 = {fault}"),
            &format!("counts: its {effect}"),
            &format!("client: sends INCRBY n 1 to counts [its {effect} (1)]"),
        );
    }
}

#[test]
fn faults_of_a_key_value_store_are_steps_of_its_server() {
    for (deviation, event) in [
        ("goes down at @ order-1/first-1 #1 = crash 8 s", "crashes right after the write"),
        ("goes down at @ order-1/first-1 #1 = partition 8 s", "cannot reach its replica for 8 s"),
        (
            "goes down at @ order-1/first-1 #1 = demotion 8 s",
            "is demoted right after the write, and still reached for 8 s",
        ),
        (
            "goes down at @ order-1/first-1 #1 = restart 8 s",
            "restarts right after the write, and loads for 8 s",
        ),
        ("eviction @ order-1/second-1 #1 = evicted", "has evicted the key"),
        ("message @ order-1/message-1 #1 = disconnected", "breaks the connection of the subscriber"),
        ("message @ order-1/message-1 #1 = 8 s", "sends the message 8 s later"),
    ] {
        check(
            &format!("counts/{deviation}"),
            &format!("redis-a {event}"),
            &format!("redis-a: {event} [(1)]"),
        );
    }
}
