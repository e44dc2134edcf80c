//! A stock of goods as actors: one task owns each number and takes commands with `oneshot` replies; a `watch` channel publishes it; a
//! supervisor restarts what panics.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, timeout_at};

enum Command {
    Take { count: u32, reply: oneshot::Sender<Result<u32, Short>> },
    Put { count: u32, reply: oneshot::Sender<u32> },
}

/// The stock is smaller than the order.
#[derive(Clone, Copy, Debug)]
struct Short;

#[derive(Clone)]
struct Stock {
    commands: mpsc::Sender<Command>,
    level: watch::Receiver<u32>,
}

/// Serves for ever.
pub async fn serve(listener: TcpListener, initial: u32) -> std::io::Result<()> {
    let stock = start(initial);
    let router = Router::new()
        .route("/stock", get(level))
        .route("/stock/below/{level}", get(below))
        .route("/stock/take/{count}", post(take))
        .route("/stock/put/{count}", post(put))
        .with_state(stock);
    axum::serve(listener, router).await
}

fn start(initial: u32) -> Stock {
    let (commands, received) = mpsc::channel(8);
    let (publish, level) = watch::channel(initial);
    tokio::spawn(supervise(received, publish));
    Stock { commands, level }
}

/// Runs the actor. If it panics, runs it again from the level that it published last.
async fn supervise(received: mpsc::Receiver<Command>, publish: watch::Sender<u32>) {
    let received = std::sync::Arc::new(tokio::sync::Mutex::new(received));
    let publish = std::sync::Arc::new(publish);
    loop {
        let (mine, shown) = (received.clone(), publish.clone());
        match tokio::spawn(async move { actor(&mut *mine.lock().await, &shown).await }).await {
            Ok(()) => return,
            Err(error) => tracing::error!("the actor failed: {error}"),
        }
    }
}

async fn actor(received: &mut mpsc::Receiver<Command>, publish: &watch::Sender<u32>) {
    let mut level = *publish.borrow();
    while let Some(command) = received.recv().await {
        match command {
            Command::Take { count, reply } => {
                assert!(count < 1_000, "an order of {count} is a defect of the caller");
                let taken = level.checked_sub(count).ok_or(Short);
                if let Ok(left) = taken {
                    level = left;
                    publish.send_replace(level);
                }
                let _ = reply.send(taken);
            }
            Command::Put { count, reply } => {
                level += count;
                publish.send_replace(level);
                let _ = reply.send(level);
            }
        }
    }
}

async fn level(State(stock): State<Stock>) -> Json<u32> {
    Json(*stock.level.borrow())
}

/// Waits until the level is below `bound`, for at most thirty seconds.
async fn below(State(mut stock): State<Stock>, Path(bound): Path<u32>) -> Result<Json<u32>, StatusCode> {
    let deadline = Instant::now() + Duration::from_secs(30);
    let level = timeout_at(deadline, stock.level.wait_for(|level| *level < bound)).await;
    let level = level.map_err(|_| StatusCode::REQUEST_TIMEOUT)?.map_err(|_| StatusCode::GONE)?;
    Ok(Json(*level))
}

async fn take(State(stock): State<Stock>, Path(count): Path<u32>) -> Result<Json<u32>, StatusCode> {
    let (reply, replied) = oneshot::channel();
    let sent = stock.commands.send(Command::Take { count, reply }).await;
    sent.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    let taken = replied.await.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    taken.map(Json).map_err(|Short| StatusCode::CONFLICT)
}

async fn put(State(stock): State<Stock>, Path(count): Path<u32>) -> Result<Json<u32>, StatusCode> {
    let (reply, replied) = oneshot::channel();
    let sent = stock.commands.send(Command::Put { count, reply }).await;
    sent.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    replied.await.map(Json).map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)
}
