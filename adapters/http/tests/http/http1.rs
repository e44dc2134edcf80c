//! HTTP/1 over simulated streams: hyper's own client and server, and what becomes of their connections.

use axum::Router;
use axum::routing::post;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use shakedown_http::http1::{Connector, Executor, serve};
use shakedown_net::{Link, Listener, Network, StreamFaults};
use shakedown_sim::ambient::NoFact;
use shakedown_sim::*;

/// A client that posts twice to a shop.
struct Shop;

impl Scenario for Shop {
    type Fact = NoFact;
    fn name(&self) -> &str {
        "shop"
    }
    fn build(&self, stage: &Stage<NoFact>) {
        Network::on(stage)
            .link("shop", Link { latency: Duration::from_secs(1), faults: &StreamFaults::LOSSY });
        stage.program(Role::outside("shop".into()), || async {
            let router =
                Router::new().route("/orders", post(|body: String| async move { format!("takes {body}") }));
            serve(Listener::bind("0.0.0.0:80".parse().unwrap()).unwrap(), router).await;
        });
        let client = stage.node(Role::outside("client".into()), |_| {}).within(stage.entity("order"));
        client.clone().spawn(async move {
            let http = Client::builder(Executor).build::<_, Full<Bytes>>(Connector);
            for order in ["apples", "pears"] {
                let request = http::Request::post("http://shop/orders").body(Full::from(order)).unwrap();
                let sent = client.timeout(Duration::from_secs(9), http.request(request)).await;
                let text = match sent {
                    None => "no response".to_owned(),
                    Some(Err(error)) if error.is_connect() => "no connection".to_owned(),
                    Some(Err(_)) => "a broken connection".to_owned(),
                    Some(Ok(response)) => {
                        let body = response.into_body().collect().await.map(|body| body.to_bytes());
                        body.map_or("half a body".to_owned(), |body| {
                            String::from_utf8_lossy(&body).into_owned()
                        })
                    }
                };
                client.note(|| text);
            }
        });
    }
    fn invariants(&self) -> Vec<Box<dyn Invariant<NoFact>>> {
        Vec::new()
    }
}

#[track_caller]
fn check(deviations: &str, expected: &[&str]) {
    let script: Script = format!("scenario shop\n{deviations}").parse().unwrap();
    let (outcome, trace) = Runner::new(Shop).record(Plan::Script(&script));
    assert_eq!((outcome.unapplied, outcome.violations), (vec![], vec![]));
    let notes = trace.steps.iter().filter(|step| step.kind == trace::Kind::Note && step.node == "client");
    let said: Vec<_> =
        notes.map(|step| format!("{} {}", step.time.nanos() / 1_000_000_000, step.text)).collect();
    assert_eq!(said, expected);
}

#[test]
fn a_connection_serves_one_request_after_the_other() {
    check("", &["4 takes apples", "6 takes pears"]);
}

#[test]
fn connections_are_refused_stall_and_are_reset() {
    check("shop/connect @ order-1/shop-1 #1 = refused", &["2 no connection", "6 takes pears"]);
    check("shop/request @ order-1/shop-1 #1 = lost", &["9 no response", "13 takes pears"]);
    check("shop/response @ order-1/shop-1 #1 = reset", &["4 a broken connection", "8 takes pears"]);
}

#[test]
fn equal_seeds_give_equal_runs() {
    for seed in 0..5 {
        self_check(&mut Runner::new(Shop), Plan::Seed(seed)).unwrap();
    }
}
