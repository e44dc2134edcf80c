//! The service: takes orders over HTTP, and a worker charges each at a partner, backing off between attempts. It is generic in its
//! listener and its connector, because turmoil has its own types for both.

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::post;
use axum::serve::Listener;
use bytes::Bytes;
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::Connect;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::mpsc;

type Http<C> = Client<C, Full<Bytes>>;

/// Serves for ever.
pub async fn serve<L, C>(listener: L, http: Http<C>) -> std::io::Result<()>
where
    L: Listener,
    L::Addr: std::fmt::Debug,
    C: Connect + Clone + Send + Sync + 'static,
{
    let (queue, waiting) = mpsc::channel(64);
    tokio::spawn(charge_all(http, waiting));
    let router = Router::new().route("/orders/{id}", post(order)).with_state(queue);
    axum::serve(listener, router).await
}

async fn order(State(queue): State<mpsc::Sender<u32>>, Path(id): Path<u32>) -> StatusCode {
    queue.send(id).await.map_or(StatusCode::SERVICE_UNAVAILABLE, |()| StatusCode::ACCEPTED)
}

async fn charge_all<C>(http: Http<C>, mut waiting: mpsc::Receiver<u32>)
where
    C: Connect + Clone + Send + Sync + 'static,
{
    while let Some(id) = waiting.recv().await {
        let mut backoff = Duration::from_millis(100);
        while !send(&http, &format!("http://partner/charges/{id}")).await {
            tokio::time::sleep(backoff).await;
            backoff *= 2;
        }
    }
}

/// Posts an empty body to a URL. Returns whether a success status arrived within two seconds.
pub async fn send<C>(http: &Http<C>, url: &str) -> bool
where
    C: Connect + Clone + Send + Sync + 'static,
{
    let request = http::Request::post(url).body(Full::default()).expect("a request");
    let sent = tokio::time::timeout(Duration::from_secs(2), http.request(request)).await;
    matches!(sent, Ok(Ok(response)) if response.status().is_success())
}

/// The partner's charges: how often each order was charged.
pub type Charges = Arc<Mutex<HashMap<u32, u32>>>;

/// Serves the partner for ever.
pub async fn partner<L>(listener: L, charges: Charges) -> std::io::Result<()>
where
    L: Listener,
    L::Addr: std::fmt::Debug,
{
    async fn charge(State(charges): State<Charges>, Path(id): Path<u32>) -> StatusCode {
        *charges.lock().expect("no handler panics").entry(id).or_default() += 1;
        StatusCode::CREATED
    }
    axum::serve(listener, Router::new().route("/charges/{id}", post(charge)).with_state(charges)).await
}

/// Places each of `ORDERS`, one every half second. Returns how many were accepted.
pub async fn user<C>(http: Http<C>) -> u32
where
    C: Connect + Clone + Send + Sync + 'static,
{
    let mut accepted = 0;
    for id in 0..crate::ORDERS {
        tokio::time::sleep(Duration::from_millis(500)).await;
        accepted += u32::from(send(&http, &format!("http://orders/orders/{id}")).await);
    }
    // The last order is charged within this second.
    tokio::time::sleep(Duration::from_secs(1)).await;
    accepted
}
