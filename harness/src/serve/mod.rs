//! A local web application over a catalogue: choose a run, change it, watch a campaign.
//!
//! It listens on a loopback address only. Its address holds a random token, and requests that another site's page makes are
//! refused. Nothing is fetched from elsewhere. Runs are shown with the renderer of the report page.
//!
//! Modules in reading order: `gate` (who may ask), `refusal` (responses to requests that cannot be fulfilled), `pages` (the
//! page and its assets), `offers` (which choices a run offers, by step), `simulation` (a run and what is known of it),
//! `address` (links to a run), `background` (a campaign and its progress).

mod address;
mod background;
mod gate;
mod offers;
mod pages;
mod refusal;
mod simulation;

use crate::catalogue::Catalogue;
use axum::extract::{DefaultBodyLimit, State};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router, middleware};
use background::{CampaignAsked, Progress};
use gate::Gate;
use refusal::Refusal;
use serde::Serialize;
use simulation::{Known, RunAsked, ScriptAsked};
use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_stream::wrappers::WatchStream;
use tokio_stream::{Stream, StreamExt};

/// What to serve, and how.
pub struct Options {
    /// The scenarios.
    pub catalogue: Catalogue,
    /// The port; 0 for any that is free.
    pub port: u16,
    /// The directory for the traces of failures that a campaign finds.
    pub traces: PathBuf,
    /// The number of threads of a campaign.
    pub jobs: usize,
    /// How long a run may take.
    pub timeout: Duration,
}

/// A request has at most this many bytes: a script of some thousand deviations.
const BODY_MAX: usize = 256 * 1024;
/// At most this many runs are simulated at once. One that does not end keeps its place.
const RUNS_MAX: usize = 4;

/// What handlers share.
struct Served {
    options: Options,
    known: Mutex<Known>,
    runs: Arc<Semaphore>,
    campaign: background::Board,
}

/// Serves until `stop` completes. `ready` receives the address to open, token included.
///
/// # Errors
/// If the port cannot be listened on, or the system has no random bytes for the token.
pub fn serve(options: Options, ready: impl FnOnce(&str), stop: impl Future<Output = ()>) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async move {
        let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, options.port))).await?;
        let gate = Gate::new(listener.local_addr()?.port())?;
        ready(&gate.address());
        let app = router(options, gate);
        tokio::select! {
            served = axum::serve(listener, app) => served,
            () = stop => Ok(()),
        }
    })?;
    // A run that does not end would keep the process alive.
    runtime.shutdown_background();
    Ok(())
}

fn router(options: Options, gate: Gate) -> Router {
    let served = Arc::new(Served {
        options,
        known: Mutex::default(),
        runs: Arc::new(Semaphore::new(RUNS_MAX)),
        campaign: background::Board::default(),
    });
    let below = |path: &str| format!("/{}/{path}", gate.token());
    Router::new()
        .route(&below(""), get(pages::page))
        .route(&below("app.js"), get(pages::script))
        .route(&below("app.css"), get(pages::style))
        .route(&below("api/catalogue"), get(catalogue))
        .route(&below("api/run"), post(run))
        .route(&below("api/shrink"), post(shrink))
        .route(&below("api/campaign"), post(start_campaign))
        .route(&below("api/campaign/stop"), post(stop_campaign))
        .route(&below("api/campaign/events"), get(campaign_events))
        .fallback(|| async { Refusal::not_found("there is no such page; the address needs its token") })
        .layer(DefaultBodyLimit::max(BODY_MAX))
        .layer(middleware::from_fn_with_state(Arc::new(gate), gate::check))
        .with_state(served)
}

async fn catalogue(State(served): State<Arc<Served>>) -> Result<Response, Refusal> {
    simulated(&served, |served| pages::scenarios(&served.options.catalogue)).await
}

async fn run(State(served): State<Arc<Served>>, asked: Json<RunAsked>) -> Result<Response, Refusal> {
    simulated(&served, move |served| simulation::run(&served.options.catalogue, &served.known, &asked)).await
}

async fn shrink(State(served): State<Arc<Served>>, asked: Json<ScriptAsked>) -> Result<Response, Refusal> {
    simulated(&served, move |served| simulation::shrink(&served.options.catalogue, &asked)).await
}

async fn start_campaign(
    State(served): State<Arc<Served>>,
    asked: Json<CampaignAsked>,
) -> Result<Response, Refusal> {
    served.campaign.start(&served.options, asked.0)?;
    Ok(Json(serde_json::json!({ "started": true })).into_response())
}

async fn stop_campaign(State(served): State<Arc<Served>>) -> Response {
    served.campaign.stop();
    Json(serde_json::json!({ "stopped": true })).into_response()
}

async fn campaign_events(
    State(served): State<Arc<Served>>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let states = WatchStream::new(served.campaign.watch());
    let event = |progress: Arc<Progress>| Event::default().json_data(&*progress).unwrap_or_default();
    Sse::new(states.map(move |progress| Ok(event(progress)))).keep_alive(KeepAlive::default())
}

/// Calls `work` on a thread where it may block, and responds with what it returns as JSON.
async fn simulated<T: Serialize + Send + 'static>(
    served: &Arc<Served>,
    work: impl FnOnce(&Served) -> Result<T, Refusal> + Send + 'static,
) -> Result<Response, Refusal> {
    let place = Arc::clone(&served.runs).try_acquire_owned().map_err(|_| Refusal::busy(RUNS_MAX))?;
    let (shared, timeout) = (Arc::clone(served), served.options.timeout);
    let work = tokio::task::spawn_blocking(move || {
        let result = work(&shared);
        drop(place);
        result
    });
    match tokio::time::timeout(timeout, work).await {
        Ok(Ok(result)) => result.map(|value| Json(value).into_response()),
        Ok(Err(panic)) => Err(Refusal::internal(&panic.to_string())),
        Err(_) => Err(Refusal::timed_out(timeout)),
    }
}

/// Locks state that stays consistent even if a thread panics while it holds the lock.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
