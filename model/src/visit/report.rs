//! The worker of the visit flow: a report is rendered, stored in the document store, and then marked as ready.
//!
//! Until the whole report is in the document store, its row is pending. Its document is named by the revision, so
//! that making it again replaces the result of an earlier attempt.

use super::connector::{Document, Rendered, StoreResponse};
use super::platform::{JOB, Platform};
use super::rows::{Report, ReportState};
use crate::backbone::dependencies::Health;
use crate::backbone::events::{self, Event};
use crate::backbone::jobs::{self, Ending, Job, JobKind};
use crate::backbone::workers::{Handler, STORE_AGAIN, Working};
use crate::settings::{DOCUMENTS_TIMEOUT, RENDERER_TIMEOUT};
use crate::visit::events::{REPORTED, VISIT};
use shakedown_sim::{Env, StoreError, Transaction};
use std::rc::Rc;

/// Makes reports, one job at a time.
pub struct Reporter(pub Rc<Platform>);

impl Handler for Reporter {
    fn kind(&self) -> JobKind {
        JOB
    }

    fn work(&self, env: Env, job: Job) -> Working {
        let platform = Rc::clone(&self.0);
        Box::pin(async move {
            work(&env, &platform, job).await;
            Health::Unknown
        })
    }
}

/// How often the result of an attempt is written if the store fails.
const STORE_TRIES: u32 = 5;

/// The reason why a report could not be made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Trouble {
    Renderer,
    DocumentStore,
}

impl Trouble {
    fn text(self) -> &'static str {
        match self {
            Trouble::Renderer => "the renderer returned nothing",
            Trouble::DocumentStore => "it is unknown whether the document store has it",
        }
    }
}

/// Works on a claimed job. Returns whether its report is in the document store.
pub(crate) async fn work(env: &Env, platform: &Platform, job: Job) -> bool {
    let Ok(Some(report)) = read(env, platform, job.subject).await else { return false };
    let made = match report.state {
        ReportState::Ready => Ok(()),
        ReportState::Pending => make(env, platform, &report).await,
    };
    for _ in 0..STORE_TRIES {
        match conclude(env, platform, &job, made).await {
            Ok(()) => return made.is_ok(),
            Err(_) => env.sleep(STORE_AGAIN).await,
        }
    }
    false
}

/// Returns the report's row.
///
/// # Errors
/// If the store fails.
pub(crate) async fn read(env: &Env, platform: &Platform, report: u32) -> Result<Option<Report>, StoreError> {
    platform.backbone.store.begin(env).get(&platform.tables.reports, &report).await
}

/// Renders the document and stores it completely.
pub(crate) async fn make(env: &Env, platform: &Platform, report: &Report) -> Result<(), Trouble> {
    let api = &platform.documents;
    let document = Document { visit: report.visit, revision: report.revision };
    let Ok(Rendered::Pdf(pdf)) = env.call(&api.render, document, RENDERER_TIMEOUT).await else {
        return Err(Trouble::Renderer);
    };
    let Ok(StoreResponse::Upload(upload)) = env.call(&api.upload, pdf, DOCUMENTS_TIMEOUT).await else {
        return Err(Trouble::DocumentStore);
    };
    match env.call(&api.complete, upload, DOCUMENTS_TIMEOUT).await {
        Ok(StoreResponse::Upload(_)) => Ok(()),
        _ => Err(Trouble::DocumentStore),
    }
}

/// Writes the result of an attempt, unless its worker has lost the job meanwhile.
async fn conclude(
    env: &Env,
    platform: &Platform,
    job: &Job,
    made: Result<(), Trouble>,
) -> Result<(), StoreError> {
    let backbone = &platform.backbone;
    let mut tx = backbone.store.begin(env);
    let Some(report) = tx.lock(&platform.tables.reports, &job.subject).await? else { return Ok(()) };
    let Some(held) = jobs::hold(&mut tx, backbone, job).await? else { return Ok(()) };
    match made {
        Ok(()) => {
            ready(&mut tx, platform, &report).await?;
            jobs::succeed(&mut tx, backbone, &held, backbone.now(env)).await?;
            tx.commit("report ready").await
        }
        Err(trouble) => {
            env.because(|| trouble.text().to_owned());
            jobs::fail(&mut tx, backbone, &held, Ending::Retryable, backbone.now(env)).await?;
            tx.commit("report tried").await
        }
    }
}

/// Marks a ready report as pending again.
///
/// # Errors
/// If the store fails.
pub(crate) async fn disown(
    tx: &mut Transaction,
    platform: &Platform,
    report: &Report,
) -> Result<(), StoreError> {
    tx.update(&platform.tables.reports, Report { state: ReportState::Pending, ..*report }).await
}

/// Marks a report as ready, which is an event, unless it is marked already.
///
/// # Errors
/// If the store fails.
pub(crate) async fn ready(
    tx: &mut Transaction,
    platform: &Platform,
    report: &Report,
) -> Result<(), StoreError> {
    if report.state == ReportState::Ready {
        return Ok(());
    }
    tx.update(&platform.tables.reports, Report { state: ReportState::Ready, ..*report }).await?;
    let (subject, version, what) = (VISIT.row(report.visit), report.revision, REPORTED);
    let (party, context) = (report.visit, report.context);
    events::record(tx, &platform.backbone, Event { subject, version, what, party, context }).await
}
