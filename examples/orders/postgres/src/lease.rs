//! The lease under which one instance at a time relays messages.

use sqlx::PgPool;
use std::time::Duration;

/// How long a lease lasts.
pub const LEASE: Duration = Duration::from_secs(5);

/// Takes or renews the lease of relays. Returns whether `owner` has it.
#[cfg(not(feature = "naive-lease"))]
pub(crate) async fn hold(pool: &PgPool, owner: &str) -> Result<bool, sqlx::Error> {
    // One clock decides: that of the database.
    let sql = "UPDATE leases SET owner = $1, until = now() + $2 * interval '1 s'
               WHERE name = 'relay' AND (owner = $1 OR until < now())";
    let changed = sqlx::query(sql).bind(owner).bind(LEASE.as_secs_f64()).execute(pool).await?;
    Ok(changed.rows_affected() == 1)
}

/// The same by the clock of this instance.
#[cfg(feature = "naive-lease")]
pub(crate) async fn hold(pool: &PgPool, owner: &str) -> Result<bool, sqlx::Error> {
    let now = sqlx::types::time::OffsetDateTime::now_utc();
    let sql = "UPDATE leases SET owner = $1, until = $2 WHERE name = 'relay' AND (owner = $1 OR until < $3)";
    let changed = sqlx::query(sql).bind(owner).bind(now + LEASE).bind(now).execute(pool).await?;
    Ok(changed.rows_affected() == 1)
}
