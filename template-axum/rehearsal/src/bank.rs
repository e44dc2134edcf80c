//! The bank, which the till calls: an axum service of its own, as a fake. It charges once for each idempotency key.

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

type OnCharge = Arc<dyn Fn(String) + Send + Sync>;

#[derive(Clone)]
struct Bank {
    keys: Arc<Mutex<BTreeSet<Vec<u8>>>>,
    on_charge: OnCharge,
}

/// Serves the bank. `on_charge` is called with each order that is charged.
pub(crate) async fn serve(on_charge: impl Fn(String) + Send + Sync + 'static) -> std::io::Result<()> {
    let bank = Bank { keys: Arc::default(), on_charge: Arc::new(on_charge) };
    let router = Router::new().route("/charges", post(charge)).with_state(bank);
    axum::serve(tokio::net::TcpListener::bind("0.0.0.0:80").await?, router).await
}

async fn charge(State(bank): State<Bank>, headers: HeaderMap, order: String) -> StatusCode {
    let key = headers.get("idempotency-key").map_or_else(Vec::new, |key| key.as_bytes().to_vec());
    if bank.keys.lock().expect("no handler panics").insert(key) {
        (bank.on_charge)(order);
    }
    StatusCode::CREATED
}
