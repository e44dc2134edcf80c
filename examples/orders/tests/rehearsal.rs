//! The rehearsal of the service: the world around it, what may go wrong there, and what must hold. Run it with
//! `cargo shakedown test`.
#![cfg(shakedown)]

use orders::outside::{self, Event};
use orders::{Config, run};
use shakedown_clock::FreshThread;
use shakedown_net::{Link, Network, StreamFaults};
use shakedown_sim::ambient::{Handle, Shared};
use shakedown_sim::search::*;
use shakedown_sim::*;
use std::collections::BTreeMap;
use std::ops::Range;

/// What the outside world holds.
#[derive(Clone, serde::Serialize)]
enum Known {
    Accepted(String),
    Charged(String),
    Mailed(String),
}

impl Fact for Known {
    fn sentence(&self) -> String {
        match self {
            Known::Accepted(order) => format!("knows that {order} is accepted"),
            Known::Charged(order) => format!("charges {order}"),
            Known::Mailed(order) => format!("mails the confirmation of {order}"),
        }
    }
}

/// No order is charged twice.
#[derive(Default)]
struct ChargedOnce(BTreeMap<String, u32>);

impl Invariant<Known> for ChargedOnce {
    fn name(&self) -> &'static str {
        "charged-once"
    }
    fn about(&self) -> &'static str {
        "the partner holds at most one charge for each order"
    }
    fn reset(&mut self) {
        self.0.clear();
    }
    fn observe(&mut self, at: &At<'_>, fact: &Known, findings: &mut Findings) {
        let Known::Charged(order) = fact else { return };
        if let Some(first) = self.0.insert(order.clone(), at.event) {
            findings.violated("order", &[first, at.event], || format!("{order} is charged twice"));
        }
    }
}

/// What was accepted is charged and confirmed in the end.
#[derive(Default)]
struct Fulfilled(BTreeMap<String, (u32, bool, bool)>);

impl Invariant<Known> for Fulfilled {
    fn name(&self) -> &'static str {
        "accepted-orders-are-fulfilled"
    }
    fn about(&self) -> &'static str {
        "once healed, each order that its user knows to be accepted is charged and confirmed by mail"
    }
    fn reset(&mut self) {
        self.0.clear();
    }
    fn observe(&mut self, at: &At<'_>, fact: &Known, _: &mut Findings) {
        match fact {
            Known::Accepted(order) => self.0.entry(order.clone()).or_default().0 = at.event,
            Known::Charged(order) => self.0.entry(order.clone()).or_default().1 = true,
            Known::Mailed(order) => self.0.entry(order.clone()).or_default().2 = true,
        }
    }
    fn at_rest(&mut self, _: Moment, findings: &mut Findings) {
        for (order, (accepted, charged, mailed)) in &self.0 {
            if *accepted > 0 && !(*charged && *mailed) {
                let missing = if *charged { "confirmed" } else { "charged" };
                findings
                    .violated("order", &[*accepted], || format!("{order} is accepted and never {missing}"));
            }
        }
    }
}

const LATENCY: Duration = Duration::from_millis(5);

/// What may become of requests to others and of their responses.
const LOSSY: StreamFaults = StreamFaults {
    connect: Alternatives::new(&["accepted", "refused"]),
    request: Alternatives::new(&["arrives", "lost"]),
    response: Alternatives::new(&["arrives", "lost", "reset", "400 ms"]),
};

const CRASHES: CrashProfile = CrashProfile {
    before: &[CrashFault::Crash, CrashFault::ShutDown],
    after: &[CrashFault::Crash],
    restart: Duration::from_secs(2),
    ..CrashProfile::NEVER
};

/// Two users who click twice, the service, and the three that it talks to.
struct Shop;

impl Scenario for Shop {
    type Fact = Known;

    fn name(&self) -> &str {
        "orders"
    }

    fn horizon(&self, _: &Variant) -> Horizon {
        Horizon { heal: Duration::from_secs(10), settle: Duration::from_secs(20) }
    }

