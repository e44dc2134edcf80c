//! The worker: takes each order from accepted to done. What it was doing when the process ended, it finds in the store.

use crate::App;
use crate::store::{Order, State};
use std::sync::Arc;
use tokio::sync::{mpsc, watch};

type Failure = Box<dyn std::error::Error + Send + Sync>;

pub(crate) async fn run(
    app: Arc<App>,
    mut nudged: mpsc::Receiver<String>,
    mut stopped: watch::Receiver<bool>,
) {
    #[cfg(not(feature = "naive-shutdown"))]
    let mut poll = tokio::time::interval(app.config.poll);
    loop {
        #[cfg(not(feature = "naive-shutdown"))]
        tokio::select! {
            biased;
            _ = stopped.changed() => return,
            _ = nudged.recv() => {}
            _ = poll.tick() => {}
        }
        #[cfg(not(feature = "naive-shutdown"))]
        if let Err(error) = turn(&app, &mut nudged).await {
            tracing::warn!("{error}");
        }
        // What was accepted is in the queue: nothing else needs to be looked for.
        #[cfg(feature = "naive-shutdown")]
        tokio::select! {
            biased;
            _ = stopped.changed() => return,
            Some(id) = nudged.recv() => {
                while let Err(error) = one(&app, &id, &mut nudged).await {
                    tracing::warn!("{error}");
                    tokio::time::sleep(app.config.poll).await;
                }
            }
        }
    }
}

#[cfg(feature = "naive-shutdown")]
async fn one(app: &App, id: &str, nudged: &mut mpsc::Receiver<String>) -> Result<(), Failure> {
    match app.store.find(id).await? {
        Some(order) if order.state != State::Done => work(app, order, nudged).await,
        _ => Ok(()),
    }
}

/// Works on all orders that are not done.
#[cfg(not(feature = "naive-shutdown"))]
async fn turn(app: &App, nudged: &mut mpsc::Receiver<String>) -> Result<(), Failure> {
    for order in app.store.open().await? {
        let id = order.id.clone();
        if let Err(error) = work(app, order, nudged).await {
            tracing::warn!("{id}: {error}");
        }
    }
    Ok(())
}

async fn work(app: &App, mut order: Order, nudged: &mut mpsc::Receiver<String>) -> Result<(), Failure> {
    if order.state == State::Accepted {
        app.partner.charge(&order).await?;
        order.state = State::Charged;
        app.store.save(&order).await?;
    }
    confirm(app, order, nudged).await
}

#[cfg(not(feature = "naive-select"))]
async fn confirm(app: &App, mut order: Order, _nudged: &mut mpsc::Receiver<String>) -> Result<(), Failure> {
    app.mail.confirm(&order).await?;
    order.state = State::Done;
    app.store.save(&order).await?;
    Ok(())
}

/// Stops waiting for the mail provider when another order needs the worker.
#[cfg(feature = "naive-select")]
async fn confirm(app: &App, mut order: Order, nudged: &mut mpsc::Receiver<String>) -> Result<(), Failure> {
    order.state = State::Done;
    app.store.save(&order).await?;
    tokio::select! {
        sent = app.mail.confirm(&order) => sent?,
        Some(id) = nudged.recv() => app.nudge.try_send(id)?,
    }
    Ok(())
}
