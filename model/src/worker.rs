//! Workers: they take jobs and carry a booking as far as it goes.
//!
//! A job is worked in turns. Each turn is one transaction: it takes in what the last call brought, settles
//! the booking by all that is known, decides the next step, and writes what must be on record before that
//! step. Then the step is done, outside any transaction.

use crate::case::{Case, Evidence, Step};
use crate::connector::{CancelAnswer, CancelRequest, Record, ReserveRequest};
use crate::inbox;
use crate::jobs::{self, Taken, is_spent};
use crate::platform::Platform;
use crate::rows::{Ask, Attempt, Attention, Booking, Holding, Job, JobState, Known, Standing};
use crate::terms::{CHECKS, HANDLER, JOB_PERIOD, PARTNER_PATIENCE, QUARANTINE};
use shakedown_sim::{CallError, Duration, Env, Moment, Poller, StoreError, Transaction};
use std::rc::Rc;

/// Boots a worker: looks for jobs whenever there may be some.
pub fn boot(env: &Env, platform: &Rc<Platform>) {
    let (env, platform) = (env.clone(), Rc::clone(platform));
    env.clone().spawn(async move {
        let mut poller = Poller::new(&env, platform.tables.jobs.signal(), JOB_PERIOD);
        let mut due = None;
        loop {
            poller.turn(due).await;
            due = drain(&env, &platform).await;
        }
    });
}

/// Takes all jobs that are due, each worked in a task of its own; answers when the next one is.
async fn drain(env: &Env, platform: &Rc<Platform>) -> Option<Moment> {
    loop {
        match jobs::take(env, platform).await {
            Ok(Taken::Claimed(env, job)) => {
                let platform = Rc::clone(platform);
                env.clone().spawn(async move { work(&env, &platform, job).await });
            }
            Ok(Taken::Moved) => {}
            Ok(Taken::Nothing(due)) => return due,
            Err(_) => return Some(env.now() + STORE_AGAIN),
        }
    }
}

/// How long to wait after the store failed us, and how often to try.
const STORE_AGAIN: Duration = Duration::from_secs(1);
const STORE_TRIES: u32 = 5;

/// What a step brought.
#[derive(Clone, Debug)]
enum News {
    /// Nothing yet: the first turn.
    None,
    /// An attempt ended like this; the row, in case it is not on record.
    Attempt(Attempt, Evidence),
    /// The partner was asked for the booking's reference, then.
    Looked(Moment, Option<Vec<Record>>),
    /// The partner was asked about a reservation.
    Read(u32, Option<Record>),
}

/// Works on a claimed job until nothing is left to do now.
pub(crate) async fn work(env: &Env, platform: &Rc<Platform>, job: Job) {
    let until = env.now() + HANDLER;
    let mut news = News::None;
    loop {
        let env = &env.child("step");
        let Some(decision) = turn_for_sure(env, platform, &job, &news, until).await else { return };
        news = match decision {
            Decision::Call(attempt, reference, price, why) => {
                env.because(|| why.to_owned());
                call(env, platform, attempt, reference, price).await
            }
            Decision::Lookup(booking) => {
                let asked = env.now();
                News::Looked(asked, env.call(&platform.partner.lookup, booking, PARTNER_PATIENCE).await.ok())
            }
            Decision::Read(reservation) => {
                let found = env.call(&platform.partner.read, reservation, PARTNER_PATIENCE).await;
                News::Read(reservation, found.ok().flatten())
            }
            Decision::Over => return,
        };
    }
}

