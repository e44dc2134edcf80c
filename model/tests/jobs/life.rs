//! The operations on a job against a specification of a few lines: which are allowed, for which caller, and with
//! which result.

use crate::{job, play};
use proptest::prelude::*;
use shakedown_model::Backbone;
use shakedown_model::backbone::dependencies::Health;
use shakedown_model::backbone::jobs::{self, Ending, Job, JobKind, JobState};
use shakedown_model::backbone::workers::{self, Handler, Working};
use shakedown_model::filing::JOB;
use shakedown_model::settings::{LEASE, MAX_ATTEMPTS, MAX_WAITS, backoff};
use shakedown_sim::{Duration, Env, Moment};
use std::cell::Cell;
use std::rc::Rc;

/// An operation on the job.
#[derive(Clone, Copy, Debug)]
enum Ask {
    /// Its holder has the result.
    Succeed,
    /// Its holder waits, for this many seconds.
    Wait(u64),
    /// Its holder has no result, and another attempt may have one (true) or not.
    Fail(bool),
    /// Its holder shuts down, and returns it to the queue.
    HandBack,
    /// An earlier holder has a result.
    SucceedLate,
    /// A person replays it.
    Replay,
    /// This many seconds pass.
    Pass(u64),
}

fn asks() -> impl Strategy<Value = Vec<Ask>> {
    let ask = prop_oneof![
        2 => Just(Ask::Succeed),
        2 => (0_u64..600).prop_map(Ask::Wait),
        6 => prop::bool::weighted(0.9).prop_map(Ask::Fail),
        1 => Just(Ask::HandBack),
        1 => Just(Ask::SucceedLate),
        2 => Just(Ask::Replay),
        4 => (1_u64..400).prop_map(Ask::Pass),
    ];
    prop::collection::vec(ask, 1..60)
}

/// The specification of the job: its allowed moves, and its counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Spec {
    state: JobState,
    token: u32,
    attempts: u32,
    waits: u32,
    replays: u32,
    /// The time at which it moves by itself: when it is due, or its lease ends.
    moves: Moment,
    is_final: bool,
}

impl Spec {
    fn of(job: &Job) -> Self {
        let moves = if job.state == JobState::Running { job.lease_until } else { job.due };
        let is_final = job.ended == Some(Ending::Final);
        let Job { state, token, attempts, waits, replays, .. } = *job;
        Self { state, token, attempts, waits, replays, moves, is_final }
    }

    fn running(self, now: Moment) -> Self {
        let (token, attempts) = (self.token + 1, self.attempts + 1);
        Spec { state: JobState::Running, token, attempts, moves: now + LEASE, ..self }
    }

    fn failed(self, now: Moment, is_final: bool) -> Self {
        let moves = if is_final { now } else { now + backoff(self.attempts) };
        Spec { state: JobState::Failed, moves, is_final, ..self }
    }

    /// Applies an operation at `now`; an operation that is not allowed has no effect.
    fn asked(self, ask: Ask, now: Moment) -> Self {
        match (ask, self.state) {
            (Ask::Succeed, JobState::Running) => Spec { state: JobState::Succeeded, is_final: false, ..self },
            (Ask::Fail(retryable), JobState::Running) => self.failed(now, !retryable),
            (Ask::HandBack, JobState::Running) => self.failed(now, false),
            (Ask::Wait(seconds), JobState::Running) => {
                let (attempts, waits) = (self.attempts - 1, self.waits + 1);
                let moves = now + Duration::from_secs(seconds);
                Spec { state: JobState::Failed, attempts, waits, moves, is_final: false, ..self }
            }
            (Ask::Replay, JobState::DeadLetter) => {
                let (state, attempts, waits, replays) = (JobState::Queued, 0, 0, self.replays + 1);
                Spec { state, attempts, waits, replays, moves: now, ..self }
            }
            _ => self,
        }
    }

    /// Returns the job after a worker has found it due.
    fn found(self, now: Moment) -> Self {
        let is_spent = self.is_final || self.attempts >= MAX_ATTEMPTS || self.waits >= MAX_WAITS;
        match self.state {
            JobState::Running => self.failed(now, false),
            JobState::Failed if is_spent => Spec { state: JobState::DeadLetter, ..self },
            JobState::Failed => Spec { state: JobState::Queued, ..self },
            JobState::Queued => self.running(now),
            JobState::Succeeded | JobState::DeadLetter => self,
        }
    }
}

