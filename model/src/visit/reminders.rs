//! Reminders: two hours before a visit that was booked ahead, its patient is reminded.
//!
//! The row of a visit holds the moment, so that a missed reminder is made up for, and it is cleared with the event that
//! sends the message, so that no patient is reminded twice.

use super::change::Order;
use super::platform::Platform;
use super::rows::{Action, Actor, Status, Visit};
use crate::settings::{REMINDER_AGAIN, REMINDER_LOOKS};
use shakedown_sim::{Env, Moment, Poller, StoreError};
use std::rc::Rc;

/// Marks the keys of reminders, so that no form and no row of a clinic has the same key.
const REMINDER: u64 = 1 << 61;

/// Boots the node that reminds patients.
pub fn boot(env: &Env, platform: &Rc<Platform>) {
    let (env, platform) = (env.clone(), Rc::clone(platform));
    env.clone().spawn(async move {
        let mut poller = Poller::new(&env, platform.tables.visits.signal(), REMINDER_LOOKS);
        let mut due = None;
        loop {
            poller.turn(due).await;
            due = match remind(&env, &platform).await {
                Ok(due) => due,
                Err(_) => Some(env.now() + REMINDER_AGAIN),
            };
        }
    });
}

/// Reminds each patient who is due. Returns the next moment at which one is.
async fn remind(env: &Env, platform: &Rc<Platform>) -> Result<Option<Moment>, StoreError> {
    let is_open = |visit: &Visit| visit.status == Status::Scheduled && visit.remind_at.is_some();
    let open = platform.backbone.store.begin(env).scan(&platform.tables.visits, is_open).await?;
    let now = platform.backbone.now(env);
    let is_due = |visit: &&Visit| visit.remind_at.is_some_and(|at| at <= now);
    for visit in open.iter().filter(is_due) {
        let (action, by, request) = (Action::Remind, Actor::Reminder, Some(REMINDER | u64::from(visit.id)));
        let order = Order { visit: visit.id, action, by, revision: visit.revision, request };
        let env = env.within(visit.context).child("reminder");
        platform.design.workflow_service.carry_out(env, Rc::clone(platform), order).await?;
    }
    Ok(open.iter().filter_map(|visit| visit.remind_at).filter(|at| *at > now).min())
}
