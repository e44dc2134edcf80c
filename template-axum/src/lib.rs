//! A till: an axum service that charges each order at a bank. Nothing here knows that it is rehearsed.

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::post;
use reqwest::Client;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use uuid::Uuid;

/// Where things are, and how the till charges.
#[derive(Clone, Debug)]
pub struct Config {
    pub listen: String,
    pub bank_url: String,
    /// Of each request to the bank.
    pub timeout: Duration,
    /// Whether a repeated charge carries the idempotency key of the first attempt.
    pub repeats_key: bool,
}

impl Config {
    /// Reads `TILL_LISTEN` and `TILL_BANK_URL`.
    pub fn from_env() -> Self {
        let var = |name: &str, default: &str| std::env::var(name).unwrap_or_else(|_| default.to_owned());
        Self {
            listen: var("TILL_LISTEN", "127.0.0.1:8080"),
            bank_url: var("TILL_BANK_URL", "http://127.0.0.1:8081"),
            timeout: Duration::from_secs(1),
            repeats_key: true,
        }
    }
}

struct Till {
    http: Client,
    config: Config,
}

/// Serves until the process is asked to shut down.
pub async fn run(config: Config) -> std::io::Result<()> {
    let http = Client::builder().timeout(config.timeout).no_proxy().build().map_err(std::io::Error::other)?;
    let listener = TcpListener::bind(&config.listen).await?;
    let till = Arc::new(Till { http, config });
    let router = Router::new().route("/orders/{id}", post(order)).with_state(till);
    let mut terminate = signal(SignalKind::terminate())?;
    let shutdown = async move {
        let _ = terminate.recv().await;
    };
    axum::serve(listener, router).with_graceful_shutdown(shutdown).await
}

/// Charges an order, trying three times.
async fn order(State(till): State<Arc<Till>>, Path(id): Path<String>) -> StatusCode {
    let mut key = Uuid::new_v4();
    for attempt in 0..3 {
        match charge(&till, &id, key).await {
            Ok(()) => return StatusCode::CREATED,
            Err(error) => tracing::warn!("charging {id}: {error}"),
        }
        if !till.config.repeats_key {
            key = Uuid::new_v4();
        }
        tokio::time::sleep(Duration::from_millis(200 << attempt)).await;
    }
    StatusCode::BAD_GATEWAY
}

async fn charge(till: &Till, order: &str, key: Uuid) -> Result<(), reqwest::Error> {
    let request = till.http.post(format!("{}/charges", till.config.bank_url));
    let request = request.header("idempotency-key", key.to_string()).body(order.to_owned());
    request.send().await?.error_for_status().map(drop)
}
