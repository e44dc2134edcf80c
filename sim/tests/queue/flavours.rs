//! What each flavour offers, rejects and does on its own: limits, dead-letter queues, channels, de-duplication.

use shakedown_sim::ambient::NoFact;
use shakedown_sim::queue::{DeadLetter, Death, DeathReason, DedupScope, Rejection};
use shakedown_sim::*;
use std::cell::RefCell;
use std::future::Future;
use std::rc::Rc;

type Log = Rc<RefCell<Vec<String>>>;

/// A queue with one client, and another queue that may take its dead letters.
struct Play<F> {
    profile: QueueProfile,
    work: F,
    log: Log,
}

#[derive(Clone)]
struct Bench {
    jobs: Queue<u32>,
    dead: Queue<u32>,
    log: Log,
}

impl Bench {
    fn log(&self, env: &Env, text: impl std::fmt::Debug) {
        self.log.borrow_mut().push(format!("{} {text:?}", env.now().nanos() / 1_000_000_000));
    }
}

impl<F: Fn(Env, Bench) -> W + 'static, W: Future<Output = ()> + 'static> Scenario for Play<F> {
    type Fact = NoFact;
    fn name(&self) -> &str {
        "flavours"
    }
    fn invariants(&self) -> Vec<Box<dyn Invariant<NoFact>>> {
        Vec::new()
    }
    fn horizon(&self, _: &Variant) -> Horizon {
        Horizon { heal: Duration::from_secs(100_000), settle: Duration::from_secs(600) }
    }
    fn build(&self, stage: &Stage<NoFact>) {
        self.log.borrow_mut().clear();
        let broker = stage.node(Role::outside("broker".into()), |_| {});
        let dead = Queue::new(&broker, "dead", QueueProfile::STANDARD);
        let jobs = Queue::new(&broker, "jobs", self.profile).dead_letters_to(&dead);
        let bench = Bench { jobs, dead, log: Rc::clone(&self.log) };
        let client = stage.node(Role::outside("client".into()), |_| {}).within(stage.entity("order"));
        client.clone().spawn((self.work)(client, bench));
    }
}

fn play<W: Future<Output = ()> + 'static>(
    profile: QueueProfile,
    work: impl Fn(Env, Bench) -> W + 'static,
) -> Vec<String> {
    let log = Log::default();
    let outcome = Runner::new(Play { profile, work, log: Rc::clone(&log) }).run(Plan::Seed(1));
    assert_eq!(outcome.violations, []);
    log.take()
}

fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(60 * minutes)
}

#[test]
fn sqs_rejects_long_delays_long_leases_and_rejections() {
    let log = play(QueueProfile::STANDARD, async |env, bench| {
        for delay in [minutes(15), minutes(16)] {
            bench.log(&env, bench.jobs.post(&env, Message::new("job", 1).after(delay)).await);
        }
        let job = bench.jobs.receive(&env).await;
        env.sleep(Duration::from_secs(20)).await;
        bench.log(&env, job.extend(minutes(720)).await);
        bench.log(&env, job.extend(minutes(719)).await);
        bench.log(&env, job.reject().await.map_err(|error| error.to_string()));
    });
    let expected = [
        "0 Ok(())",
        "0 Err(Rejected(DelayTooLong))",
        "920 Err(Rejected(VisibilityTooLong))",
        "920 Ok(())",
        "920 Err(\"rejected: a message cannot be rejected\")",
    ];
    assert_eq!(log, expected);
    assert_eq!(Rejection::DelayTooLong.code(), "InvalidParameterValue");
}

#[test]
fn a_fifo_message_has_an_id_and_no_delay() {
    let post = |profile: QueueProfile| {
        play(profile, async |env, bench| {
            bench.log(&env, bench.jobs.send(&env, "job", 1).await);
            bench.log(&env, bench.jobs.send(&env, "job", 1).await);
            let delayed = Message::new("job", 2).once(2).after(minutes(1));
            bench.log(&env, bench.jobs.post(&env, delayed).await);
            bench.log(&env, bench.jobs.counts().ready);
        })
    };
    let missing = "0 Err(Rejected(NoDeduplicationId))";
    let delayed = "0 Err(Rejected(DelayPerMessage))";
    assert_eq!(post(QueueProfile::FIFO), [missing, missing, delayed, "0 0"]);
    let by_content = QueueProfile { dedup_by_content: true, ..QueueProfile::FIFO };
    assert_eq!(post(by_content), ["0 Ok(())", "0 Ok(())", delayed, "0 1"]);
}

#[test]
fn a_deduplication_id_is_unique_in_the_queue_or_in_its_group() {
    let post = |dedup_scope| {
        play(QueueProfile { dedup_scope, ..QueueProfile::FIFO }, async |env, bench| {
            for group in [1, 1, 2] {
                bench.jobs.post(&env, Message::new("job", 1).in_group(group).once(7)).await.unwrap();
            }
            bench.log(&env, bench.jobs.counts().ready);
        })
    };
    assert_eq!(post(DedupScope::Queue), ["0 1"]);
    assert_eq!(post(DedupScope::Group), ["0 2"]);
}

/// Sends the jobs 1 to 4.
async fn send_four(env: &Env, bench: &Bench) {
    for body in 1..=4 {
        bench.jobs.send(env, "job", body).await.unwrap();
    }
}

