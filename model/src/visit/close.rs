//! The nightly close: records visits whose patient did not come by the end of the day.
//!
//! The row of a visit holds the end of its day, so a missed close is made up for later.

use super::change::Order;
use super::platform::Platform;
use super::rows::{Action, Actor, Status, Visit};
use crate::settings::{CLOSE_AGAIN, CLOSE_LOOKS};
use shakedown_sim::{Env, Moment, Poller, StoreError};
use std::rc::Rc;

/// Boots the node that closes days.
pub fn boot(env: &Env, platform: &Rc<Platform>) {
    let (env, platform) = (env.clone(), Rc::clone(platform));
    env.clone().spawn(async move {
        let mut poller = Poller::new(&env, platform.tables.visits.signal(), CLOSE_LOOKS);
        let mut due = None;
        loop {
            poller.turn(due).await;
            due = match close(&env, &platform).await {
                Ok(due) => due,
                Err(_) => Some(env.now() + CLOSE_AGAIN),
            };
        }
    });
}

/// Records a missed visit for each one that is still expected although its day is over. Returns the next end of a day
/// with such a visit.
async fn close(env: &Env, platform: &Rc<Platform>) -> Result<Option<Moment>, StoreError> {
    let is_open = |visit: &Visit| visit.status == Status::Scheduled;
    let open = platform.backbone.store.begin(env).scan(&platform.tables.visits, is_open).await?;
    let now = platform.backbone.now(env);
    for visit in open.iter().filter(|visit| visit.day_ends <= now) {
        let (action, by, revision) = (Action::Miss, Actor::NightlyClose, visit.revision);
        let order = Order { visit: visit.id, action, by, revision, request: None };
        let env = env.within(visit.context).child("close");
        platform.design.workflow_service.carry_out(env, Rc::clone(platform), order).await?;
    }
    Ok(open.iter().map(|visit| visit.day_ends).filter(|ends| *ends > now).min())
}
