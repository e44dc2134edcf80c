//! A shop that reserves at the partner over HTTP: what it learns in the run of a script, and what a search finds.

use axum::Json;
use axum::Router;
use axum::http::StatusCode;
use axum::routing::post;
use serde::Serialize;
use shakedown::prelude::rehearse;
use shakedown_http::{Body, Client, Error, HttpFaults, Link, Web};
use shakedown_partner::{NewReservation, PartnerFact, PartnerTerms, Reservation, Standing, Webhook};
use shakedown_sim::ambient::Handle;
use shakedown_sim::judge::invariant;
use shakedown_sim::*;
use std::rc::Rc;

/// The idempotency key of a repeated request.
#[derive(Clone, Copy, PartialEq)]
enum Repeats {
    /// The key of the first request.
    SameKey,
    /// A new key for each request: the naive form.
    NewKey,
}

/// A shop that requests one reservation, at most three times until it knows the result.
#[derive(Clone, Copy)]
struct Shop {
    repeats: Repeats,
    terms: PartnerTerms,
}

impl Shop {
    const WITH_KEYS: Shop = Shop { repeats: Repeats::SameKey, terms: PartnerTerms::KEYS };
}

impl Scenario for Shop {
    type Fact = PartnerFact;
    fn name(&self) -> &str {
        "shop"
    }
    /// The partner calls back as late as three days after a change.
    fn horizon(&self, _: &Variant) -> Horizon {
        Horizon { heal: Duration::from_secs(60), settle: Duration::from_secs(100 * 3_600) }
    }
    fn build(&self, stage: &Stage<PartnerFact>) {
        let web = Web::on(stage);
        let latency = Duration::from_millis(50);
        web.link("partner", Link { latency, faults: &HttpFaults::LOSSY, ..Link::default() });
        web.link("shop", Link { latency, faults: &HttpFaults::LOSSY, ..Link::default() });
        let (of_partner, facts, terms) = (Rc::clone(&web), stage.facts().clone(), self.terms);
        stage.node(Role::outside("partner".into()), move |env| {
            let facts = facts.clone();
            let state = move |env: &Env, fact| facts.state(env, &fact);
            shakedown_partner::serve(&env, &of_partner, terms, state, "http://shop/webhooks");
        });
        let shop = stage.node(Role::outside("shop".into()), move |env| web.serve(&env, webhooks()));
        let shop = shop.within(stage.entity("booking"));
        shop.clone().spawn(reserve(shop, self.repeats));
    }
    fn invariants(&self) -> Vec<Box<dyn Invariant<PartnerFact>>> {
        vec![
            invariant("one-reservation", |live: &mut u32, at, fact, findings| match fact {
                PartnerFact::Reserved { reservation, .. } => {
                    *live += 1;
                    if *live > 1 {
                        findings.violated("booking", &[at.event], || {
                            format!("R{reservation} is a second reservation of one booking")
                        });
                    }
                }
                PartnerFact::Ended { .. } => *live -= 1,
                _ => {}
            })
            .boxed(),
        ]
    }
}

async fn reserve(shop: Env, repeats: Repeats) {
    for attempt in 1..=3 {
        let key = if repeats == Repeats::SameKey { 1 } else { attempt };
        let new = NewReservation { attempt, reference: 1, price: 40 };
        let sent = post_json("http://partner/reservations", Some(format!("booking-1-{key}")), &new).await;
        shop.note(|| match &sent {
            Ok(response) => format!("learns: {}", response.status().as_u16()),
            Err(error) => format!("learns: {error}"),
        });
        let Ok(response) = sent else { continue };
        let (status, body) = (response.status(), response.into_body().into_bytes());
        let is_known = body.is_ok_and(|body| serde_json::from_slice::<Reservation>(&body).is_ok());
        if status == StatusCode::CONFLICT || status.is_success() && is_known {
            return;
        }
    }
}

async fn post_json(
    url: &str,
    key: Option<String>,
    body: &impl Serialize,
) -> Result<axum::http::Response<Body>, Error> {
    let mut request = axum::http::Request::post(url).header("content-type", "application/json");
    if let Some(key) = key {
        request = request.header("idempotency-key", key);
    }
    let body = Body::from(serde_json::to_vec(body).expect("it is JSON"));
    Client::new().with_timeout(Duration::from_secs(5)).send(request.body(body).expect("a request")).await
}

fn webhooks() -> Router {
    async fn accept(Json(Webhook { event, reservation }): Json<Webhook>) -> StatusCode {
        let (id, standing) = (reservation.id, reservation.standing);
        Handle::current().env().note(|| format!("event {event}: {id} is {standing}"));
        StatusCode::NO_CONTENT
    }
    Router::new().route("/webhooks", post(accept))
}

