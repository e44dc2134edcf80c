//! A newsletter: an axum router with shared state, a worker task fed by a channel, back-off between attempts, and the mail provider
//! behind a trait.

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::sync::{Mutex, mpsc};
use uuid::Uuid;

type BoxError = Box<dyn std::error::Error + Send + Sync>;
type MailResult<'a> = Pin<Box<dyn Future<Output = Result<(), BoxError>> + Send + 'a>>;

/// Sends mails.
pub trait Mailer: Send + Sync + 'static {
    fn welcome<'a>(&'a self, subscriber: &'a Subscriber) -> MailResult<'a>;
}

/// Sends mails by the provider's HTTP API.
pub struct HttpMailer {
    http: reqwest::Client,
    url: String,
}

impl HttpMailer {
    pub fn new(url: impl Into<String>) -> Self {
        let http = reqwest::Client::builder().timeout(Duration::from_secs(2)).no_proxy().build();
        Self { http: http.expect("a client without TLS"), url: url.into() }
    }
}

impl Mailer for HttpMailer {
    fn welcome<'a>(&'a self, subscriber: &'a Subscriber) -> MailResult<'a> {
        Box::pin(async move {
            let request = self.http.post(format!("{}/mails", self.url)).json(subscriber);
            request.send().await?.error_for_status()?;
            Ok(())
        })
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Subscriber {
    pub id: Uuid,
    pub address: String,
}

#[derive(Deserialize)]
struct Subscription {
    address: String,
}

struct App {
    subscribers: Mutex<HashMap<String, Subscriber>>,
    queue: mpsc::Sender<Subscriber>,
}

/// Serves until Ctrl-C, then sends the mails that are waiting.
pub async fn serve(listener: TcpListener, mailer: Arc<dyn Mailer>) -> std::io::Result<()> {
    let (queue, waiting) = mpsc::channel(16);
    let worker = tokio::spawn(send_mails(mailer, waiting));
    let app = Arc::new(App { subscribers: Mutex::default(), queue });
    let router = Router::new()
        .route("/subscribers", post(subscribe))
        .route("/subscribers", get(count))
        .with_state(app);
    let shutdown = async { tokio::signal::ctrl_c().await.expect("Ctrl-C can be handled") };
    axum::serve(listener, router).with_graceful_shutdown(shutdown).await?;
    // The router is gone, and with it the last sender: the worker ends once the queue is empty.
    worker.await.map_err(std::io::Error::other)
}

async fn subscribe(
    State(app): State<Arc<App>>,
    Json(new): Json<Subscription>,
) -> Result<StatusCode, StatusCode> {
    let mut subscribers = app.subscribers.lock().await;
    if subscribers.contains_key(&new.address) {
        return Ok(StatusCode::OK);
    }
    let subscriber = Subscriber { id: Uuid::new_v4(), address: new.address.clone() };
    app.queue.send(subscriber.clone()).await.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
    subscribers.insert(new.address, subscriber);
    Ok(StatusCode::CREATED)
}

async fn count(State(app): State<Arc<App>>) -> String {
    app.subscribers.lock().await.len().to_string()
}

async fn send_mails(mailer: Arc<dyn Mailer>, mut waiting: mpsc::Receiver<Subscriber>) {
    while let Some(subscriber) = waiting.recv().await {
        let began = Instant::now();
        let mut backoff = Duration::from_millis(100);
        while let Err(error) = mailer.welcome(&subscriber).await {
            tracing::warn!("{}: {error}, again in {backoff:?}", subscriber.address);
            tokio::time::sleep(backoff).await;
            backoff = (backoff * 2).min(Duration::from_secs(5));
        }
        tracing::info!("welcomed {} after {:?}", subscriber.address, began.elapsed());
    }
}
