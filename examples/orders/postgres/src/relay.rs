//! The relay: sends what the outbox holds.

use crate::{App, Error, lease, outbox};
use std::sync::Arc;
use tokio::sync::watch;

/// Relays messages until the service stops.
pub(crate) async fn run(app: Arc<App>, mut stopped: watch::Receiver<bool>) {
    let mut poll = tokio::time::interval(app.config.poll);
    loop {
        tokio::select! {
            biased;
            _ = stopped.changed() => return,
            _ = poll.tick() => {}
        }
        // The pool's connection may stall, so the turn has a timeout; the next turn sends what this one has not sent.
        match tokio::time::timeout(app.config.timeout * 2, turn(&app)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!("relaying: {error}"),
            Err(timeout) => tracing::warn!("relaying: {timeout}"),
        }
    }
}

async fn turn(app: &App) -> Result<(), Error> {
    if !lease::hold(&app.pool, &app.config.instance).await? {
        return Ok(());
    }
    for (id, message) in outbox::unsent(&app.pool).await? {
        app.partner.charge(&message).await?;
        app.partner.confirm(&message).await?;
        outbox::sent(&app.pool, id).await?;
    }
    Ok(())
}
