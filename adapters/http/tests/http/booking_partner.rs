//! The booking partner of `model`, offered over HTTP and JSON with webhooks: its router maps requests to its operations and their outcomes
//! to statuses, and its callbacks are posted to the shop. Its choices keep their names.

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use shakedown_http::{Body, Client, Error, HttpFaults, Link as HttpLink, Web};
use shakedown_model::booking::api::Api;
use shakedown_model::booking::connector::{
    Callback, CancelRequest, CancelResponse, PartnerApi, Record, ReserveRequest, ReserveResponse,
};
use shakedown_model::booking::rows::Standing;
use shakedown_model::outside::partner::Partner;
use shakedown_model::{Fact, PartnerTerms};
use shakedown_sim::ambient::{Handle, Shared};
use shakedown_sim::*;
use std::rc::Rc;

/// How long the router waits for the partner itself, which is in the same process.
const TIMEOUT: Duration = Duration::from_secs(30);

#[derive(Serialize, Deserialize)]
struct NewReservation {
    attempt: u32,
    reference: u32,
    price: u32,
}

/// A reservation, in responses and webhooks.
#[derive(Serialize, Deserialize)]
struct Reservation {
    id: u32,
    reference: Option<u32>,
    standing: String,
}

impl From<Record> for Reservation {
    fn from(record: Record) -> Self {
        let standing = match record.standing {
            Standing::Pending => "pending",
            Standing::Confirmed => "confirmed",
            Standing::Ended => "ended",
        };
        Self { id: record.reservation, reference: record.reference, standing: standing.to_owned() }
    }
}

#[derive(Serialize, Deserialize)]
struct Webhook {
    event: u32,
    reservation: Reservation,
}

#[derive(Deserialize)]
struct Of {
    reference: u32,
}

type Operations = Shared<PartnerApi>;

/// Calls an operation of the partner from a handler, which must be `Send`.
async fn call<Q: Send + 'static, A: 'static>(
    operations: Operations,
    operation: fn(&PartnerApi) -> &Endpoint<Q, A>,
    request: Q,
) -> Result<A, StatusCode> {
    let handle = Handle::current();
    let endpoint = operations.with(|operations| operation(operations).clone());
    let env = handle.env();
    let called = handle.send_future(async move { env.call(&endpoint, request, TIMEOUT).await });
    called.await.map_err(|_| StatusCode::GATEWAY_TIMEOUT)
}

/// The partner as its customers see it.
fn router(operations: Operations) -> Router {
    Router::new()
        .route("/reservations", post(reserve).get(lookup))
        .route("/reservations/{id}", get(read).delete(cancel))
        .with_state(operations)
}

async fn reserve(
    State(operations): State<Operations>,
    headers: HeaderMap,
    Json(new): Json<NewReservation>,
) -> Result<Response, StatusCode> {
    let key = headers.get("idempotency-key").and_then(|key| key.to_str().ok()?.parse().ok());
    let key = key.ok_or(StatusCode::BAD_REQUEST)?;
    let NewReservation { attempt, reference, price } = new;
    let request = ReserveRequest { attempt, key, reference, price };
    let made = |id, standing| {
        Json(Reservation::from(Record { reservation: id, reference: Some(reference), standing }))
    };
    Ok(match call(operations, |operations| &operations.reserve, request).await? {
        ReserveResponse::Confirmed(id) => made(id, Standing::Confirmed).into_response(),
        ReserveResponse::Pending(id) => (StatusCode::ACCEPTED, made(id, Standing::Pending)).into_response(),
        ReserveResponse::Refused => StatusCode::CONFLICT.into_response(),
        ReserveResponse::TooMany => StatusCode::TOO_MANY_REQUESTS.into_response(),
        ReserveResponse::ServerError => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        ReserveResponse::Malformed => r#"{"id":"#.into_response(),
    })
}

async fn cancel(State(operations): State<Operations>, Path(id): Path<u32>) -> Result<StatusCode, StatusCode> {
    let request = CancelRequest { attempt: 0, reservation: id };
    Ok(match call(operations, |operations| &operations.cancel, request).await? {
        CancelResponse::Ended => StatusCode::NO_CONTENT,
        CancelResponse::Refused => StatusCode::CONFLICT,
        CancelResponse::ServerError => StatusCode::INTERNAL_SERVER_ERROR,
    })
}

async fn lookup(
    State(operations): State<Operations>,
    Query(Of { reference }): Query<Of>,
) -> Result<Json<Vec<Reservation>>, StatusCode> {
    let found = call(operations, |operations| &operations.lookup, reference).await?;
    Ok(Json(found.into_iter().map(Reservation::from).collect()))
}

async fn read(
    State(operations): State<Operations>,
    Path(id): Path<u32>,
) -> Result<Json<Reservation>, StatusCode> {
    let found = call(operations, |operations| &operations.read, id).await?;
    found.map(|record| Json(record.into())).ok_or(StatusCode::NOT_FOUND)
}

/// Boots the partner with its router. A callback is a webhook to the shop, which takes it by a status of success.
fn boot(env: &Env, web: &Web, facts: &Facts<Fact>) {
    let inside = Link::new("inside", Duration::ZERO, &LinkFaults::NONE);
    let api = Api::over(&inside, &inside);
    api.callback.serve(env, |_, Callback { event, record }| async move {
        let webhook = Webhook { event, reservation: record.into() };
        let sent = post_json("http://shop/webhooks", None, &webhook).await;
        sent.is_ok_and(|response| response.status().is_success())
    });
    let operations = PartnerApi::over(&inside);
    Partner::new(PartnerTerms::KEYS, facts, &api).boot(env, &operations);
    web.serve(env, router(Shared::new(operations)));
}

