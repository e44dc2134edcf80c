//! The order service on sqlx and PostgreSQL. It accepts an order and the message about it in one transaction; a relay, of which one
//! runs at a time under a lease, charges the order at a payment partner and confirms it by mail.

mod api;
mod config;
mod database;
mod lease;
mod orders;
mod outbox;
mod partner;
mod relay;

pub use config::Config;
pub use database::migrate;
pub use lease::LEASE;
use sqlx::PgPool;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// Why the service ends.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// What handlers and the relay share.
pub(crate) struct App {
    pub(crate) config: Config,
    pub(crate) pool: PgPool,
    pub(crate) partner: partner::Partner,
}

/// Migrates the database and serves until the process is asked to shut down.
///
/// # Errors
/// If the address is in use or the URL of the database is wrong. It tries to migrate until that succeeds.
pub async fn run(config: Config) -> Result<(), Error> {
    let pool = database::pool(&config)?;
    database::migrate_when_reachable(&config).await;
    let app = Arc::new(App { partner: partner::Partner::new(&config)?, pool, config });
    let (stop, stopped) = watch::channel(false);
    let relay = tokio::spawn(relay::run(Arc::clone(&app), stopped));
    let listener = TcpListener::bind(&app.config.listen).await?;
    tracing::info!("listening on {}", listener.local_addr()?);
    axum::serve(listener, api::router(Arc::clone(&app))).with_graceful_shutdown(shutdown_signal()).await?;
    let _ = stop.send(true);
    relay.await?;
    app.pool.close().await;
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