/// What the shop notes, and the number of reservations in the partner's ledger, in the run of a script.
#[track_caller]
fn check(deviations: &str, expected: &[&str], reservations: usize) {
    let script: Script = format!("scenario shop\n{deviations}").parse().unwrap();
    let mut runner = Runner::new(Shop::WITH_KEYS);
    let (outcome, trace) = runner.record(Plan::Script(&script));
    let offered: Vec<_> = runner.offers().iter().map(|offer| offer.id.to_string()).collect();
    assert_eq!(outcome.unapplied, [], "offered: {offered:#?}");
    assert_eq!(outcome.violations, []);
    let notes = trace.steps.iter().filter(|step| step.kind == trace::Kind::Note && step.node == "shop");
    let notes: Vec<_> = notes.map(|step| step.text.as_str()).collect();
    assert_eq!(notes, expected);
    let made = trace
        .steps
        .iter()
        .filter(|step| step.kind == trace::Kind::Fact && step.text.contains("creates reservation"));
    assert_eq!(made.count(), reservations);
}

#[test]
fn it_confirms_and_posts_a_webhook() {
    check("", &["learns: 200", "event 1: 1 is confirmed"], 1);
}

#[test]
fn its_outcomes_are_statuses() {
    let outcome = |outcome: &str| format!("partner.reserve/outcome @ booking-1/operation-1 #1 = {outcome}");
    check(&outcome("429"), &["learns: 429", "learns: 200", "event 1: 1 is confirmed"], 1);
    check(&outcome("refuses"), &["learns: 409"], 0);
    check(&outcome("5xx before"), &["learns: 500", "learns: 200", "event 1: 1 is confirmed"], 1);
    check(&outcome("pending"), &["learns: 202", "event 1: 1 is pending", "event 2: 1 is confirmed"], 1);
}

#[test]
fn a_repeat_under_the_same_key_reserves_once() {
    let after = "partner.reserve/outcome @ booking-1/operation-1 #1 = 5xx after";
    check(after, &["learns: 500", "learns: 200", "event 1: 1 is confirmed"], 1);
    let malformed = "partner.reserve/outcome @ booking-1/operation-1 #1 = malformed";
    check(malformed, &["learns: 200", "learns: 200", "event 1: 1 is confirmed"], 1);
    let lost = "partner/response @ booking-1/partner-1 #1 = lost";
    check(lost, &["event 1: 1 is confirmed", "learns: no response in time", "learns: 200"], 1);
}

#[test]
fn a_webhook_that_is_lost_is_posted_again() {
    let lost = "shop/request @ booking-1/operation-1/callback-1/copy-1/delivery-1/shop-1 #1 = lost";
    check(lost, &["learns: 200", "event 1: 1 is confirmed"], 1);
}

#[test]
fn a_shop_with_one_key_reserves_once_whatever_two_failures() {
    rehearse(Shop::WITH_KEYS).deviations(2).holds();
}

#[test]
fn a_shop_with_new_keys_reserves_twice_after_one_failure() {
    rehearse(Shop { repeats: Repeats::NewKey, ..Shop::WITH_KEYS })
        .seeds(..200)
        .violates("one-reservation")
        .within(1);
}

/// The response of a partner with these terms to a request without a body.
fn status(terms: PartnerTerms, method: &'static str, path: &'static str) -> u16 {
    struct One(PartnerTerms, &'static str, &'static str, Rc<std::cell::Cell<u16>>);
    impl Scenario for One {
        type Fact = PartnerFact;
        fn name(&self) -> &str {
            "one"
        }
        fn build(&self, stage: &Stage<PartnerFact>) {
            let (web, terms) = (Web::on(stage), self.0);
            stage.node(Role::outside("partner".into()), move |env| {
                shakedown_partner::serve(&env, &web, terms, |_, _| {}, "http://shop/webhooks");
            });
            let client = stage.node(Role::outside("client".into()), |_| {});
            let (method, path, status) = (self.1, self.2, Rc::clone(&self.3));
            client.clone().spawn(async move {
                let request =
                    axum::http::Request::builder().method(method).uri(format!("http://partner{path}"));
                let request = request.header("content-type", "application/json");
                let body = Body::from(r#"{"reference": 1, "price": 2}"#);
                let sent = Client::new().send(request.body(body).unwrap()).await.unwrap();
                status.set(sent.status().as_u16());
            });
        }
        fn invariants(&self) -> Vec<Box<dyn Invariant<PartnerFact>>> {
            Vec::new()
        }
    }
    let status = Rc::default();
    Runner::new(One(terms, method, path, Rc::clone(&status))).run(Plan::Script(&Script::default()));
    status.get()
}

#[test]
fn its_terms_decide_which_routes_exist_and_whether_a_key_is_required() {
    assert_eq!(status(PartnerTerms::KEYS, "POST", "/reservations"), 400);
    assert_eq!(status(PartnerTerms::KEYS, "GET", "/statement"), 200);
    let without_keys = PartnerTerms::LOOKUP;
    assert_eq!(status(without_keys, "POST", "/reservations"), 200);
    assert_eq!(status(without_keys, "GET", "/reservations?reference=1"), 200);
    assert_eq!(status(without_keys, "GET", "/reservations/1"), 404);
    let neither = PartnerTerms::NEITHER;
    assert_eq!(status(neither, "GET", "/reservations/1"), 405);
    assert_eq!(status(PartnerTerms::KEYS, "DELETE", "/reservations/1"), 204);
}

#[test]
fn its_standings_are_words() {
    let fact = PartnerFact::Reserved { reservation: 1, standing: Standing::Pending };
    assert_eq!(fact.sentence(), "creates reservation R1 as pending");
}
