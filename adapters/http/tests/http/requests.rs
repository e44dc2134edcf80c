//! Requests between axum routers and their faults. Each test is a script and the facts that it leads to.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use axum::{Json, Router};
use http_body_util::BodyExt;
use shakedown_http::{Body, Client, Error, HttpFaults, Link, Web};
use shakedown_sim::ambient::{Handle, Shared};
use shakedown_sim::*;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

#[derive(Clone, serde::Serialize)]
struct Known(String);

impl Fact for Known {
    fn sentence(&self) -> String {
        self.0.clone()
    }
}

#[derive(Clone, Copy)]
struct Voice(Shared<Facts<Known>>);

impl Voice {
    fn says(self, text: impl Into<String>) {
        self.0.state(&Known(text.into()));
    }
}

#[derive(serde::Serialize, serde::Deserialize)]
struct Charge {
    order: u32,
    amount: u64,
}

type Receipts = Arc<Mutex<BTreeMap<u32, u64>>>;

/// A payment partner. It charges each order once, and responds with its receipt.
fn partner(voice: Voice) -> Router {
    async fn charge(
        State((voice, receipts)): State<(Voice, Receipts)>,
        Json(charge): Json<Charge>,
    ) -> Result<Json<Charge>, StatusCode> {
        if receipts.lock().unwrap().insert(charge.order, charge.amount).is_none() {
            voice.says(format!("charges {}", charge.order));
        }
        Handle::current().sleep(Duration::from_secs(1)).await;
        Ok(Json(charge))
    }
    Router::new().route("/charges", post(charge)).with_state((voice, Receipts::default()))
}

/// A shop whose handler, which axum requires to be `Send`, calls the partner.
fn shop(client: Client) -> Router {
    async fn order(
        State(client): State<Client>,
        headers: HeaderMap,
        body: String,
    ) -> Result<String, StatusCode> {
        let mut request =
            http::Request::post("http://partner/charges").header("content-type", "application/json");
        if let Some(key) = headers.get("idempotency-key") {
            request = request.header("idempotency-key", key);
        }
        let response = client.send(request.body(Body::from(body)).unwrap()).await;
        let response = response.map_err(|_| StatusCode::BAD_GATEWAY)?;
        if !response.status().is_success() {
            return Err(response.status());
        }
        let receipt = response.into_body().collect().await.map_err(|_| StatusCode::BAD_GATEWAY)?;
        Ok(String::from_utf8_lossy(&receipt.to_bytes()).into_owned())
    }
    Router::new().route("/orders", post(order)).with_state(client)
}

const CRASHES: CrashProfile = CrashProfile {
    before: &[CrashFault::Crash, CrashFault::ShutDown],
    after: &[CrashFault::Crash],
    restart: Duration::from_secs(3),
    ..CrashProfile::NEVER
};

/// A client that orders at the shop, which charges at the partner. A message takes a second.
struct Shop {
    entity_header: Option<&'static str>,
}

impl Scenario for Shop {
    type Fact = Known;
    fn name(&self) -> &str {
        "shop"
    }
    fn build(&self, stage: &Stage<Known>) {
        let web = Web::on(stage);
        let latency = Duration::from_secs(1);
        web.link("shop", Link { latency, ..Link::default() });
        web.link(
            "partner",
            Link { latency, faults: &HttpFaults::EXTERNAL, entity_header: self.entity_header },
        );
        let voice = Voice(Shared::new(stage.facts().clone()));
        let of_partner = web.clone();
        stage.node(Role { single: true, ..Role::new("partner".into(), &CRASHES) }, move |env| {
            of_partner.serve(&env, partner(voice));
        });
        let of_shop = web.clone();
        stage.node(Role { single: true, ..Role::new("shop".into(), &CRASHES) }, move |env| {
            of_shop.serve(&env, shop(Client::new().with_timeout(Duration::from_secs(5))));
        });
        let client = stage.node(Role::outside("client".into()), |_| {});
        for number in 1..=2 {
            let client = client.within(stage.entity("order"));
            client.clone().spawn(async move {
                client.sleep(Duration::from_secs(10 * number)).await;
                let sent = order(1).await;
                voice.says(sent.unwrap_or_else(|error| error.to_string()));
            });
        }
    }
    fn invariants(&self) -> Vec<Box<dyn Invariant<Known>>> {
        Vec::new()
    }
}

async fn order(number: u32) -> Result<String, Error> {
    let request =
        http::Request::post("http://shop/orders").header("idempotency-key", format!("key-{number}"));
    let body = serde_json::to_vec(&Charge { order: number, amount: 40 }).unwrap();
    let response =
        Client::new().with_timeout(Duration::from_secs(9)).send(request.body(Body::from(body)).unwrap());
    let response = response.await?;
    let status = response.status();
    let body = response.into_body().into_bytes()?;
    Ok(format!("{} {}", status.as_u16(), String::from_utf8_lossy(&body)).trim().to_owned())
}

const RECEIPT: &str = r#"200 {"order":1,"amount":40}"#;

#[track_caller]
fn check(deviations: &str, expected: &[&str]) {
    check_with(Shop { entity_header: None }, deviations, expected);
}

