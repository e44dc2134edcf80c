//! What consumers of RabbitMQ 3.10.8 received from quorum queues, recorded by `.ci/record-rabbitmq` and played on a channel
//! queue.

use shakedown_sim::queue::{Death, DeathReason};
use shakedown_sim::*;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// A recorded case: its name, the rules of its queue, and its steps with the results.
#[derive(Clone, serde::Deserialize)]
struct Case {
    case: String,
    limit: Option<u32>,
    #[serde(default)]
    ttl: u64,
    prefetch: Option<u32>,
    timeout: Option<u64>,
    #[serde(default)]
    cycle: bool,
    steps: Vec<(String, String)>,
}

impl Case {
    fn profile(&self) -> QueueProfile {
        let visibility = self.timeout.map_or(QueueProfile::CHANNEL.visibility, Duration::from_millis);
        QueueProfile {
            receives_max: self.limit.map(|limit| limit + 1),
            retention: Duration::from_millis(self.ttl),
            prefetch: self.prefetch.unwrap_or(u32::MAX),
            visibility,
            ..QueueProfile::CHANNEL
        }
    }
}

/// A fact that nobody states.
#[derive(serde::Serialize)]
enum Nothing {}

impl Fact for Nothing {
    fn sentence(&self) -> String {
        match *self {}
    }
}

/// Plays a case with two consumers; the results are stored.
struct Play {
    case: Case,
    results: Rc<RefCell<Vec<String>>>,
}

impl Scenario for Play {
    type Fact = Nothing;
    fn name(&self) -> &str {
        "recorded"
    }
    fn invariants(&self) -> Vec<Box<dyn Invariant<Nothing>>> {
        Vec::new()
    }
    fn horizon(&self, _: &Variant) -> Horizon {
        Horizon { heal: Duration::from_secs(600), settle: Duration::from_secs(600) }
    }
    fn build(&self, stage: &Stage<Nothing>) {
        let broker = stage.node(Role::outside("broker".into()), |_| {});
        let jobs = Queue::new(&broker, "jobs", self.case.profile());
        let dead = Queue::new(&broker, "dead", QueueProfile::CHANNEL);
        let jobs = jobs.dead_letters_to(&dead);
        let dead = if self.case.cycle { dead.dead_letters_to(&jobs) } else { dead };
        let node = |name: &'static str| stage.node(Role::outside(name.into()), |_| {});
        let consumers = BTreeMap::from([("A", node("a")), ("B", node("b"))]);
        let client = node("client");
        let player = Player { jobs, dead, client: client.clone(), consumers, held: BTreeMap::new() };
        let (case, results) = (self.case.clone(), Rc::clone(&self.results));
        client.spawn(player.play(case, results));
    }
}

struct Player {
    jobs: Queue<u32>,
    dead: Queue<u32>,
    client: Env,
    consumers: BTreeMap<&'static str, Env>,
    /// What each consumer holds, in the order of its receives.
    held: BTreeMap<String, Vec<Delivery<u32>>>,
}

/// Longer than any request takes.
const SOON: Duration = Duration::from_millis(50);

impl Player {
    async fn play(mut self, case: Case, results: Rc<RefCell<Vec<String>>>) {
        for (step, _) in &case.steps {
            let result = self.step(step).await;
            results.borrow_mut().push(result);
        }
    }

    async fn step(&mut self, step: &str) -> String {
        let words: Vec<&str> = step.split(' ').collect();
        match words.as_slice() {
            ["SEND", body] => {
                let sent = self.jobs.send(&self.client, "job", body.parse().expect("a number")).await;
                sent.map_or_else(|error| error.to_string(), |()| "ok".to_owned())
            }
            ["SLEEP", ms] => {
                self.client.sleep(Duration::from_millis(ms.parse().expect("milliseconds"))).await;
                "ok".to_owned()
            }
            ["GET", consumer] => self.get(consumer).await,
            ["CLOSE", consumer] => {
                drop(self.held.remove(*consumer));
                self.client.sleep(SOON).await;
                "ok".to_owned()
            }
            ["DEAD"] => self.dead_letter(false).await,
            ["REFUSE"] => self.dead_letter(true).await,
            [verb, consumer, body] => self.settle(verb, consumer, body.parse().expect("a number")).await,
            _ => panic!("unknown step {step}"),
        }
    }

    async fn get(&mut self, consumer: &str) -> String {
        let env = &self.consumers[consumer];
        let Some(delivery) = env.timeout(SOON, self.jobs.receive(env)).await else {
            return "empty".to_owned();
        };
        let redelivered = if delivery.is_redelivered() { " redelivered" } else { "" };
        let result = format!("{}{redelivered}", delivery.body());
        self.held.entry(consumer.to_owned()).or_default().push(delivery);
        result
    }

    async fn settle(&mut self, verb: &str, consumer: &str, body: u32) -> String {
        let held = self.held.entry(consumer.to_owned()).or_default();
        let at = held.iter().rposition(|delivery| *delivery.body() == body).expect("the consumer holds it");
        let delivery = held.remove(at);
        let settled = match verb {
            "ACK" => delivery.ack().await,
            "NACK" => delivery.nack(Duration::ZERO).await,
            "REJECT" => delivery.reject().await,
            _ => panic!("unknown step {verb}"),
        };
        settled.map_or_else(|_| "closed".to_owned(), |()| "ok".to_owned())
    }

    async fn dead_letter(&mut self, rejects: bool) -> String {
        let env = &self.client;
        let Some(delivery) = env.timeout(SOON, self.dead.receive(env)).await else {
            return "empty".to_owned();
        };
        let text = |death: &Death| {
            let reason = match death.reason {
                DeathReason::DeliveryLimit => "delivery_limit",
                DeathReason::Rejected => "rejected",
                DeathReason::Expired => "expired",
            };
            format!("{} {reason} {}", death.queue, death.count)
        };
        let deaths: Vec<String> = delivery.deaths().iter().map(text).collect();
        let settled = if rejects { delivery.reject().await } else { delivery.ack().await };
        settled.expect("the client holds it");
        format!("{}: {}", delivery.body(), deaths.join(", "))
    }
}

/// Returns the first step with another result than the recorded one.
fn difference(case: &Case) -> Option<String> {
    let results = Rc::default();
    let play = Play { case: case.clone(), results: Rc::clone(&results) };
    Runner::new(play).run(Plan::Seed(1));
    let results = results.borrow();
    let at = (0..case.steps.len()).find(|at| results.get(*at) != Some(&case.steps[*at].1))?;
    Some(format!("{}: step {at}\n  rabbitmq: {:#?}\n  here: {results:?}", case.case, &case.steps[..=at]))
}

#[test]
fn every_delivery_is_that_of_rabbitmq() {
    let cases: Vec<Case> = include_str!("fixtures/rabbitmq.jsonl")
        .lines()
        .map(|line| serde_json::from_str(line).expect("a recorded case"))
        .collect();
    let differences: Vec<String> = cases.iter().filter_map(difference).collect();
    assert!(
        differences.is_empty(),
        "{} of {}:\n{}",
        differences.len(),
        cases.len(),
        differences.join("\n\n")
    );
    assert_eq!(cases.len(), 70);
}
