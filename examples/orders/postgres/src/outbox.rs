//! Messages that are committed in the transaction of their order, and are sent at least once.

use serde::Deserialize;
use sqlx::PgPool;
use sqlx::types::{Json, Uuid};

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Message {
    pub(crate) order: String,
    pub(crate) payment: Uuid,
    pub(crate) amount: i64,
    pub(crate) email: String,
}

/// Naive: numbers are assigned before the commit. A transaction that commits after one with a later number is skipped.
const UNSENT: &str = if cfg!(feature = "naive-outbox") {
    "SELECT id, message FROM outbox WHERE id > (SELECT coalesce(max(id), 0) FROM outbox WHERE sent_at IS NOT NULL) ORDER BY id LIMIT 10"
} else {
    "SELECT id, message FROM outbox WHERE sent_at IS NULL ORDER BY id LIMIT 10"
};

/// Returns the first messages that are not sent, with their numbers.
pub(crate) async fn unsent(pool: &PgPool) -> Result<Vec<(i64, Message)>, sqlx::Error> {
    let rows: Vec<(i64, Json<Message>)> = sqlx::query_as(UNSENT).fetch_all(pool).await?;
    Ok(rows.into_iter().map(|(id, message)| (id, message.0)).collect())
}

/// Notes that a message is sent.
pub(crate) async fn sent(pool: &PgPool, id: i64) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE outbox SET sent_at = now() WHERE id = $1").bind(id).execute(pool).await.map(drop)
}
