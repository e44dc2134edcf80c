//! The worker of the booking flow: a job processes a booking as far as possible.
//!
//! A job runs in turns. Each turn is one transaction: it stores the result of the last call, settles the booking by all
//! that is known, decides the next step, and writes what must be recorded before that step. The step itself runs outside
//! any transaction.

use super::case::{Case, Evidence, Step};
use super::change;
use super::connector::{CancelRequest, CancelResponse, ReserveRequest};
use super::evidence::{News, take_in};
use super::platform::{JOB, Platform, job_for};
use super::rows::{Ask, Attempt, Attention, Booking, Known, Standing};
use super::run::Run;
use crate::backbone::dependencies::{Dependency, Health};
use crate::backbone::events::{self, Event};
use crate::backbone::jobs::{self, Job, JobKind};
use crate::backbone::retry::in_transaction;
use crate::backbone::workers::{Handler, STORE_AGAIN, Working};
use crate::settings::{HANDLER, PARTNER_TIMEOUT};
use shakedown_sim::{CallError, Env, Moment, StoreError, Transaction};
use std::rc::Rc;

/// Processes bookings, one job at a time.
pub struct Carrier(pub Rc<Platform>);

impl Handler for Carrier {
    fn kind(&self) -> JobKind {
        JOB
    }

    fn work(&self, env: Env, job: Job) -> Working {
        let platform = Rc::clone(&self.0);
        Box::pin(async move { work(&env, &platform, job).await })
    }

    fn dependency(&self) -> Option<Dependency> {
        Some(Dependency("partner"))
    }
}

/// Makes a worker also take jobs that wait outside the table of jobs, if there are any.
pub fn boot(env: &Env, platform: &Rc<Platform>) {
    platform.design.work_queue.boot(env, platform);
}

/// How often a turn is tried when its commit fails.
pub(super) const STORE_TRIES: u32 = 5;

/// Works on a claimed job until nothing is left to do now. Returns the health of the partner, as seen by its last
/// call.
pub(crate) async fn work(env: &Env, platform: &Rc<Platform>, job: Job) -> Health {
    let until = env.now() + HANDLER;
    let run = Run::of(platform, job);
    let completion = &platform.design.completion_worker;
    let (mut news, mut health) = (News::None, Health::Unknown);
    loop {
        let env = &env.child("step");
        let Some(decision) = turn_for_sure(env, &run, &news, until).await else { return health };
        news = match decision {
            Decision::Call(attempt, reference, price, why) => {
                env.because(|| why.to_owned());
                let evidence = call(env, platform, attempt, reference, price).await;
                if platform.screens.is_some() && attempt.ask == Ask::Reserve {
                    completion.responded(env, &run, evidence).await;
                }
                News::Attempt(attempt, evidence)
            }
            Decision::Lookup(booking) => {
                let asked = platform.backbone.now(env);
                News::Looked(asked, env.call(&platform.partner.lookup, booking, PARTNER_TIMEOUT).await.ok())
            }
            Decision::Read(reservation) => {
                let found = env.call(&platform.partner.read, reservation, PARTNER_TIMEOUT).await;
                News::Read(reservation, found.ok().flatten())
            }
            Decision::Stored => {
                completion.stored(env, &run).await;
                return health;
            }
            Decision::Over => return health,
        };
        health = partner_health(&news);
    }
}

/// Returns the health of the partner, as seen by the outcome of a call.
fn partner_health(news: &News) -> Health {
    match news {
        News::None => Health::Unknown,
        News::Attempt(_, Evidence::Standing(..) | Evidence::Refused)
        | News::Looked(_, Some(_))
        | News::Read(_, Some(_)) => Health::Good,
        News::Attempt(..) | News::Looked(_, None) | News::Read(_, None) => Health::Bad,
    }
}