#[track_caller]
fn check_with(shop: Shop, deviations: &str, expected: &[&str]) {
    let script: Script = format!("scenario shop\n{deviations}").parse().unwrap();
    let mut runner = Runner::new(shop);
    let (outcome, trace) = runner.record(Plan::Script(&script));
    assert_eq!(outcome.unapplied, [], "offered: {:#?}", runner.offers());
    assert_eq!(outcome.violations, []);
    let facts = trace.steps.iter().filter(|step| step.kind == trace::Kind::Fact);
    let known: Vec<_> = facts
        .map(|step| format!("{} {}", step.time.nanos() / 1_000_000_000, step.text.replace(RECEIPT, "200")))
        .collect();
    assert_eq!(known, expected);
}

#[test]
fn an_unmodified_router_responds_after_its_own_time_and_four_latencies() {
    check("", &["12 charges 1", "15 200", "25 200"]);
}

#[test]
fn a_lost_or_refused_request_has_no_effect() {
    check("partner/request @ order-1/partner-1 #1 = lost", &["17 502", "22 charges 1", "25 200"]);
    check("partner/request @ order-1/partner-1 #1 = refused", &["14 502", "22 charges 1", "25 200"]);
}

#[test]
fn a_request_cut_in_its_body_reaches_the_handler_and_is_refused_there() {
    check("partner/request @ order-1/partner-1 #1 = reset", &["14 502", "22 charges 1", "25 200"]);
}

#[test]
fn a_late_request_has_its_effect_after_the_caller_timed_out() {
    check("partner/request @ order-1/partner-1 #1 = 8 s", &["17 502", "20 charges 1", "25 200"]);
}

#[test]
fn a_response_that_is_lost_late_or_cut_off_has_had_its_effect() {
    check("partner/response @ order-1/partner-1 #1 = lost", &["12 charges 1", "17 502", "25 200"]);
    check("partner/response @ order-1/partner-1 #1 = 8 s", &["12 charges 1", "17 502", "25 200"]);
    check("partner/response @ order-1/partner-1 #1 = reset", &["12 charges 1", "15 502", "25 200"]);
}

#[test]
fn an_external_service_fails_before_or_after_its_effect() {
    check("partner/status @ order-1/partner-1 #1 = 429", &["14 429", "22 charges 1", "25 200"]);
    check("partner/status @ order-1/partner-1 #1 = 503 before", &["14 503", "22 charges 1", "25 200"]);
    check("partner/status @ order-1/partner-1 #1 = 500 after", &["12 charges 1", "15 500", "25 200"]);
}

#[test]
fn requests_with_one_key_concern_the_entity_of_the_first() {
    let keyed = || Shop { entity_header: Some("idempotency-key") };
    check_with(
        keyed(),
        "partner/request @ order-1/partner-2 #1 = lost",
        &["12 charges 1", "15 200", "27 502"],
    );
    check("partner/request @ order-2/partner-1 #1 = lost", &["12 charges 1", "15 200", "27 502"]);
}

#[test]
fn a_crashed_node_responds_nothing_and_comes_back_without_its_memory() {
    // The shop's request times out after 5 s. Meanwhile the partner has restarted, without its receipts.
    let crash = "partner/before response @ order-1/partner-1 #1 = crash";
    check(crash, &["12 charges 1", "17 502", "22 charges 1", "25 200"]);
    // The client's request times out after 9 s.
    let crash = "shop/before partner @ order-1/partner-1 #1 = crash";
    check(crash, &["19 no response in time", "22 charges 1", "25 200"]);
    let crash = "shop/after partner @ order-1/partner-1 #1 = crash";
    check(crash, &["12 charges 1", "19 no response in time", "25 200"]);
}

#[test]
fn equal_plans_give_equal_runs() {
    for seed in 0..20 {
        self_check(&mut Runner::new(Shop { entity_header: None }), Plan::Seed(seed)).unwrap();
    }
}

#[test]
fn a_name_that_no_node_has_is_an_error() {
    struct Alone;
    impl Scenario for Alone {
        type Fact = Known;
        fn name(&self) -> &str {
            "alone"
        }
        fn build(&self, stage: &Stage<Known>) {
            let voice = Voice(Shared::new(stage.facts().clone()));
            let client = stage.node(Role::outside("client".into()), |_| {});
            client.clone().spawn(async move { voice.says(order(1).await.unwrap_err().to_string()) });
        }
        fn invariants(&self) -> Vec<Box<dyn Invariant<Known>>> {
            Vec::new()
        }
    }
    let (_, trace) = Runner::new(Alone).record(Plan::Script(&Script::default()));
    assert!(trace.steps.iter().any(|step| step.text == "no node of the simulated world serves `shop`"));
}

#[test]
fn a_real_runtime_that_is_merely_entered_ends_the_run_and_is_named() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let _entered = runtime.enter();
    let violations =
        Runner::new(Shop { entity_header: None }).run(Plan::Script(&Script::default())).violations;
    let [found] = &violations[..] else { panic!("{violations:?}") };
    assert_eq!(found.invariant, "no-panic");
    assert!(found.message.contains("a real tokio runtime is entered"), "{}", found.message);
}
