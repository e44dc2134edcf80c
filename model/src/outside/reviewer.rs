//! A reviewer: a person who handles the bookings that the platform cannot settle.
//!
//! They compare our list with the partner's own list, which names guests and is true. Confirmed reservations for a
//! booking that is over, or beside the one that it keeps, they end there by hand, unless the partner binds the
//! customer to them. If the partner shows nothing, they leave the booking until no request can be pending any more:
//! only then do they record this, and the platform may try again.

use crate::booking::connector::Record;
use crate::booking::review_queue::{Finding, Listed, ReviewQueue};
use crate::booking::rows::{Booking, Standing, Status};
use crate::outside::partner::PartnerPage;
use crate::settings::{BROWSER_TIMEOUT, QUARANTINE};
use shakedown_sim::{Duration, Env, Poller, Signal};

/// How often they look at the list while something is left.
const LOOKS_EVERY: Duration = Duration::from_secs(900);

/// A reviewer with two pages: ours and the partner's.
#[derive(Clone)]
pub struct Reviewer {
    /// The platform's review queue.
    pub review_queue: ReviewQueue,
    /// The partner's page.
    pub page: PartnerPage,
}

impl Reviewer {
    /// Starts the work; `news` is raised when the list may have changed.
    pub fn begin(self, env: &Env, news: &Signal) {
        let (env, mut poller) = (env.clone(), Poller::new(env, news, LOOKS_EVERY));
        env.clone().spawn(async move {
            let mut again = None;
            loop {
                poller.turn(again).await;
                let left = self.work_through(&env).await;
                again = left.then(|| env.now() + LOOKS_EVERY);
            }
        });
    }

    /// Works through the list. Returns whether something is left for later.
    async fn work_through(&self, env: &Env) -> bool {
        let look = env.child("look");
        let Ok(Some(list)) = look.call(&self.review_queue.list, (), BROWSER_TIMEOUT).await else {
            return true;
        };
        let mut left = false;
        for listed in list {
            let env = look.within(listed.booking.context).child("reviewer");
            left |= self.handle(&env, &listed).await.is_none();
        }
        left
    }

    /// Handles one booking; returns `None` if it is left for later.
    async fn handle(&self, env: &Env, listed: &Listed) -> Option<()> {
        let Listed { booking, in_doubt } = *listed;
        let mut shown = env.call(&self.page.list, booking.id, BROWSER_TIMEOUT).await.ok()?;
        let looked = env.now();
        if shown.is_empty() && in_doubt.is_some_and(|sent| looked < sent + QUARANTINE) {
            return None;
        }
        let mut kept = None;
        for record in unwanted(&booking, &shown) {
            if env.call(&self.page.end, record.reservation, BROWSER_TIMEOUT).await.ok()? {
                shown
                    .iter_mut()
                    .filter(|other| **other == record)
                    .for_each(|other| other.standing = Standing::Ended);
            } else {
                kept = Some(record.reservation);
            }
        }
        if kept.is_some() && booking.status != Status::Cancelling {
            env.note(|| "settles with the partner what the partner refuses to cancel".to_owned());
            return Some(());
        }
        let finding = Finding { booking: booking.id, shown, looked, kept };
        env.call(&self.review_queue.enter, finding, BROWSER_TIMEOUT).await.ok()?.then_some(())
    }
}

/// Returns the reservations that must end: all except the one that the booking keeps or may still keep.
fn unwanted(booking: &Booking, shown: &[Record]) -> Vec<Record> {
    let live = || shown.iter().filter(|record| record.standing != Standing::Ended);
    let keeps = match booking.status {
        Status::Confirmed => booking.reservation,
        Status::Accepted | Status::OnRequest => live().map(|record| record.reservation).min(),
        _ => None,
    };
    live().filter(|record| Some(record.reservation) != keeps).copied().collect()
}
