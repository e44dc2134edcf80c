//! An order service: it accepts orders, charges them at a payment partner, and confirms them by mail.

mod api;
mod config;
mod mail;
pub mod outside;
mod partner;
mod store;
mod worker;

pub use config::Config;
pub use store::{Order, State};

use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

/// What handlers and the worker share.
pub struct App {
    pub(crate) config: Config,
    pub(crate) store: store::Store,
    pub(crate) partner: partner::Partner,
    pub(crate) mail: mail::Mail,
    /// Wakes the worker for a new order.
    pub(crate) nudge: mpsc::Sender<String>,
}

/// Serves until the process is asked to shut down.
pub async fn run(config: Config) -> std::io::Result<()> {
    let http = reqwest::Client::builder()
        .timeout(config.timeout)
        .no_proxy()
        .build()
        .map_err(std::io::Error::other)?;
    let (nudge, nudged) = mpsc::channel(64);
    let app = Arc::new(App {
        store: store::Store::new(http.clone(), &config.store_url),
        partner: partner::Partner::new(http.clone(), &config.partner_url),
        mail: mail::Mail::new(http, &config.mail_url),
        config,
        nudge,
    });
    let (stop, stopped) = watch::channel(false);
    let worker = tokio::spawn(worker::run(Arc::clone(&app), nudged, stopped));
    let listener = TcpListener::bind(&app.config.listen).await?;
    tracing::info!("listening on {}", listener.local_addr()?);
    axum::serve(listener, api::router(app)).with_graceful_shutdown(shutdown_signal()).await?;
    let _ = stop.send(true);
    end(worker).await
}

/// Waits until the worker has finished its current order.
#[cfg(not(feature = "naive-shutdown"))]
async fn end(worker: JoinHandle<()>) -> std::io::Result<()> {
    worker.await.map_err(std::io::Error::other)
}

/// Leaves the worker to end with the process.
#[cfg(feature = "naive-shutdown")]
async fn end(_worker: JoinHandle<()>) -> std::io::Result<()> {
    Ok(())
}

async fn shutdown_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate()).expect("SIGTERM can be handled");
    tokio::select! {
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
    tracing::info!("shutting down");
}
