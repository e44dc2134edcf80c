//! [`router`]: the partner's operations as routes, and their outcomes as statuses.

use crate::wire::{NewReservation, Reservation, Webhook};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use shakedown_model::PartnerTerms;
use shakedown_model::booking::connector::{
    Callback, CancelRequest, CancelResponse, PartnerApi, Record, ReserveRequest, ReserveResponse,
};
use shakedown_model::booking::rows::Standing;
use shakedown_model::facts::PartnerFact;
use shakedown_model::outside::partner::Partner;
use shakedown_sim::ambient::{Handle, Shared};
use shakedown_sim::{Duration, Endpoint, Env, Link, LinkFaults, Op};
use std::cell::RefCell;
use std::future::Future;

/// The time that a route waits for the partner's operation, which never fails to respond: its code is in the same process.
const TIMEOUT: Duration = Duration::from_secs(30);

/// What the routes share.
struct Desk {
    operations: PartnerApi,
    has_keys: bool,
    /// The idempotency keys, at the position of their number.
    keys: RefCell<Vec<String>>,
}

impl Desk {
    /// Returns the number of this idempotency key in the partner's ledger.
    fn number_of(&self, key: &str) -> u64 {
        let mut keys = self.keys.borrow_mut();
        let at = keys.iter().position(|known| known == key).unwrap_or_else(|| {
            keys.push(key.to_owned());
            keys.len() - 1
        });
        at as u64
    }

    /// Returns the number of a request's idempotency key; `None` if a key is required and absent.
    fn key(&self, headers: &HeaderMap) -> Option<u64> {
        let key = headers.get("idempotency-key").and_then(|key| key.to_str().ok());
        match key {
            Some(key) => Some(self.number_of(key)),
            // A partner without keys never compares them.
            None => (!self.has_keys).then_some(0),
        }
    }
}

type SharedDesk = Shared<Desk>;

/// Starts a partner on the node of `env` and returns its routes.
///
/// `state` states its facts. `deliver` posts a webhook and returns whether the customer accepts it; a webhook that is not accepted is
/// delivered again.
pub fn router<D, W>(
    env: &Env,
    terms: PartnerTerms,
    state: impl Fn(&Env, PartnerFact) + 'static,
    deliver: D,
) -> Router
where
    D: Fn(Webhook) -> W + Clone + 'static,
    W: Future<Output = bool> + 'static,
{
    let inside = Link::new("inside", Duration::ZERO, &LinkFaults::NONE);
    let callback = Endpoint::new(Op::new("partner.webhook", "posts a webhook"), &inside);
    callback.serve(env, move |_, callback: Callback| deliver(callback.into()));
    let operations = PartnerApi::over(&inside);
    Partner::for_customer(terms, state, callback).boot(env, &operations);
    routes(Desk { operations, has_keys: terms.key_life.is_some(), keys: RefCell::default() }, terms.lookup)
}

fn routes(desk: Desk, lookup: bool) -> Router {
    let mut reservations = post(reserve);
    let mut reservation = axum::routing::delete(cancel);
    if lookup {
        reservations = reservations.get(self::lookup);
        reservation = reservation.get(read);
    }
    Router::new()
        .route("/reservations", reservations)
        .route("/reservations/{id}", reservation)
        .route("/statement", get(statement))
        .with_state(Shared::new(desk))
}

/// Calls an operation of the partner from a handler, which must be `Send`.
async fn call<Q: Send + 'static, A: 'static>(
    desk: SharedDesk,
    operation: fn(&PartnerApi) -> &Endpoint<Q, A>,
    request: Q,
) -> Result<A, StatusCode> {
    let handle = Handle::current();
    let endpoint = desk.with(|desk| operation(&desk.operations).clone());
    // Two requests for one entity are two tasks: each draws in a scope of its own.
    let env = handle.env().child("operation");
    let called = handle.send_future(async move { env.call(&endpoint, request, TIMEOUT).await });
    called.await.map_err(|_| StatusCode::GATEWAY_TIMEOUT)
}

async fn reserve(
    State(desk): State<SharedDesk>,
    headers: HeaderMap,
    Json(new): Json<NewReservation>,
) -> Result<Response, StatusCode> {
    let key = desk.with(|desk| desk.key(&headers)).ok_or(StatusCode::BAD_REQUEST)?;
    let NewReservation { attempt, reference, price } = new;
    let request = ReserveRequest { attempt, key, reference, price };
    let reservation = |id, standing| {
        Json(Reservation::from(Record { reservation: id, reference: Some(reference), standing }))
    };
    Ok(match call(desk, |operations| &operations.reserve, request).await? {
        ReserveResponse::Confirmed(id) => reservation(id, Standing::Confirmed).into_response(),
        ReserveResponse::Pending(id) => {
            (StatusCode::ACCEPTED, reservation(id, Standing::Pending)).into_response()
        }
        ReserveResponse::Refused => StatusCode::CONFLICT.into_response(),
        ReserveResponse::TooMany => StatusCode::TOO_MANY_REQUESTS.into_response(),
        ReserveResponse::ServerError => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        ReserveResponse::Malformed => r#"{"id":"#.into_response(),
    })
}

async fn cancel(State(desk): State<SharedDesk>, Path(id): Path<u32>) -> Result<StatusCode, StatusCode> {
    let request = CancelRequest { attempt: 0, reservation: id };
    Ok(match call(desk, |operations| &operations.cancel, request).await? {
        CancelResponse::Ended => StatusCode::NO_CONTENT,
        CancelResponse::Refused => StatusCode::CONFLICT,
        CancelResponse::ServerError => StatusCode::INTERNAL_SERVER_ERROR,
    })
}

#[derive(Deserialize)]
struct UnderReference {
    reference: u32,
}

type Reservations = Result<Json<Vec<Reservation>>, StatusCode>;

async fn lookup(State(desk): State<SharedDesk>, Query(query): Query<UnderReference>) -> Reservations {
    let found = call(desk, |operations| &operations.lookup, query.reference).await?;
    Ok(Json(found.into_iter().map(Reservation::from).collect()))
}

async fn read(State(desk): State<SharedDesk>, Path(id): Path<u32>) -> Result<Json<Reservation>, StatusCode> {
    let found = call(desk, |operations| &operations.read, id).await?;
    found.map(|record| Json(record.into())).ok_or(StatusCode::NOT_FOUND)
}

async fn statement(State(desk): State<SharedDesk>) -> Reservations {
    let all = call(desk, |operations| &operations.statement, ()).await?;
    Ok(Json(all.into_iter().map(Reservation::from).collect()))
}
