//! What the service talks to: a document store, a payment partner, a mail provider. Small servers to run it against, on a port or in a
//! rehearsal. Each calls back for what it holds from then on.

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::{Json, Router};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Something that one of them holds from now on.
#[derive(Clone, Debug)]
pub enum Event {
    Charged { order: String },
    Mailed { order: String },
}

type Observer = Arc<dyn Fn(Event) + Send + Sync>;
type Documents = Arc<Mutex<BTreeMap<String, Bytes>>>;

/// A document store: `PUT` (with `if-none-match: *` unless there is one), `GET` of one, `GET` of all.
pub fn store() -> Router {
    async fn put(
        State(documents): State<Documents>,
        Path(id): Path<String>,
        headers: HeaderMap,
        body: Bytes,
    ) -> StatusCode {
        let mut documents = documents.lock().unwrap_or_else(PoisonError::into_inner);
        if headers.contains_key(header::IF_NONE_MATCH) && documents.contains_key(&id) {
            return StatusCode::PRECONDITION_FAILED;
        }
        documents.insert(id, body);
        StatusCode::NO_CONTENT
    }
    async fn one(
        State(documents): State<Documents>,
        Path(id): Path<String>,
    ) -> Result<impl IntoResponse, StatusCode> {
        let documents = documents.lock().unwrap_or_else(PoisonError::into_inner);
        let body = documents.get(&id).cloned().ok_or(StatusCode::NOT_FOUND)?;
        Ok(([(header::CONTENT_TYPE, "application/json")], body))
    }
    async fn all(State(documents): State<Documents>) -> impl IntoResponse {
        let documents = documents.lock().unwrap_or_else(PoisonError::into_inner);
        let list: Vec<&str> = documents.values().filter_map(|body| std::str::from_utf8(body).ok()).collect();
        ([(header::CONTENT_TYPE, "application/json")], format!("[{}]", list.join(",")))
    }
    Router::new()
        .route("/orders", get(all))
        .route("/orders/{id}", get(one).put(put))
        .with_state(Documents::default())
}

#[derive(serde::Deserialize)]
struct About {
    order: String,
}

type Keys = Arc<(Mutex<BTreeMap<String, String>>, Observer, fn(String) -> Event)>;

/// Reports `event` once for each idempotency key.
async fn once(State(keys): State<Keys>, headers: HeaderMap, Json(about): Json<About>) -> StatusCode {
    let (known, observer, event) = &*keys;
    let key = headers.get("idempotency-key").and_then(|key| key.to_str().ok()).unwrap_or_default().to_owned();
    let before = known.lock().unwrap_or_else(PoisonError::into_inner).insert(key, about.order.clone());
    if before.is_some() {
        return StatusCode::OK;
    }
    observer(event(about.order));
    StatusCode::CREATED
}

/// A payment partner: one charge for each idempotency key.
pub fn partner(observer: impl Fn(Event) + Send + Sync + 'static) -> Router {
    let keys: Keys = Arc::new((Mutex::default(), Arc::new(observer), |order| Event::Charged { order }));
    Router::new().route("/charges", post(once)).with_state(keys)
}

/// A mail provider: one mail for each idempotency key.
pub fn mail(observer: impl Fn(Event) + Send + Sync + 'static) -> Router {
    let keys: Keys = Arc::new((Mutex::default(), Arc::new(observer), |order| Event::Mailed { order }));
    Router::new().route("/mails", post(once)).with_state(keys)
}

/// Serves one of them at an address, for ever.
pub async fn serve(router: Router, address: &str) -> std::io::Result<()> {
    axum::serve(tokio::net::TcpListener::bind(address).await?, router).await
}
