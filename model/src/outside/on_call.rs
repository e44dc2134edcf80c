//! A person on call: reviews dead-letter jobs, finds out their state, and has them replayed if that does no harm.
//!
//! They look at the list when they are called, and now and then while it has entries or the call is recent. For a job whose repetition would duplicate an effect they
//! first look at the registry's own page. If the page does not load, or shows nothing while a request may still be
//! pending, they leave the job for later. Requests that the registry rejects permanently stay listed.

use crate::filing::api::Api;
use crate::filing::connector::RegistryApi;
use crate::filing::review_queue::{Decision, Listed, Seen};
use crate::filing::rows::FilingState;
use crate::settings::{BROWSER_TIMEOUT, QUARANTINE};
use shakedown_sim::{Duration, Env, Poller, Signal};

/// How often they look at the list.
const LOOKS_EVERY: Duration = Duration::from_secs(900);

/// The person on call, with the pages that they can use.
#[derive(Clone)]
pub struct OnCall {
    /// The platform's review queue.
    pub review_queue: Api,
    /// The registry's page.
    pub registry: RegistryApi,
    /// The time for which they look at the list again after a call, also when it is empty: a job that is late when they
    /// are called may become a dead letter hours later.
    pub stays: Duration,
}

impl OnCall {
    /// Starts the shift. `calls` is raised when they are called.
    pub fn begin(self, env: &Env, calls: &Signal) {
        let (env, calls, mut poller) = (env.clone(), calls.clone(), Poller::new(env, calls, LOOKS_EVERY));
        env.clone().spawn(async move {
            let (mut again, mut heard, mut until) = (None, calls.version(), env.now());
            loop {
                poller.turn(again).await;
                if calls.version() != heard {
                    (heard, until) = (calls.version(), env.now() + self.stays);
                }
                let left = self.work_through(&env).await;
                again = (left || env.now() < until).then(|| env.now() + LOOKS_EVERY);
            }
        });
    }

    /// Works through the list. Returns whether something is left for later.
    async fn work_through(&self, env: &Env) -> bool {
        let look = env.child("look");
        let Ok(Some(list)) = look.call(&self.review_queue.dead_letters, (), BROWSER_TIMEOUT).await else {
            return true;
        };
        let mut left = false;
        for listed in list.iter().filter(|listed| listed.filing.state != FilingState::Rejected) {
            let env = look.within(listed.filing.context).child("person");
            left |= !self.handle(&env, listed).await;
        }
        left
    }

    /// Handles one job; returns whether it was sent back.
    async fn handle(&self, env: &Env, listed: &Listed) -> bool {
        let page = env.call(&self.registry.page, listed.filing.reference, BROWSER_TIMEOUT).await;
        let Ok(Some(page)) = page else { return false };
        let (seen, reason) = match (listed.is_doubtful, page.document) {
            (true, Some(document)) => (Seen::Document(document), "the registry has it"),
            (true, None) if !has_settled(env, listed) => return false,
            (true, None) => (Seen::Nothing, "it did not arrive at the registry"),
            (false, _) => (Seen::NotNeeded, "the registry is up, and a repeat does no harm"),
        };
        let decision = Decision { job: listed.job, seen, reason };
        env.call(&self.review_queue.replay, decision, BROWSER_TIMEOUT).await == Ok(true)
    }
}

/// Returns whether no request can still be pending.
fn has_settled(env: &Env, listed: &Listed) -> bool {
    !matches!(listed.filing.state, FilingState::Sending { since, .. } if env.now() < since + QUARANTINE)
}
