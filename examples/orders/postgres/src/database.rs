//! The pool of connections, and the migrations.

use crate::{Config, Error};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{Connection, PgConnection, PgPool};
use std::time::Duration;

/// Returns how connections are opened.
fn options(config: &Config) -> Result<PgConnectOptions, Error> {
    // A client that is gone must not keep its locks.
    let ms = config.timeout.as_millis().to_string();
    let options: PgConnectOptions = config.database_url.parse()?;
    let timeouts = ["statement_timeout", "idle_in_transaction_session_timeout"];
    Ok(options.options(timeouts.map(|timeout| (timeout, ms.as_str()))))
}

/// Creates a pool that connects when it is first used.
pub(crate) fn pool(config: &Config) -> Result<PgPool, Error> {
    let pool = PgPoolOptions::new().max_connections(4).acquire_timeout(config.timeout);
    Ok(pool.connect_lazy_with(options(config)?))
}

/// Applies the migrations that are missing. The connection holds a lock of its session meanwhile, so it is not one of the pool: it closes
/// when this future is dropped, and the server ends its session when nothing comes from it, as after a crash.
///
/// # Errors
/// If the database cannot be reached, or a migration differs from the one that was applied.
pub async fn migrate(config: &Config) -> Result<(), Error> {
    let ms = config.timeout.as_millis().to_string();
    let options = options(config)?.options([("idle_session_timeout", ms)]);
    let mut connection = PgConnection::connect_with(&options).await?;
    sqlx::migrate!().run(&mut connection).await?;
    Ok(connection.close().await?)
}

/// Migrates, and tries again until that succeeds.
pub(crate) async fn migrate_when_reachable(config: &Config) {
    loop {
        match tokio::time::timeout(config.timeout * 2, migrate(config)).await {
            Ok(Ok(())) => return,
            Ok(Err(error)) => tracing::warn!("migrating: {error}"),
            Err(timeout) => tracing::warn!("migrating: {timeout}"),
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}
