//! The review queue: bookings that are left to a person, and the person's findings about them.
//!
//! People see more than the platform does: the partner's own list, which names guests even where its operations know
//! no reference. Their findings are evidence like any other: they settle attempts by the same rules, and the
//! booking's job continues.

use super::change;
use super::connector::Record;
use super::evidence;
use super::platform::{JOB, Platform, job_for};
use super::rows::{Attempt, Attention, Booking, Review, Status, Verdict};
use crate::backbone::events::{self, Event};
use crate::backbone::jobs::{self, Job, JobState};
use crate::backbone::retry::in_transaction;
use shakedown_sim::{Endpoint, Env, Link, Moment, Op, StoreError, Transaction};
use std::rc::Rc;

/// A booking that waits for a person, with what is known about it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Listed {
    /// The booking.
    pub booking: Booking,
    /// The time of the last request whose outcome is open; `None` if there is none.
    pub in_doubt: Option<Moment>,
}

/// A person's finding about a booking.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    /// The booking.
    pub booking: u32,
    /// The reservations that the partner's list showed for it at that time.
    pub shown: Vec<Record>,
    /// The time at which they looked.
    pub looked: Moment,
    /// The reservation that the partner refuses to cancel.
    pub kept: Option<u32>,
}

/// The operations of the review queue.
#[derive(Clone)]
pub struct ReviewQueue {
    /// Lists the bookings that wait for a person; `None` if the database fails, which is not an empty list.
    pub list: Endpoint<(), Option<Vec<Listed>>>,
    /// Enters a finding; returns whether it was accepted.
    pub enter: Endpoint<Finding, bool>,
}

/// The name of the person who works through the list, as records show it.
const REVIEWER: &str = "the reviewer";

impl ReviewQueue {
    /// Creates the operations, over `inside`.
    pub fn over(inside: &Link) -> Self {
        Self {
            list: Endpoint::new(Op::routine("desk.list", "looks at the list of reviews"), inside),
            enter: Endpoint::new(Op::new("desk.enter", "enters what the partner's list shows"), inside),
        }
    }

    /// Serves the review queue on a node of the API.
    pub fn boot(&self, env: &Env, platform: &Rc<Platform>) {
        let at = Rc::clone(platform);
        self.list.serve(env, move |env, ()| {
            let at = Rc::clone(&at);
            async move { list(&env, &at).await.ok() }
        });
        let at = Rc::clone(platform);
        self.enter.serve(env, move |env, finding| enter(env, Rc::clone(&at), finding));
    }
}

async fn list(env: &Env, platform: &Platform) -> Result<Vec<Listed>, StoreError> {
    let mut tx = platform.backbone.store.begin(env);
    let dead = dead_letters(&mut tx, platform).await?;
    let is_listed =
        |row: &Booking| row.attention == Attention::Review || dead.iter().any(|job| job.subject == row.id);
    let mut all = Vec::new();
    for booking in tx.scan(&platform.tables.bookings, is_listed).await? {
        let of_booking = |attempt: &Attempt| attempt.booking == booking.id && attempt.known.is_open();
        let open = tx.scan(&platform.tables.attempts, of_booking).await?;
        all.push(Listed { booking, in_doubt: open.iter().map(|attempt| attempt.sent).max() });
    }
    Ok(all)
}

async fn dead_letters(tx: &mut Transaction, platform: &Platform) -> Result<Vec<Job>, StoreError> {
    let is_dead = |job: &Job| job.kind == JOB && job.state == JobState::DeadLetter;
    tx.scan(&platform.backbone.jobs, is_dead).await
}

async fn enter(env: Env, platform: Rc<Platform>, finding: Finding) -> bool {
    match in_transaction(&env, async || take_in(&env, &platform, &finding).await).await {
        Ok((taken, event)) => {
            events::follow_up(&env, &platform.backbone, event).await;
            taken
        }
        Err(_) => false,
    }
}

/// Updates the rows with the finding, and continues the booking's job. Returns whether a finding was needed.
async fn take_in(
    env: &Env,
    platform: &Platform,
    finding: &Finding,
) -> Result<(bool, Option<Event>), StoreError> {
    let (backbone, tables, now) = (&platform.backbone, &platform.tables, platform.backbone.now(env));
    let mut tx = backbone.store.begin(env);
    let Some(booking) = tx.lock(&tables.bookings, &finding.booking).await? else { return Ok((false, None)) };
    let dead = dead_letters(&mut tx, platform).await?.into_iter().find(|job| job.subject == booking.id);
    if booking.attention != Attention::Review && dead.is_none() {
        return Ok((false, None));
    }
    let mut tx = tx.within(&env.within(booking.context).child("review"));
    let before = tx.scan(&tables.reviews, |review| review.booking == booking.id).await?;
    evidence::looked(&mut tx, platform, &booking, finding.looked, Some(&finding.shown)).await?;
    let (after, verdict) = match finding.kept {
        Some(reservation) if booking.status == Status::Cancelling => {
            (stands(booking, reservation), Verdict::NotCancelled)
        }
        _ if finding.shown.is_empty() => (booking, Verdict::Nothing),
        _ => (booking, Verdict::Shown),
    };
    let event = change::update(&mut tx, platform, &booking, after).await?;
    let number = before.len() as u32 + 1;
    tx.insert(&tables.reviews, Review { booking: booking.id, number, by: REVIEWER, verdict }).await?;
    match dead {
        Some(job) => {
            let who = (REVIEWER, "what became of it at the partner is known now");
            jobs::replay(&mut tx, backbone, job.id, who, now).await?;
        }
        None => jobs::wake(&mut tx, backbone, job_for(booking.id, booking.context), now).await?,
    }
    tx.commit("review").await?;
    Ok((true, event))
}

/// Returns the booking after the partner refused to cancel its reservation: it is confirmed again.
fn stands(booking: Booking, reservation: u32) -> Booking {
    let (status, attention) = (Status::Confirmed, Attention::None);
    Booking { status, attention, reservation: Some(reservation), ..booking }
}
