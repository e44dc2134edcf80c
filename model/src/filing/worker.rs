//! The worker's part: a job brings its filing to the registry.
//!
//! Before the call it is on record that it is made, and after the call what came of it; both in a transaction
//! that only the job's holder can make. An outcome that is unknown is no failure: where the registry knows
//! repeats the filing is sent again, where it does not a person has to look.

use super::connector::{FileAnswer, FileRequest, Repeats};
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

/// Brings filings to the registry.
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
    let came = Came::of(answer);
    while finish(&env.child("result"), office, job, came).await.is_err() {
        env.sleep(STORE_AGAIN).await;
    }
    match came {
        Came::Document(_) | Came::Rejection => Health::Good,
        Came::Nothing | Came::Unknown => Health::Bad,
    }
}

/// What came of a call.
#[derive(Clone, Copy)]
enum Came {
    Document(u32),
    Rejection,
    Nothing,
    Unknown,
}

impl Came {
    fn of(answer: Result<FileAnswer, CallError>) -> Self {
        match answer {
            Ok(FileAnswer::Filed(document)) => Came::Document(document),
            Ok(FileAnswer::Rejected) => Came::Rejection,
            Ok(FileAnswer::Busy | FileAnswer::NotConnected) | Err(CallError::Refused) => Came::Nothing,
            Ok(FileAnswer::Broken) | Err(CallError::TimedOut) => Came::Unknown,
        }
    }
}

/// Puts on record that the filing is about to be sent; none if it is not to be sent. If that cannot be put on
/// record, the lease will end.
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
    let sending = FilingState::Sending { attempt: job.token, since: now };
    tx.update(&office.filings, Filing { state: sending, ..filing }).await?;
    audit::touches(&mut tx, backbone, &held, job.item()).await?;
    tx.commit("send").await.map(|()| Some(filing))
}

/// Puts on record what came of the call, and moves the job.
async fn finish(env: &Env, office: &Office, job: &Job, came: Came) -> Result<(), StoreError> {
    let (backbone, now) = (&office.backbone, office.backbone.now(env));
    let mut tx = backbone.store.begin(env);
    let held = jobs::hold(&mut tx, backbone, job).await?;
    let Some(filing) = tx.lock(&office.filings, &job.subject).await? else { return Ok(()) };
    let learnt = learn(&mut tx, office, &filing, job, came).await?;
    let Some(held) = held else {
        if learnt {
            env.because(|| "it has lost the job meanwhile, but its result counts".to_owned());
            jobs::wake(&mut tx, backbone, job_for(filing.id, filing.context), now).await?;
            tx.commit("late news").await?;
        }
        return Ok(());
    };
    let unknown = if office.repeats == Repeats::AreTheSame { Ending::Retryable } else { Ending::Final };
    match came {
        Came::Document(_) => jobs::succeed(&mut tx, backbone, &held, now).await?,
        Came::Nothing => jobs::fail(&mut tx, backbone, &held, Ending::Retryable, now).await?,
        Came::Unknown => jobs::fail(&mut tx, backbone, &held, unknown, now).await?,
        Came::Rejection => jobs::fail(&mut tx, backbone, &held, Ending::Final, now).await?,
    }
    tx.commit("result").await
}

/// Takes into the filing what came of its attempt; answers whether that is news.
async fn learn(
    tx: &mut Transaction,
    office: &Office,
    filing: &Filing,
    job: &Job,
    came: Came,
) -> Result<bool, StoreError> {
    let own = matches!(filing.state, FilingState::Sending { attempt, .. } if attempt == job.token);
    let state = match came {
        Came::Document(document) => FilingState::Filed(document),
        Came::Rejection => FilingState::Rejected,
        // An attempt under way of which another holder knows is not undone by this one.
        Came::Nothing if own => FilingState::Open,
        Came::Nothing | Came::Unknown => return Ok(false),
    };
    if state == filing.state || matches!(filing.state, FilingState::Filed(_)) {
        return Ok(false);
    }
    tx.update(&office.filings, Filing { state, ..*filing }).await.map(|()| true)
}
