//! A clerk who handles mail: patient and honest, guided only by the list and the provider's page.
//!
//! The clerk reads the list whenever it has something new, looks up each mail on the provider's page, and settles it.
//! An outcome on the page is recorded; mail that the provider never accepted, or dropped, is sent again; mail that
//! could not be rendered is replayed once its text has a new version.

use crate::backbone::mail::provider::{Activity, ProviderApi};
use crate::backbone::mail::review_queue::{Decision, Listed, MailReviewQueue};
use crate::backbone::mail::rows::{Known, MailState};
use shakedown_sim::{Duration, Env, Poller, Signal};

/// How often the clerk reads the list while there is something to do.
const PERIOD: Duration = Duration::from_secs(600);
/// The clerk's timeout for a page.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A clerk with two pages: ours and the provider's.
#[derive(Clone)]
pub struct Clerk {
    review_queue: MailReviewQueue,
    provider: ProviderApi,
}

impl Clerk {
    /// Creates a clerk who sees the list of `review_queue` and the page of `provider`.
    pub fn new(review_queue: &MailReviewQueue, provider: &ProviderApi) -> Self {
        Self { review_queue: review_queue.clone(), provider: provider.clone() }
    }

    /// Starts the work; `news` is raised when the list may have changed.
    pub fn begin(&self, env: &Env, news: &Signal) {
        let (at, env, news) = (self.clone(), env.clone(), news.clone());
        env.clone().spawn(async move {
            let mut poller = Poller::new(&env, &news, PERIOD);
            let mut again = None;
            loop {
                poller.turn(again).await;
                let done = at.look(&env).await;
                again = (!done).then(|| env.now() + PERIOD);
            }
        });
    }

    /// Works through the list. Returns whether nothing is left to check again later.
    pub async fn look(&self, env: &Env) -> bool {
        let Ok(Some(listed)) = env.call(&self.review_queue.listed, (), TIMEOUT).await else { return false };
        let mut done = true;
        for line in listed {
            let env = env.within(line.notification.context).child("clerk");
            done &= self.handle(&env, &line).await;
        }
        done
    }

    /// Handles one mail. Returns whether nothing more can be done now.
    async fn handle(&self, env: &Env, line: &Listed) -> bool {
        let sends: Vec<u32> = line.sends.iter().map(|send| send.id).collect();
        let decision = if line.notification.state == MailState::DeadLetter {
            let is_mended = line.current > line.notification.template || !sends.is_empty();
            if !is_mended {
                return true;
            }
            Decision::Replay(line.notification.id)
        } else {
            let Ok(page) = env.call(&self.provider.activity, sends, TIMEOUT).await else { return false };
            decide(line, &page)
        };
        if let Decision::Found(..) = decision {
            env.because(|| "the provider's page says so".to_owned());
        }
        let taken = env.call(&self.review_queue.decide, decision, TIMEOUT).await == Ok(true);
        // A mail that the provider still processes must be checked again.
        taken && !matches!(decision, Decision::Found(_, Known::Accepted(_)))
    }
}

/// Returns the decision for a page: an outcome of one of the attempts takes precedence over attempts in progress.
fn decide(line: &Listed, page: &[Activity]) -> Decision {
    let found = |wanted: fn(&Known) -> bool| {
        page.iter().find_map(|activity| Some((activity.send, activity.became.filter(wanted)?)))
    };
    let best = found(|known| matches!(known, Known::Delivered(_)))
        .or_else(|| found(|known| matches!(known, Known::Accepted(_))))
        .or_else(|| found(|known| matches!(known, Known::Bounced(_))));
    match best {
        Some((send, known)) => Decision::Found(send, known),
        None => Decision::SendAgain(line.notification.id),
    }
}