    fn build(&self, stage: &Stage<Known>) {
        let network = Network::on(stage);
        for role in ["store", "partner", "mail"] {
            network.link(role, Link { latency: LATENCY, faults: &LOSSY });
        }
        let facts = Shared::new(stage.facts().clone());
        let tell = move |event: Event| {
            let fact = match event {
                Event::Charged { order } => Known::Charged(order),
                Event::Mailed { order } => Known::Mailed(order),
            };
            facts.with(|facts| facts.state(&Handle::current().env(), &fact));
        };
        stage.program(Role::outside("store".into()), || outside::serve(outside::store(), "0.0.0.0:80"));
        stage.program(Role::outside("partner".into()), move || {
            outside::serve(outside::partner(tell), "0.0.0.0:80")
        });
        stage
            .program(Role::outside("mail".into()), move || outside::serve(outside::mail(tell), "0.0.0.0:80"));
        stage.program(Role { single: true, ..Role::new("orders".into(), &CRASHES) }, || run(config()));
        for number in 1..=2 {
            let user = stage.entity("order");
            stage.program(Role::new("user".into(), &CrashProfile::NEVER), move || async move {
                Handle::current().work_for(user);
                tokio::time::sleep(std::time::Duration::from_millis(200 * number)).await;
                let first = tokio::spawn(place(number, facts));
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                place(number, facts).await;
                let _ = first.await;
            });
        }
    }

    fn invariants(&self) -> Vec<Box<dyn Invariant<Known>>> {
        vec![Box::<ChargedOnce>::default(), Box::<Fulfilled>::default()]
    }
}

fn config() -> Config {
    Config {
        listen: "0.0.0.0:80".to_owned(),
        store_url: "http://store".to_owned(),
        partner_url: "http://partner".to_owned(),
        mail_url: "http://mail".to_owned(),
        timeout: std::time::Duration::from_secs(1),
        poll: std::time::Duration::from_secs(4),
    }
}

/// Places an order, as an impatient user does.
async fn place(number: u64, facts: Shared<Facts<Known>>) {
    let http = reqwest::Client::builder().timeout(std::time::Duration::from_secs(3)).no_proxy().build();
    let order = format!("order-{number}");
    let body = serde_json::json!({ "id": order, "amount": 40, "email": "ada@example.org" });
    let sent = http.expect("a client").post("http://orders/orders").json(&body).send().await;
    if sent.is_ok_and(|response| response.status().is_success()) {
        facts.with(|facts| facts.state(&Handle::current().env(), &Known::Accepted(order)));
    }
}

fn runner() -> impl Rehearse {
    FreshThread::new(|| Shop)
}

/// Returns the first of these seeds that breaks the invariant, or anything if there is none, as its script.
fn first_failure(
    runner: &mut dyn Rehearse,
    seeds: Range<u64>,
    invariant: Option<&str>,
) -> Option<(Script, Violation)> {
    seeds.into_iter().find_map(|seed| {
        let violations = runner.run(Plan::Seed(seed)).violations;
        let broken =
            violations.into_iter().find(|found| invariant.is_none_or(|name| name == found.invariant))?;
        Some((runner.script(), broken))
    })
}

#[cfg(not(any(
    feature = "naive-retry",
    feature = "naive-insert",
    feature = "naive-select",
    feature = "naive-acknowledgement",
    feature = "naive-shutdown"
)))]
#[test]
fn the_service_holds() {
    let mut runner = runner();
    if let Some((script, violation)) = first_failure(&mut runner, 0..200, None) {
        panic!("{}", understand(&mut runner, &script, &violation));
    }
    let mut search = Bounded::new(small_variants(&[], &Variant::default()), 1, true);
    search.run(&mut runner);
    let tried: u64 = search.depths().iter().map(|depth| depth.tally.runs).sum();
    assert!(search.broken().is_none(), "{:?}", search.broken());
    println!("certified at one deviation in {tried} runs");
}

#[test]
fn runs_repeat_on_fresh_threads() {
    for seed in 0..5 {
        self_check(&mut runner(), Plan::Seed(seed)).expect("the seed decides everything");
    }
}

/// Finds what a form without its guardrail breaks, tells it, and replays it.
#[cfg(any(
    feature = "naive-retry",
    feature = "naive-insert",
    feature = "naive-select",
    feature = "naive-acknowledgement",
    feature = "naive-shutdown"
))]
#[test]
fn the_naive_form_is_found() {
    let double = cfg!(any(feature = "naive-retry", feature = "naive-insert"));
    let invariant = if double { "charged-once" } else { "accepted-orders-are-fulfilled" };
    let mut runner = runner();
    let (script, violation) =
        first_failure(&mut runner, 0..1_000, Some(invariant)).expect("a seed that fails");
    let failure = understand(&mut runner, &script, &violation);
    println!("{failure}digest  {}", runner.run(Plan::Script(&failure.shrunk)).digest);
    assert!(failure.shrunk.deviations.len() <= 2, "{}", failure.shrunk);
    let again = replay(&mut runner, &TraceFile::from(&failure)).expect("its own script fits");
    assert_eq!(again.verdict, Verdict::Exact);
}