async fn post_json(
    url: &str,
    key: Option<u64>,
    body: &impl Serialize,
) -> Result<http::Response<Body>, Error> {
    let mut request = http::Request::post(url).header("content-type", "application/json");
    if let Some(key) = key {
        request = request.header("idempotency-key", key);
    }
    let body = Body::from(serde_json::to_vec(body).expect("it is JSON"));
    let client = Client::new().with_timeout(Duration::from_secs(5));
    client.send(request.body(body).expect("a request")).await
}

/// A shop that reserves once more, under the same key, when it does not know what has become of its request.
struct Shop;

impl Scenario for Shop {
    type Fact = Fact;
    fn name(&self) -> &str {
        "shop"
    }
    fn build(&self, stage: &Stage<Fact>) {
        let web = Web::on(stage);
        let latency = Duration::from_millis(50);
        web.link("partner", HttpLink { latency, faults: &HttpFaults::LOSSY, ..HttpLink::default() });
        web.link("shop", HttpLink { latency, faults: &HttpFaults::LOSSY, ..HttpLink::default() });
        let (of_partner, facts) = (Rc::clone(&web), stage.facts().clone());
        stage.node(Role::outside("partner".into()), move |env| boot(&env, &of_partner, &facts));
        let shop = stage.node(Role::outside("shop".into()), move |env| web.serve(&env, webhooks()));
        let shop = shop.within(stage.entity("booking"));
        shop.clone().spawn(async move {
            let new = NewReservation { attempt: 1, reference: 1, price: 40 };
            for _ in 0..2 {
                let sent = post_json("http://partner/reservations", Some(7), &new).await;
                shop.note(|| match &sent {
                    Ok(response) => format!("knows: {}", response.status().as_u16()),
                    Err(error) => format!("knows: {error}"),
                });
                let Ok(response) = sent else { continue };
                if response.status().is_success()
                    && serde_json::from_slice::<Reservation>(&bytes(response)).is_ok()
                {
                    return;
                }
            }
        });
    }
    fn invariants(&self) -> Vec<Box<dyn Invariant<Fact>>> {
        Vec::new()
    }
}

fn bytes(response: http::Response<Body>) -> Vec<u8> {
    response.into_body().into_bytes().map(|bytes| bytes.to_vec()).unwrap_or_default()
}

fn webhooks() -> Router {
    async fn take(Json(webhook): Json<Webhook>) -> StatusCode {
        let Webhook { event, reservation } = webhook;
        let (id, standing) = (reservation.id, reservation.standing);
        Handle::current().env().note(|| format!("event {event}: {id} is {standing}"));
        StatusCode::NO_CONTENT
    }
    Router::new().route("/webhooks", post(take))
}

/// What the shop notes and how many reservations the partner holds, in the run of a script.
#[track_caller]
fn check(deviations: &str, expected: &[&str], reservations: usize) {
    let script: Script = format!("scenario shop\n{deviations}").parse().unwrap();
    let mut runner = Runner::new(Shop);
    let (outcome, trace) = runner.record(Plan::Script(&script));
    let offered: Vec<_> = runner.offers().iter().map(|offer| offer.id.to_string()).collect();
    assert_eq!(outcome.unapplied, [], "offered: {offered:#?}");
    assert_eq!(outcome.violations, []);
    let notes = trace.steps.iter().filter(|step| step.kind == trace::Kind::Note && step.node == "shop");
    let notes: Vec<_> = notes.map(|step| step.text.as_str()).collect();
    assert_eq!(notes, expected);
    let made =
        trace.steps.iter().filter(|step| step.kind == trace::Kind::Fact && step.text.contains("reserves"));
    assert_eq!(made.count(), reservations);
}

#[test]
fn it_confirms_and_calls_back() {
    check("", &["knows: 200", "event 1: 1 is confirmed"], 1);
}

#[test]
fn its_own_outcomes_are_statuses() {
    let outcome = |outcome: &str| format!("partner.reserve/outcome @ booking-1 #1 = {outcome}");
    check(&outcome("429"), &["knows: 429", "knows: 200", "event 1: 1 is confirmed"], 1);
    check(&outcome("refuses"), &["knows: 409", "knows: 200", "event 1: 1 is confirmed"], 1);
    check(&outcome("5xx before"), &["knows: 500", "knows: 200", "event 1: 1 is confirmed"], 1);
    check(&outcome("pending"), &["knows: 202", "event 1: 1 is pending", "event 2: 1 is confirmed"], 1);
}

#[test]
fn a_repeat_under_the_same_key_reserves_once() {
    let after = "partner.reserve/outcome @ booking-1 #1 = 5xx after";
    check(after, &["knows: 500", "event 1: 1 is confirmed", "knows: 200"], 1);
    let malformed = "partner.reserve/outcome @ booking-1 #1 = malformed";
    check(malformed, &["knows: 200", "knows: 200", "event 1: 1 is confirmed"], 1);
    let lost = "partner/response @ booking-1/partner-1 #1 = lost";
    check(lost, &["event 1: 1 is confirmed", "knows: no response in time", "knows: 200"], 1);
}

#[test]
fn a_webhook_that_is_lost_comes_again() {
    let lost = "shop/request @ booking-1/callback-1/copy-1/delivery-1/shop-1 #1 = lost";
    check(lost, &["knows: 200", "event 1: 1 is confirmed"], 1);
}
