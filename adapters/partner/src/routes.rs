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

/// The timeout of the partner's operations. It never passes, because their code is in the same process and always responds.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The state that the routes share.
struct RouteState {
    operations: PartnerApi,
    has_keys: bool,
    /// The idempotency keys, at the position of their number.
    keys: RefCell<Vec<String>>,
}

impl RouteState {
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

type SharedState = Shared<RouteState>;

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
    routes(
        RouteState { operations, has_keys: terms.key_life.is_some(), keys: RefCell::default() },
        terms.lookup,
    )
}

fn routes(state: RouteState, lookup: bool) -> Router {
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
        .with_state(Shared::new(state))
}

/// Calls an operation of the partner from a handler, which must be `Send`.
async fn call<Q: Send + 'static, A: 'static>(
    state: SharedState,
    operation: fn(&PartnerApi) -> &Endpoint<Q, A>,
    request: Q,
) -> Result<A, StatusCode> {
    let handle = Handle::current();
    let endpoint = state.with(|state| operation(&state.operations).clone());
    // Two requests for one entity are two tasks: each draws in a scope of its own.
    let env = handle.env().child("operation");
    let called = handle.send_future(async move { env.call(&endpoint, request, TIMEOUT).await });
    called.await.map_err(|_| StatusCode::GATEWAY_TIMEOUT)
}

async fn reserve(
    State(state): State<SharedState>,
    headers: HeaderMap,
    Json(new): Json<NewReservation>,
) -> Result<Response, StatusCode> {
    let key = state.with(|state| state.key(&headers)).ok_or(StatusCode::BAD_REQUEST)?;
    let NewReservation { attempt, reference, price } = new;
    let request = ReserveRequest { attempt, key, reference, price };
    let reservation = |id, standing| {
        Json(Reservation::from(Record { reservation: id, reference: Some(reference), standing }))
    };
    Ok(match call(state, |operations| &operations.reserve, request).await? {
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

async fn cancel(State(state): State<SharedState>, Path(id): Path<u32>) -> Result<StatusCode, StatusCode> {
    let request = CancelRequest { attempt: 0, reservation: id };
    Ok(match call(state, |operations| &operations.cancel, request).await? {
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

async fn lookup(State(state): State<SharedState>, Query(query): Query<UnderReference>) -> Reservations {
    let found = call(state, |operations| &operations.lookup, query.reference).await?;
    Ok(Json(found.into_iter().map(Reservation::from).collect()))
}

async fn read(
    State(state): State<SharedState>,
    Path(id): Path<u32>,
) -> Result<Json<Reservation>, StatusCode> {
    let found = call(state, |operations| &operations.read, id).await?;
    found.map(|record| Json(record.into())).ok_or(StatusCode::NOT_FOUND)
}

async fn statement(State(state): State<SharedState>) -> Reservations {
    let all = call(state, |operations| &operations.statement, ()).await?;
    Ok(Json(all.into_iter().map(Reservation::from).collect()))
}
