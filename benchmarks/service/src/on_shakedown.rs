//! The run under `cargo shakedown`, with tokio's own types.

use crate::service::{self, Charges};
use crate::{LATENCY_MS, ORDERS};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use shakedown_clock::FreshThread;
use shakedown_net::{Link, Network, StreamFaults};
use shakedown_sim::ambient::NoFact;
use shakedown_sim::{Duration, Horizon, Invariant, Plan, Rehearse, Role, Scenario, Stage, Variant};
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;

pub(crate) const NAME: &str = "shakedown";

/// Runs once, on a thread of its own; returns how many orders were accepted and how many charged.
pub(crate) fn run(seed: u64) -> (u32, u32) {
    let (charges, accepted) = (Charges::default(), Arc::<Mutex<u32>>::default());
    let (held, counted) = (charges.clone(), accepted.clone());
    let make = move || Service { charges: charges.clone(), accepted: accepted.clone() };
    let outcome = FreshThread::new(make).run(Plan::Seed(seed));
    assert_eq!(outcome.violations, []);
    let charged = held.lock().expect("no handler panics").len() as u32;
    let accepted = *counted.lock().expect("no task panics");
    (accepted, charged)
}

/// The world that `on_turmoil` builds.
struct Service {
    charges: Charges,
    accepted: Arc<Mutex<u32>>,
}

impl Scenario for Service {
    type Fact = NoFact;

    fn name(&self) -> &str {
        "service"
    }

    fn horizon(&self, _: &Variant) -> Horizon {
        Horizon { heal: Duration::from_millis(500 * u64::from(ORDERS)), settle: Duration::from_millis(1_500) }
    }

    fn build(&self, stage: &Stage<NoFact>) {
        let network = Network::on(stage);
        for role in ["partner", "orders"] {
            network
                .link(role, Link { latency: Duration::from_millis(LATENCY_MS), faults: &StreamFaults::NONE });
        }
        let charges = self.charges.clone();
        stage.program(Role::outside("partner".into()), move || {
            let charges = charges.clone();
            async move { service::partner(listener().await?, charges).await }
        });
        stage.program(Role::outside("orders".into()), || async {
            service::serve(listener().await?, client()).await
        });
        let accepted = self.accepted.clone();
        stage.program(Role::outside("user".into()), move || {
            let accepted = accepted.clone();
            async move {
                let count = service::user(client()).await;
                *accepted.lock().expect("no task panics") = count;
            }
        });
    }

    fn invariants(&self) -> Vec<Box<dyn Invariant<NoFact>>> {
        Vec::new()
    }
}

async fn listener() -> std::io::Result<TcpListener> {
    TcpListener::bind("0.0.0.0:80").await
}

fn client() -> Client<HttpConnector, http_body_util::Full<bytes::Bytes>> {
    Client::builder(TokioExecutor::new()).build(HttpConnector::new())
}
