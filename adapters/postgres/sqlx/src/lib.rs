//! Workers that migrate their database, then claim jobs from it: what many services have in common.

use sqlx::postgres::{PgPool, PgPoolOptions};
use std::time::Duration;

/// Migrates the database and works until no job is open.
///
/// # Errors
/// If the database cannot be reached or refuses something; a supervisor then starts the worker again.
pub async fn work(url: &str, worker: &str) -> Result<(), sqlx::Error> {
    let pool = PgPoolOptions::new()
        .max_connections(2)
        .acquire_timeout(Duration::from_secs(2))
        .connect(url)
        .await?;
    sqlx::migrate!().run(&pool).await?;
    while work_one(&pool, worker).await? {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    pool.close().await;
    Ok(())
}

/// Works one job in one transaction. Returns whether there was one.
async fn work_one(pool: &PgPool, worker: &str) -> Result<bool, sqlx::Error> {
    let mut transaction = pool.begin().await?;
    // Naive: nothing keeps two workers from taking the same job.
    let lock = if cfg!(feature = "naive-claim") { "" } else { "FOR UPDATE SKIP LOCKED" };
    let sql = format!("SELECT id, payload->>'amount' FROM jobs WHERE state = 'open' ORDER BY id LIMIT 1 {lock}");
    let job: Option<(i32, String)> = sqlx::query_as(&sql).fetch_optional(&mut *transaction).await?;
    let Some((job, _amount)) = job else { return Ok(false) };
    sqlx::query("INSERT INTO results (job, worker) VALUES ($1, $2)")
        .bind(job)
        .bind(worker)
        .execute(&mut *transaction)
        .await?;
    sqlx::query("UPDATE jobs SET state = 'done' WHERE id = $1").bind(job).execute(&mut *transaction).await?;
    transaction.commit().await?;
    Ok(true)
}
