//! Measures the cost of a message: `cargo bench --manifest-path benchmarks/Cargo.toml --bench queue`.

use std::hint::black_box;
use std::time::Instant;

use shakedown_sim::queue::broker::{Broker, Incoming, Rules};
use shakedown_sim::queue::{DedupScope, Flavour};
use shakedown_sim::*;

const MESSAGES: u32 = 10_000;
const ROUNDS: u32 = 20;

#[derive(serde::Serialize)]
struct Nothing;

impl Fact for Nothing {
    fn sentence(&self) -> String {
        String::new()
    }
}

/// One node sends one message after the other, or calls; another receives and acknowledges, or responds.
struct Traffic {
    profile: Option<QueueProfile>,
}

impl Scenario for Traffic {
    type Fact = Nothing;
    fn name(&self) -> &str {
        "traffic"
    }
    fn horizon(&self, _: &Variant) -> Horizon {
        Horizon { heal: Duration::from_secs(86_400), settle: Duration::from_secs(60) }
    }
    fn build(&self, stage: &Stage<Nothing>) {
        let far = stage.node(Role::outside("far".into()), |_| {});
        let near = stage.node(Role::outside("near".into()), |_| {});
        let Some(profile) = self.profile else { return call(near, far) };
        let queue = Queue::new(&far, "queue", profile);
        let (sent, consumer) = (queue.clone(), near.clone());
        near.clone().spawn(async move {
            for number in 0..MESSAGES {
                sent.send(&near, "message", number).await.expect("nothing fails");
            }
        });
        consumer.clone().spawn(async move {
            loop {
                let delivery = queue.receive(&consumer).await;
                delivery.ack().await.expect("nothing fails");
            }
        });
    }
    fn invariants(&self) -> Vec<Box<dyn Invariant<Nothing>>> {
        Vec::new()
    }
}

fn call(near: Env, far: Env) {
    let link = Link::new("line", Duration::from_millis(5), &LinkFaults::NONE);
    let ask = Endpoint::<u32, u32>::new(Op::new("far.ask", "asks"), &link);
    ask.serve(&far, |_, number| async move { number });
    near.clone().spawn(async move {
        for number in 0..MESSAGES {
            let answer = near.call(&ask, number, Duration::from_secs(1)).await;
            black_box(answer).expect("nothing fails");
        }
    });
}

fn run(name: &str, profile: Option<QueueProfile>) {
    let mut runner = Runner::new(Traffic { profile });
    let script = Script { scenario: "traffic".to_owned(), ..Script::default() };
    let events = runner.run(Plan::Script(&script)).events / MESSAGES;
    let start = Instant::now();
    for _ in 0..ROUNDS {
        black_box(runner.run(Plan::Script(&script)));
    }
    let cycles = u128::from(MESSAGES * ROUNDS);
    let allocations = allocation_counter::measure(|| drop(runner.run(Plan::Script(&script)))).count_total;
    let each = allocations as f64 / f64::from(MESSAGES);
    println!(
        "{name:<34}{:>6} ns{events:>4} events{each:>7.1} allocations",
        start.elapsed().as_nanos() / cycles
    );
}

fn broker(name: &str, flavour: Flavour) {
    let rules = Rules {
        flavour,
        visibility: Duration::from_secs(30),
        delay: Duration::ZERO,
        receives_max: Some(5),
        in_flight_max: 100,
        dedup_window: Duration::ZERO,
        dedup_scope: DedupScope::Queue,
        retention: Duration::ZERO,
        prefetch: u32::MAX,
    };
    let start = Instant::now();
    for _ in 0..ROUNDS {
        let mut broker = Broker::new(rules);
        for number in 0..u64::from(MESSAGES) {
            let now = Moment::from_nanos(number * 1_000_000);
            broker.advance(now);
            broker.accept(now, Incoming { content: number, group: number % 7, dedup: None, delay: None });
            let receipt = broker.receive(now, 1).expect("one is ready");
            black_box(broker.ack(receipt)).expect("it is held");
        }
    }
    println!("{name:<34}{:>6} ns", start.elapsed().as_nanos() / u128::from(MESSAGES * ROUNDS));
}

fn main() {
    const FAULTY: QueueProfile = QueueProfile {
        faults: QueueFaults {
            send: &[SendFault::Lost],
            settle: &[SettleFault::Lost],
            delivery: &[DeliveryFault::Lost],
            ..QueueFaults::NONE
        },
        ..QueueProfile::STANDARD
    };
    broker("broker alone, standard", Flavour::Standard);
    broker("broker alone, fifo", Flavour::Fifo);
    run("send, receive, ack", Some(QueueProfile::STANDARD));
    run("send, receive, ack, with choices", Some(FAULTY));
    run("send, receive, ack, fifo", Some(QueueProfile { dedup_by_content: true, ..QueueProfile::FIFO }));
    run("a call, to compare", None);
}
