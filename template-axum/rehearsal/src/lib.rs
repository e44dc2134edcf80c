//! The rehearsal of the till: the world around it, what may go wrong there, and what must hold. Built by `cargo shakedown` alone; for
//! other builds the crate is empty.
//!
//! Replace `till_service::run` with your own service's async function, [`bank`] with what it calls, what happens as a [`Known`], and what
//! must hold in `invariants`.
#![cfg(shakedown)]

mod bank;

use shakedown::prelude::{
    Alternatives, Catalogue, Duration, Entry, Fact, Facts, Guardrail, Invariant, NaiveForm, Role, Scenario,
    Stage, invariant,
};
use shakedown_clock::FreshThread;
use shakedown_net::{Link, Network, StreamFaults};
use shakedown_sim::ambient::{Handle, Shared};
use shakedown_sim::{CrashFault, CrashProfile, Horizon, Scope, Variant};
use std::collections::{BTreeMap, BTreeSet};
use till_service::Config;

/// What happens in the world: the only thing that is judged.
#[derive(serde::Serialize)]
enum Known {
    /// A user learns that this order is accepted.
    Accepted(String),
    /// The bank charges this order.
    Charged(String),
}

impl Fact for Known {
    fn sentence(&self) -> String {
        match self {
            Known::Accepted(order) => format!("knows that {order} is accepted"),
            Known::Charged(order) => format!("charges {order}"),
        }
    }
}

/// What may become of connections to the bank, of requests on them, and of the responses.
const LOSSY: StreamFaults = StreamFaults {
    connect: Alternatives::new(&["accepted", "refused"]),
    request: Alternatives::new(&["arrives", "lost"]),
    response: Alternatives::new(&["arrives", "lost", "reset"]),
};

/// What may happen to the till's process before it sends a request or a response, and after a response has arrived.
const CRASHES: CrashProfile = CrashProfile {
    before: &[CrashFault::Crash, CrashFault::ShutDown],
    after: &[CrashFault::Crash],
    restart: Duration::from_secs(2),
    ..CrashProfile::NEVER
};

/// Two users, the till, and the bank.
struct World {
    repeats_key: bool,
}

impl Scenario for World {
    type Fact = Known;

    fn name(&self) -> &str {
        "till"
    }

    fn horizon(&self, _: &Variant) -> Horizon {
        Horizon { heal: Duration::from_secs(5), settle: Duration::from_secs(10) }
    }

    fn build(&self, stage: &Stage<Known>) {
        Network::on(stage).link("bank", Link { latency: Duration::from_millis(20), faults: &LOSSY });
        let facts = Shared::new(stage.facts().clone());
        stage.program(Role::outside("bank".into()), move || {
            bank::serve(move |order| facts.state(&Known::Charged(order)))
        });
        let till = Role { single: true, ..Role::new("till".into(), &CRASHES) };
        let repeats_key = self.repeats_key;
        stage.program(till, move || till_service::run(config(repeats_key)));
        for number in 1..=2 {
            let entity = stage.entity("order");
            let role = Role::new("user".into(), &CrashProfile::NEVER);
            stage.program(role, move || user(number, entity, facts));
        }
    }

    fn invariants(&self) -> Vec<Box<dyn Invariant<Known>>> {
        let once =
            invariant("charged-once", |seen: &mut BTreeMap<String, u32>, at, fact: &Known, findings| {
                let Known::Charged(order) = fact else { return };
                if let Some(first) = seen.insert(order.clone(), at.event) {
                    findings.violated("order", &[first, at.event], || format!("{order} is charged twice"));
                }
            });
        let charged =
            invariant("accepted-is-charged", |charged: &mut BTreeSet<String>, at, fact: &Known, findings| {
                match fact {
                    Known::Charged(order) => drop(charged.insert(order.clone())),
                    Known::Accepted(order) if charged.contains(order) => {}
                    Known::Accepted(order) => {
                        findings.violated("order", &[at.event], || {
                            format!("{order} is accepted and not charged")
                        });
                    }
                }
            });
        vec![
            once.about("the bank charges each order at most once").boxed(),
            charged.about("an order that its user knows to be accepted is charged").boxed(),
        ]
    }
}

fn config(repeats_key: bool) -> Config {
    Config {
        listen: "0.0.0.0:80".to_owned(),
        bank_url: "http://bank".to_owned(),
        timeout: std::time::Duration::from_secs(1),
        repeats_key,
    }
}

/// A user who places one order.
async fn user(number: u64, entity: Scope, facts: Shared<Facts<Known>>) {
    Handle::current().work_for(entity);
    tokio::time::sleep(std::time::Duration::from_millis(100 * number)).await;
    let order = format!("order-{number}");
    let http = reqwest::Client::builder().timeout(std::time::Duration::from_secs(8)).no_proxy().build();
    let sent = http.expect("a client").post(format!("http://till/orders/{order}")).send().await;
    if sent.is_ok_and(|response| response.status().is_success()) {
        facts.state(&Known::Accepted(order));
    }
}

/// Returns what the binary and the tests rehearse.
pub fn catalogue() -> Catalogue {
    let key = Guardrail::new("repeated-key", "a repeated charge carries the idempotency key of the first")
        .naive(NaiveForm::new("each attempt has a key of its own").breaks("charged-once"));
    let till = Entry::with_runner("till", |ablation| {
        let repeats_key = ablation.keeps("repeated-key");
        let runner = FreshThread::new(move || World { repeats_key });
        Ok(Box::new(runner.without(ablation.names().to_vec())))
    });
    let till = till
        .about("two users place orders, which the till charges at a bank")
        .assumes("the bank does not crash, and keeps idempotency keys for ever")
        .guardrail(key);
    Catalogue::new("till").regressions_in(concat!(env!("CARGO_MANIFEST_DIR"), "/regressions")).with(till)
}