/// The decision of a turn, with all that the step needs.
#[derive(Clone, Copy)]
enum Decision {
    /// The call of the attempt, with the booking's number and price, and the reason.
    Call(Attempt, u32, u32, &'static str),
    Lookup(u32),
    Read(u32),
    /// The result is stored; the screen must be updated and the job acknowledged.
    Stored,
    Over,
}

/// Runs a turn whose commit is certain. If a commit's outcome is unknown the turn runs again and finds what it wrote,
/// if it did. Returns `None` if the store fails for too long; the lease will then end.
async fn turn_for_sure(env: &Env, run: &Run, news: &News, until: Moment) -> Option<Decision> {
    let mut unsent = None;
    for _ in 0..STORE_TRIES {
        let turn = async || turn(env, run, news, &mut unsent, until).await;
        match in_transaction(env, turn).await {
            Ok(decision) => return Some(decision),
            Err(_) => env.sleep(STORE_AGAIN).await,
        }
    }
    None
}

async fn turn(
    env: &Env,
    run: &Run,
    news: &News,
    unsent: &mut Option<Attempt>,
    until: Moment,
) -> Result<Decision, StoreError> {
    let (platform, job) = (&*run.platform, &run.job);
    let (tables, now) = (&platform.tables, platform.backbone.now(env));
    let mut tx = platform.backbone.store.begin(env);
    let Some(booking) = tx.lock(&tables.bookings, &job.subject).await? else { return Ok(Decision::Over) };
    let held = run.hold(&mut tx).await?;
    let learnt = take_in(&mut tx, platform, &booking, news, held.is_none(), now).await?;
    let Some(held) = held else {
        if !learnt.is_empty() {
            env.because(|| "it has lost the job meanwhile, but its result counts".to_owned());
            jobs::wake(&mut tx, &platform.backbone, job_for(booking.id, booking.context), now).await?;
            tx.commit("late news").await?;
        }
        return Ok(Decision::Over);
    };
    let mut case = read_case(&mut tx, platform, booking, learnt, now).await?;
    platform.design.booking_contract.settle(&mut case);
    let step = platform.design.status_sync.next(&case);
    let step = platform.design.retry_safe_job.again(&case, step);
    if let Some(attempt) = unsent.and_then(|unsent| case.attempts.iter().find(|row| row.id == unsent.id)) {
        // The commit whose response was lost has taken effect; its call was never made.
        return Ok(Decision::Call(*attempt, booking.id, booking.price, "the commit took effect after all"));
    }
    let step = if env.now() >= until && is_call(step) { Step::Wait(now) } else { step };
    let event = write_booking(&mut tx, platform, booking, &case, (step, &held)).await?;
    let decision = prepare(&mut tx, platform, env, &case, step, &held).await?;
    if let Decision::Call(attempt, ..) = decision {
        *unsent = platform.design.execution_log.before_call(attempt);
    }
    tx.commit(if let Decision::Stored = decision { "result" } else { name_of(step) }).await?;
    events::follow_up(env, &platform.backbone, event).await;
    Ok(decision)
}

fn is_call(step: Step) -> bool {
    matches!(step, Step::Reserve | Step::Cancel(_) | Step::Lookup | Step::Read(_))
}

fn name_of(step: Step) -> &'static str {
    match step {
        Step::Reserve => "attempt to reserve",
        Step::Cancel(_) => "attempt to cancel",
        Step::Lookup | Step::Read(_) => "ask the partner",
        Step::Wait(_) => "job waits",
        Step::Review(_) => "review",
        Step::Done => "job done",
    }
}

async fn read_case(
    tx: &mut Transaction,
    platform: &Platform,
    booking: Booking,
    news: Vec<Evidence>,
    now: Moment,
) -> Result<Case, StoreError> {
    let attempts = tx.scan(&platform.tables.attempts, |attempt| attempt.booking == booking.id).await?;
    let holdings = tx.scan(&platform.tables.holdings, |holding| holding.booking == booking.id).await?;
    Ok(Case { booking, attempts, holdings, news, terms: platform.terms, now })
}

