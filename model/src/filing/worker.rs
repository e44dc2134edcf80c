//! The worker of the filing flow: a job sends its filing to the registry.
//!
//! One transaction records the call before it is made, and another one its result; only the holder of the job can commit
//! them. An unknown outcome does not count as a failure: if the registry recognizes repeats, the filing is sent again;
//! otherwise a person must check.

use super::connector::{FileRequest, FileResponse, Repeats};
use super::office::{JOB, Office, job_for};
use super::review_queue::is_doubtful;
use super::rows::{Filing, FilingState};
use crate::backbone::audit;
use crate::backbone::dependencies::{Dependency, Health};
use crate::backbone::jobs::{self, Ending, Job, JobKind};
use crate::backbone::workers::{Handler, STORE_AGAIN, Working};
use crate::settings::REGISTRY_TIMEOUT;
use shakedown_sim::{CallError, Env, StoreError, Transaction};
use std::rc::Rc;

/// Sends filings to the registry.
pub struct Courier(pub Rc<Office>);

impl Handler for Courier {
    fn kind(&self) -> JobKind {
        JOB
    }

    fn work(&self, env: Env, job: Job) -> Working {
        let office = Rc::clone(&self.0);
        Box::pin(async move { work(&env, &office, &job).await })
    }

    fn dependency(&self) -> Option<Dependency> {
        Some(Dependency("registry"))
    }
}

async fn work(env: &Env, office: &Office, job: &Job) -> Health {
    let Ok(Some(filing)) = begin(env, office, job).await else { return Health::Unknown };
    let request =
        FileRequest { reference: filing.reference, job: job.id, attempt: job.token, from: env.node() };
    let answer = env.call(&office.registry.file, request, REGISTRY_TIMEOUT).await;
    let result = CallResult::of(answer);
    while finish(&env.child("result"), office, job, result).await.is_err() {
        env.sleep(STORE_AGAIN).await;
    }
    match result {
        CallResult::Document(_) | CallResult::Rejection => Health::Good,
        CallResult::Nothing | CallResult::Unknown => Health::Bad,
    }
}

/// The result of a call.
#[derive(Clone, Copy)]
enum CallResult {
    Document(u32),
    Rejection,
    Nothing,
    Unknown,
}

impl CallResult {
    fn of(answer: Result<FileResponse, CallError>) -> Self {
        match answer {
            Ok(FileResponse::Filed(document)) => CallResult::Document(document),
            Ok(FileResponse::Rejected) => CallResult::Rejection,
            Ok(FileResponse::Busy | FileResponse::NotConnected) | Err(CallError::Refused) => {
                CallResult::Nothing
            }
            Ok(FileResponse::Broken) | Err(CallError::TimedOut) => CallResult::Unknown,
        }
    }
}

/// Records that the filing is about to be sent; returns `None` if it must not be sent. If the record cannot be
/// written, the lease will end.
async fn begin(env: &Env, office: &Office, job: &Job) -> Result<Option<Filing>, StoreError> {
    let (backbone, now) = (&office.backbone, office.backbone.now(env));
    let mut tx = backbone.store.begin(env);
    let Some(held) = jobs::hold(&mut tx, backbone, job).await? else { return Ok(None) };
    let Some(filing) = tx.lock(&office.filings, &job.subject).await? else { return Ok(None) };
    if let FilingState::Filed(_) = filing.state {
        jobs::succeed(&mut tx, backbone, &held, now).await?;
        return tx.commit("filed before").await.map(|()| None);
    }
    if filing.state == FilingState::Rejected || is_doubtful(office, &filing) {
        env.because(|| "sending it again is not safe".to_owned());
        jobs::fail(&mut tx, backbone, &held, Ending::Final, now).await?;
        return tx.commit("not again").await.map(|()| None);
    }
    let sending = FilingState::Sending { job: job.id, attempt: job.token, since: now };
    tx.update(&office.filings, Filing { state: sending, ..filing }).await?;
    audit::touches(&mut tx, backbone, &held, job.item()).await?;
    tx.commit("send").await.map(|()| Some(filing))
}

/// Records the result of the call, and moves the job.
async fn finish(env: &Env, office: &Office, job: &Job, result: CallResult) -> Result<(), StoreError> {
    let (backbone, now) = (&office.backbone, office.backbone.now(env));
    let mut tx = backbone.store.begin(env);
    let held = jobs::hold(&mut tx, backbone, job).await?;
    let Some(filing) = tx.lock(&office.filings, &job.subject).await? else { return Ok(()) };
    let learnt = learn(&mut tx, office, &filing, job, result).await?;
    let Some(held) = held else {
        if learnt {
            env.because(|| "it has lost the job meanwhile, but its result counts".to_owned());
            let is_done = matches!(result, CallResult::Document(_));
            if !(is_done && jobs::succeed_waiting(&mut tx, backbone, job.item()).await?) {
                jobs::wake(&mut tx, backbone, job_for(filing.id, filing.context), now).await?;
            }
            tx.commit("late news").await?;
        }
        return Ok(());
    };
    let unknown = if office.repeats == Repeats::AreTheSame { Ending::Retryable } else { Ending::Final };
    match result {
        CallResult::Document(_) => jobs::succeed(&mut tx, backbone, &held, now).await?,
        // An earlier attempt, whose result came late, has done the work.
        _ if matches!(filing.state, FilingState::Filed(_)) => {
            jobs::succeed(&mut tx, backbone, &held, now).await?;
        }
        CallResult::Nothing => jobs::fail(&mut tx, backbone, &held, Ending::Retryable, now).await?,
        CallResult::Unknown => jobs::fail(&mut tx, backbone, &held, unknown, now).await?,
        CallResult::Rejection => jobs::fail(&mut tx, backbone, &held, Ending::Final, now).await?,
    }
    tx.commit("result").await
}

/// Stores the result of an attempt in its filing. Returns whether the result is new.
async fn learn(
    tx: &mut Transaction,
    office: &Office,
    filing: &Filing,
    job: &Job,
    result: CallResult,
) -> Result<bool, StoreError> {
    let sender = (job.id, job.token);
    let own = matches!(filing.state, FilingState::Sending { job, attempt, .. } if (job, attempt) == sender);
    let state = match result {
        CallResult::Document(document) => FilingState::Filed(document),
        CallResult::Rejection => FilingState::Rejected,
        // Another holder may know of a pending attempt, which this one must not undo.
        CallResult::Nothing if own => FilingState::Open,
        CallResult::Nothing | CallResult::Unknown => return Ok(false),
    };
    if state == filing.state || matches!(filing.state, FilingState::Filed(_)) {
        return Ok(false);
    }
    tx.update(&office.filings, Filing { state, ..*filing }).await.map(|()| true)
}