/// What a turn has decided, with all that the step needs.
#[derive(Clone, Copy)]
enum Decision {
    /// The attempt's call, with the booking's number and price, and the reason.
    Call(Attempt, u32, u32, &'static str),
    Lookup(u32),
    Read(u32),
    Over,
}

/// A turn whose commit is certain. If a commit's outcome is unknown the turn is taken again: what it wrote,
/// if it did, is found then. `None` if the store fails for too long; the lease will end.
async fn turn_for_sure(
    env: &Env,
    platform: &Rc<Platform>,
    job: &Job,
    news: &News,
    until: Moment,
) -> Option<Decision> {
    let mut unsent = None;
    for _ in 0..STORE_TRIES {
        match turn(env, platform, job, news, &mut unsent, until).await {
            Ok(decision) => return Some(decision),
            Err(_) => env.sleep(STORE_AGAIN).await,
        }
    }
    None
}

async fn turn(
    env: &Env,
    platform: &Platform,
    job: &Job,
    news: &News,
    unsent: &mut Option<Attempt>,
    until: Moment,
) -> Result<Decision, StoreError> {
    let tables = &platform.tables;
    let mut tx = platform.store.begin(env);
    let Some(booking) = tx.lock(&tables.bookings, &job.booking).await? else { return Ok(Decision::Over) };
    let Some(held) = tx.lock(&tables.jobs, &job.id).await? else { return Ok(Decision::Over) };
    let lost = held.token != job.token || held.state != JobState::Running;
    let learnt = take_in(&mut tx, platform, &booking, news, lost, env.now()).await?;
    if lost {
        if !learnt.is_empty() {
            env.because(|| "it has lost the job meanwhile, but what it learnt counts".to_owned());
            jobs::wake(&mut tx, platform, (booking.id, booking.context), env.now()).await?;
            tx.commit("late news").await?;
        }
        return Ok(Decision::Over);
    }
    let mut case = read_case(&mut tx, platform, booking, learnt, env.now()).await?;
    platform.design.contract.settle(&mut case);
    let step = platform.design.recovery.next(&case);
    let step = platform.design.retry.again(&case, step);
    if let Some(attempt) = unsent.and_then(|unsent| case.attempts.iter().find(|row| row.id == unsent.id)) {
        // The commit whose answer was lost has taken effect; its call was never made.
        return Ok(Decision::Call(
            *attempt,
            booking.id,
            booking.price,
            "its record was kept, as it turns out",
        ));
    }
    let step = if env.now() >= until && is_call(step) { Step::Wait(env.now()) } else { step };
    write_booking(&mut tx, platform, booking, &case, (step, &held)).await?;
    let decision = prepare(&mut tx, platform, env, &case, step, &held).await?;
    if let Decision::Call(attempt, ..) = decision {
        *unsent = platform.design.log.before_call(attempt);
    }
    tx.commit(name_of(step)).await?;
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

/// Writes what the case came to, if it is anything new.
async fn write_booking(
    tx: &mut Transaction,
    platform: &Platform,
    before: Booking,
    case: &Case,
    (step, job): (Step, &Job),
) -> Result<(), StoreError> {
    let attention = match step {
        Step::Review(_) => Attention::Review,
        Step::Wait(_) if is_spent(job) => Attention::Review,
        Step::Wait(_) if case.in_doubt().next().is_some() => Attention::Checking,
        Step::Wait(_) | Step::Done => Attention::None,
        _ => case.booking.attention,
    };
    let after = Booking { attention, ..case.booking };
    if after == before {
        return Ok(());
    }
    tx.update(&platform.tables.bookings, Booking { version: before.version + 1, ..after }).await
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
    let booking = &case.booking;
    let ended = |state, due| Job { state, due, woken: false, ..*job };
    let ends = match step {
        Step::Reserve => {
            let attempt = new_attempt(platform, case, Ask::Reserve);
            return begin_call(tx, platform, attempt, booking, why_reserve(case)).await;
        }
        Step::Cancel(reservation) => {
            let attempt = new_attempt(platform, case, Ask::Cancel(reservation));
            return begin_call(tx, platform, attempt, booking, "the reservation must not stand").await;
        }
        Step::Lookup => return Ok(Decision::Lookup(booking.id)),
        Step::Read(reservation) => return Ok(Decision::Read(reservation)),
        _ if job.woken => ended(JobState::Failed, case.now),
        Step::Wait(due) => ended(JobState::Failed, due),
        Step::Review(reason) => {
            env.because(|| reason.to_owned());
            ended(JobState::Succeeded, job.due)
        }
        Step::Done => ended(JobState::Succeeded, job.due),
    };
    tx.update(&platform.tables.jobs, ends).await?;
    Ok(Decision::Over)
}

fn why_reserve(case: &Case) -> &'static str {
    match case.reserving().last().map(|attempt| attempt.known) {
        None => "no attempt is on record",
        Some(Known::Started | Known::Unknown) => "it is unknown what became of the last attempt",
        Some(_) => "the last attempt had no effect",
    }
}

fn new_attempt(platform: &Platform, case: &Case, ask: Ask) -> Attempt {
    let (id, booking) = (platform.next_attempt(), &case.booking);
    let key = platform.design.retry.key(booking, id);
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
    if let Some(row) = platform.design.log.before_call(attempt) {
        tx.insert(&platform.tables.attempts, row).await?;
    }
    Ok(Decision::Call(attempt, booking.id, booking.price, why))
}

/// Makes the attempt's call.
async fn call(env: &Env, platform: &Platform, attempt: Attempt, reference: u32, price: u32) -> News {
    let (id, key) = (attempt.id, attempt.key);
    let evidence = match attempt.ask {
        Ask::Reserve => {
            let request = ReserveRequest { attempt: id, key, reference, price };
            match env.call(&platform.partner.reserve, request, PARTNER_PATIENCE).await {
                Ok(answer) => platform.design.contract.translate(answer),
                Err(CallError::Refused) => Evidence::NoEffect,
                Err(CallError::TimedOut) => Evidence::Unknown,
            }
        }
        Ask::Cancel(reservation) => {
            let request = CancelRequest { attempt: id, reservation };
            match env.call(&platform.partner.cancel, request, PARTNER_PATIENCE).await {
                Ok(CancelAnswer::Ended) => Evidence::Standing(reservation, Standing::Ended),
                Err(CallError::Refused) => Evidence::NoEffect,
                Ok(CancelAnswer::ServerError) | Err(CallError::TimedOut) => Evidence::Unknown,
            }
        }
    };
    News::Attempt(attempt, evidence)
}

/// Takes what the last step brought into the rows; answers the evidence in it.
async fn take_in(
    tx: &mut Transaction,
    platform: &Platform,
    booking: &Booking,
    news: &News,
    late: bool,
    now: Moment,
) -> Result<Vec<Evidence>, StoreError> {
    match news {
        News::None => Ok(Vec::new()),
        News::Attempt(attempt, evidence) => {
            settle_attempt(tx, platform, &Attempt { late, ..*attempt }, *evidence, now).await?;
            if let Evidence::Standing(reservation, standing) = *evidence {
                learn(tx, platform, booking.id, (reservation, standing), now).await?;
            }
            Ok(vec![*evidence])
        }
        News::Looked(asked, found) => looked(tx, platform, booking, *asked, found.as_deref()).await,
        News::Read(reservation, found) => {
            let Some(record) = found else {
                return doubt_on(tx, platform, *reservation, now).await.map(|()| Vec::new());
            };
            learn(tx, platform, booking.id, (record.reservation, record.standing), now).await?;
            Ok(vec![Evidence::Standing(record.reservation, record.standing)])
        }
    }
}

async fn settle_attempt(
    tx: &mut Transaction,
    platform: &Platform,
    attempt: &Attempt,
    evidence: Evidence,
    now: Moment,
) -> Result<(), StoreError> {
    let known = match evidence {
        Evidence::Standing(reservation, _) => Known::Effect(reservation),
        Evidence::Refused => Known::Refused,
        Evidence::NoEffect => Known::NoEffect,
        Evidence::Unknown => Known::Unknown,
    };
    let table = &platform.tables.attempts;
    let row = tx.lock(table, &attempt.id).await?.unwrap_or(*attempt);
    if row.known.is_open() {
        tx.update(table, Attempt { known, learnt: now, late: attempt.late, ..row }).await?;
    }
    // Attempts under one key are one to the partner.
    if let Known::Effect(_) = known {
        let same =
            |other: &Attempt| other.key == attempt.key && other.ask == attempt.ask && other.known.is_open();
        for other in tx.scan(table, |other| same(other) && other.id != attempt.id).await? {
            tx.update(table, Attempt { known, learnt: now, ..other }).await?;
        }
    }
    Ok(())
}

/// Keeps what was learnt of a reservation. What has ended has ended.
async fn learn(
    tx: &mut Transaction,
    platform: &Platform,
    booking: u32,
    (reservation, standing): (u32, Standing),
    now: Moment,
) -> Result<(), StoreError> {
    let table = &platform.tables.holdings;
    let before = tx.lock(table, &reservation).await?;
    let ended = before.is_some_and(|holding| holding.standing == Standing::Ended);
    let standing = if ended { Standing::Ended } else { standing };
    let checks = before.filter(|before| before.standing == standing).map_or(0, |before| before.checks + 1);
    let learnt = before.filter(|before| before.standing == standing).map_or(now, |before| before.learnt);
    let mut after = Holding { reservation, booking, standing, doubtful: false, learnt, checks };
    if before.is_none() {
        inbox::catch_up(tx, platform, &mut after).await?;
    }
    if before != Some(after) { tx.update(table, after).await } else { Ok(()) }
}

async fn doubt_on(
    tx: &mut Transaction,
    platform: &Platform,
    reservation: u32,
    now: Moment,
) -> Result<(), StoreError> {
    let table = &platform.tables.holdings;
    match tx.lock(table, &reservation).await? {
        Some(holding) => {
            tx.update(table, Holding { checks: holding.checks + 1, learnt: now, doubtful: true, ..holding })
                .await
        }
        None => Ok(()),
    }
}

/// Takes in a lookup: each reservation found belongs to an attempt in doubt; "not there" settles the others
/// once nothing that was sent can still be under way or hidden.
async fn looked(
    tx: &mut Transaction,
    platform: &Platform,
    booking: &Booking,
    asked: Moment,
    found: Option<&[Record]>,
) -> Result<Vec<Evidence>, StoreError> {
    let table = &platform.tables.attempts;
    let all = tx.scan(table, |attempt| attempt.booking == booking.id && attempt.ask == Ask::Reserve).await?;
    let mut in_doubt = all.iter().filter(|attempt| attempt.known.is_open());
    let Some(found) = found else {
        // It took up one of the checks, save the last: that one is repeated until it succeeds.
        for attempt in in_doubt {
            let checks = (attempt.checks + 1).min(CHECKS.len() as u32 - 1);
            tx.update(table, Attempt { learnt: asked, checks, ..*attempt }).await?;
        }
        return Ok(Vec::new());
    };
    let mut evidence = Vec::new();
    for record in found {
        learn(tx, platform, booking.id, (record.reservation, record.standing), asked).await?;
        evidence.push(Evidence::Standing(record.reservation, record.standing));
        let known = Known::Effect(record.reservation);
        if !all.iter().any(|attempt| attempt.known == known)
            && let Some(attempt) = in_doubt.next()
        {
            tx.update(table, Attempt { known, learnt: asked, ..*attempt }).await?;
        }
    }
    for attempt in in_doubt {
        let late = asked >= attempt.sent + QUARANTINE;
        let known = if late { Known::NoEffect } else { Known::Unknown };
        tx.update(table, Attempt { known, learnt: asked, checks: attempt.checks + 1, ..*attempt }).await?;
        evidence.push(if late { Evidence::NoEffect } else { Evidence::Unknown });
    }
    Ok(evidence)
}
