//! Transactions that are tried again: above read committed, and after a deadlock at any level, a transaction may
//! have to give way to others though nothing is wrong with it.
//!
//! Only what did nothing for certain is tried again here; a commit of unknown outcome is its caller's matter.

use shakedown_sim::{Duration, Env, StoreError};

/// How often a transaction is tried.
const TRIES: u32 = 8;

/// How long the first pause is; each further one is twice as long.
const PAUSE: Duration = Duration::from_millis(10);

/// Runs a whole transaction, from its beginning to its commit, until it need not give way to others.
///
/// # Errors
/// As the transaction reports them: at once what may have had an effect or will not go away, a serialization
/// failure or deadlock after the last try.
pub(crate) async fn in_transaction<T>(
    env: &Env,
    mut transaction: impl AsyncFnMut() -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    for pause in (0..TRIES - 1).map(|tried| PAUSE * (1 << tried)) {
        match transaction().await {
            Err(error) if error.is_retryable() => {
                env.note(|| format!("begins its transaction again after a {error}"));
                env.sleep(pause).await;
            }
            done => return done,
        }
    }
    transaction().await
}