async fn receive(env: &Env, bench: &Bench, count: usize) -> Vec<Delivery<u32>> {
    let mut all = Vec::new();
    for _ in 0..count {
        all.push(bench.jobs.receive(env).await);
    }
    all
}

fn bodies(deliveries: &[Delivery<u32>]) -> Vec<u32> {
    deliveries.iter().map(|delivery| *delivery.body()).collect()
}

#[test]
fn returned_messages_of_a_channel_come_first_in_the_order_of_their_return() {
    let run = |receives_max| {
        play(QueueProfile { receives_max, ..QueueProfile::CHANNEL }, async |env, bench| {
            send_four(&env, &bench).await;
            let held = receive(&env, &bench, 3).await;
            for at in [2, 0, 1] {
                held[at].nack(Duration::ZERO).await.unwrap();
            }
            bench.log(&env, bodies(&receive(&env, &bench, 4).await));
        })
    };
    assert_eq!(run(Some(21)), ["0 [3, 1, 2, 4]"]);
    assert_eq!(run(None), ["0 [4, 3, 1, 2]"]);
}

#[test]
fn a_channel_has_neither_delays_nor_extensions() {
    let log = play(QueueProfile::CHANNEL, async |env, bench| {
        send_four(&env, &bench).await;
        let job = bench.jobs.receive(&env).await;
        bench.log(&env, job.nack(minutes(1)).await);
        bench.log(&env, job.extend(minutes(1)).await);
        bench.log(&env, job.ack().await);
    });
    assert_eq!(log, ["0 Err(Rejected(DelayedNack))", "0 Err(Rejected(Extension))", "0 Ok(())"]);
}

#[test]
fn a_late_acknowledgement_closes_the_channel_with_all_its_messages() {
    let log = play(QueueProfile::CHANNEL, async |env, bench| {
        send_four(&env, &bench).await;
        let first = receive(&env, &bench, 2).await;
        env.sleep(minutes(20)).await;
        let second = receive(&env, &bench, 1).await;
        env.sleep(minutes(11)).await;
        bench.log(&env, second[0].ack().await);
        bench.log(&env, first[1].ack().await);
        bench.log(&env, bodies(&receive(&env, &bench, 4).await));
    });
    assert_eq!(log, ["1860 Err(Expired)", "1860 Err(Expired)", "1860 [1, 2, 3, 4]"]);
}

#[test]
fn a_channel_holds_as_many_messages_as_its_prefetch() {
    let log = play(QueueProfile { prefetch: 2, ..QueueProfile::CHANNEL }, async |env, bench| {
        send_four(&env, &bench).await;
        let held = receive(&env, &bench, 2).await;
        bench.log(&env, env.timeout(minutes(1), bench.jobs.receive(&env)).await.is_none());
        held[0].ack().await.unwrap();
        bench.log(&env, bodies(&receive(&env, &bench, 1).await));
    });
    assert_eq!(log, ["60 true", "60 [3]"]);
}

#[test]
fn a_dead_letter_is_received_from_its_queue_with_its_deaths() {
    let profile = QueueProfile { receives_max: Some(2), ..QueueProfile::CHANNEL };
    let log = play(profile, async |env, bench| {
        for body in 1..=2 {
            bench.jobs.send(&env, "job", body).await.unwrap();
        }
        receive(&env, &bench, 1).await[0].reject().await.unwrap();
        for _ in 0..2 {
            receive(&env, &bench, 1).await[0].nack(Duration::ZERO).await.unwrap();
        }
        for _ in 0..2 {
            let dead = bench.dead.receive(&env).await;
            let Death { queue, reason, count } = dead.deaths()[0];
            bench.log(&env, (dead.body(), queue.text(), reason, count, dead.receive_count()));
            dead.ack().await.unwrap();
        }
        let left: Vec<DeadLetter<u32>> = bench.jobs.dead_letters();
        bench.log(&env, (left.len(), bench.jobs.counts().dead));
    });
    let expected = ["0 (1, \"jobs\", Rejected, 1, 1)", "0 (2, \"jobs\", DeliveryLimit, 1, 1)", "0 (0, 0)"];
    assert_eq!(log, expected);
    assert_ne!(DeathReason::Rejected, DeathReason::Expired);
}

#[test]
fn a_message_is_deleted_or_dead_when_its_retention_ends() {
    let run = |profile: QueueProfile| {
        play(QueueProfile { retention: minutes(5), ..profile }, async |env, bench| {
            send_four(&env, &bench).await;
            let held = receive(&env, &bench, 1).await;
            env.sleep(minutes(6)).await;
            bench.log(&env, (bench.jobs.counts().ready, bench.jobs.counts().in_flight));
            bench.log(&env, (bench.dead.counts().ready, held[0].ack().await));
        })
    };
    const LONG: QueueProfile =
        QueueProfile { visibility: Duration::from_secs(3_600), ..QueueProfile::STANDARD };
    assert_eq!(run(LONG), ["360 (0, 0)", "360 (0, Ok(()))"]);
    assert_eq!(run(QueueProfile::CHANNEL), ["360 (0, 1)", "360 (3, Ok(()))"]);
}