/// Writes the booking of the case, if it has changed. Returns the event if there is one.
async fn write_booking(
    tx: &mut Transaction,
    platform: &Platform,
    before: Booking,
    case: &Case,
    (step, job): (Step, &Job),
) -> Result<Option<Event>, StoreError> {
    let attention = match step {
        Step::Review(_) => Attention::Review,
        Step::Wait(_) if job.has_waited_enough() => Attention::Review,
        Step::Wait(_) if case.in_doubt().next().is_some() => Attention::Checking,
        Step::Wait(_) | Step::Done => Attention::None,
        _ => case.booking.attention,
    };
    change::update(tx, platform, &before, Booking { attention, ..case.booking }).await
}

/// Writes what must be on record before the step.
async fn prepare(
    tx: &mut Transaction,
    platform: &Platform,
    env: &Env,
    case: &Case,
    step: Step,
    job: &Job,
) -> Result<Decision, StoreError> {
    let (booking, backbone) = (&case.booking, &platform.backbone);
    match step {
        Step::Reserve => {
            let attempt = new_attempt(platform, case, Ask::Reserve);
            return begin_call(tx, platform, attempt, booking, why_reserve(case)).await;
        }
        Step::Cancel(reservation) => {
            let attempt = new_attempt(platform, case, Ask::Cancel(reservation));
            return begin_call(tx, platform, attempt, booking, "the reservation must not remain").await;
        }
        Step::Lookup => return Ok(Decision::Lookup(booking.id)),
        Step::Read(reservation) => return Ok(Decision::Read(reservation)),
        Step::Wait(due) => {
            jobs::wait(tx, backbone, job, due).await?;
            return Ok(Decision::Over);
        }
        Step::Review(reason) => env.because(|| reason.to_owned()),
        Step::Done => {}
    }
    if platform.screens.is_some() {
        return Ok(Decision::Stored);
    }
    // Without a screen to update, one transaction stores the result and acknowledges the job.
    jobs::succeed(tx, backbone, job, case.now).await?;
    Ok(Decision::Over)
}

fn why_reserve(case: &Case) -> &'static str {
    match case.reserving().last().map(|attempt| attempt.known) {
        None => "no attempt is on record",
        Some(Known::Started | Known::Unknown) => "the outcome of the last attempt is unknown",
        Some(_) => "the last attempt had no effect",
    }
}

fn new_attempt(platform: &Platform, case: &Case, ask: Ask) -> Attempt {
    let (id, booking) = (platform.numbers.attempts.next(), &case.booking);
    let key = platform.design.retry_safe_job.key(booking, id);
    Attempt {
        id,
        booking: booking.id,
        generation: booking.generation,
        ask,
        key,
        known: Known::Started,
        sent: case.now,
        learnt: case.now,
        checks: 0,
        late: false,
    }
}

async fn begin_call(
    tx: &mut Transaction,
    platform: &Platform,
    attempt: Attempt,
    booking: &Booking,
    why: &'static str,
) -> Result<Decision, StoreError> {
    if let Some(row) = platform.design.execution_log.before_call(attempt) {
        tx.insert(&platform.tables.attempts, row).await?;
    }
    Ok(Decision::Call(attempt, booking.id, booking.price, why))
}

/// Makes the attempt's call.
async fn call(env: &Env, platform: &Platform, attempt: Attempt, reference: u32, price: u32) -> Evidence {
    let (id, key) = (attempt.id, attempt.key);
    match attempt.ask {
        Ask::Reserve => {
            let request = ReserveRequest { attempt: id, key, reference, price };
            match env.call(&platform.partner.reserve, request, PARTNER_TIMEOUT).await {
                Ok(answer) => platform.design.booking_contract.translate(answer),
                Err(CallError::Refused) => Evidence::NoEffect,
                Err(CallError::TimedOut) => Evidence::Unknown,
            }
        }
        Ask::Cancel(reservation) => {
            let request = CancelRequest { attempt: id, reservation };
            match env.call(&platform.partner.cancel, request, PARTNER_TIMEOUT).await {
                Ok(CancelResponse::Ended) => Evidence::Standing(reservation, Standing::Ended),
                Ok(CancelResponse::Refused) => Evidence::Refused,
                Err(CallError::Refused) => Evidence::NoEffect,
                Ok(CancelResponse::ServerError) | Err(CallError::TimedOut) => Evidence::Unknown,
            }
        }
    }
}