/// The job as it was last claimed, and as it was claimed before that.
type Claims = Option<(Job, Option<Job>)>;

/// A worker that leaves its claimed jobs to the test.
struct Idle(Rc<Cell<Claims>>);

impl Handler for Idle {
    fn kind(&self) -> JobKind {
        JOB
    }
    fn work(&self, _: Env, job: Job) -> Working {
        let before = self.0.get().map(|(latest, _)| latest);
        self.0.set(Some((job, before)));
        Box::pin(async { Health::Unknown })
    }
}

/// Requests this change of the job, as a holder that may or may not make it.
async fn ask_for(env: &Env, backbone: &Backbone, claims: Claims, ask: Ask) {
    let now = env.now();
    let claim = match (ask, claims) {
        (Ask::SucceedLate, Some((_, before))) => before,
        (_, latest) => latest.map(|(latest, _)| latest),
    };
    if let (Ask::HandBack, Some(claim)) = (ask, claim) {
        return jobs::hand_back(env, backbone, &claim).await.expect("it can be written");
    }
    let mut tx = backbone.store.begin(env);
    let held = match claim {
        Some(claim) => jobs::hold(&mut tx, backbone, &claim).await.expect("it can be read"),
        None => None,
    };
    let done = match (ask, held) {
        (Ask::Replay, _) => jobs::replay(&mut tx, backbone, 1, ("a test", "it says so"), now).await.map(drop),
        (Ask::Succeed | Ask::SucceedLate, Some(held)) => jobs::succeed(&mut tx, backbone, &held, now).await,
        (Ask::Wait(seconds), Some(held)) => {
            jobs::wait(&mut tx, backbone, &held, now + Duration::from_secs(seconds)).await
        }
        (Ask::Fail(retryable), Some(held)) => {
            let ending = if retryable { Ending::Retryable } else { Ending::Final };
            jobs::fail(&mut tx, backbone, &held, ending, now).await
        }
        _ => Ok(()),
    };
    done.expect("it can be written");
    tx.commit("ask").await.expect("it commits");
}

/// Follows the job from row to row: each row must be a successor of the one before in the specification.
async fn follow(env: Env, backbone: Rc<Backbone>, asks: Vec<Ask>) {
    let claims = Rc::new(Cell::new(None));
    let idle: Rc<dyn Handler> = Rc::new(Idle(Rc::clone(&claims)));
    workers::boot(&env, &backbone, Rc::new([idle]));
    let mut spec = Spec::of(&job(&env, &backbone).await);
    for ask in asks {
        // If a worker is about to move it, or does not know its claim yet, that comes first.
        let knows = claims.get().is_some_and(|(latest, _)| latest.token == spec.token);
        let in_hand = spec.moves <= env.now() || (spec.state == JobState::Running && !knows);
        let asked = spec.asked(ask, env.now());
        // A due job may have been moved before the operation locks its row.
        let moved = (spec.moves <= env.now()).then(|| spec.found(spec.moves).asked(ask, env.now()));
        match ask {
            Ask::Pass(seconds) => env.sleep(Duration::from_secs(seconds)).await,
            ask => ask_for(&env, &backbone, claims.get(), ask).await,
        }
        env.sleep(LATE).await;
        let row = Spec::of(&job(&env, &backbone).await);
        let comes = |from: Spec| reach(from, row, env.now());
        let reached = comes(asked) || in_hand && comes(spec) || moved.is_some_and(comes);
        assert!(reached, "{spec:?}, asked {ask:?}, came to {row:?}");
        spec = row;
    }
}

/// The time after which a due job has certainly been moved: a worker that finds it locked returns after five seconds.
const LATE: Duration = Duration::from_secs(6);

/// Returns whether the specification reaches this row by `now`, with due moves made slightly late.
fn reach(mut spec: Spec, row: Spec, now: Moment) -> bool {
    loop {
        let is_over = matches!(spec.state, JobState::Succeeded | JobState::DeadLetter);
        let near = spec.moves <= row.moves && row.moves <= spec.moves + LATE;
        if (is_over || near) && (Spec { moves: row.moves, ..spec }) == row {
            return true;
        }
        if is_over || spec.moves > now {
            return false;
        }
        spec = spec.found(spec.moves);
    }
}

proptest! {
    #[test]
    fn a_job_moves_as_it_is_specified(asks in asks()) {
        play(move |env, backbone| follow(env, backbone, asks.clone()));
    }
}
