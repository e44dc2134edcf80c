//! `completion-worker`: a result is stored, then sent to the screen, and only then its job is acknowledged.

use super::case::Evidence;
use super::rows::{Attention, Booking, Standing, Status};
use super::run::Run;
use crate::guardrail::{Guardrail, Naive};
use shakedown_sim::Env;
use std::future::Future;
use std::pin::Pin;

/// The row of `completion-worker` in the table of guardrails.
pub const ROW: Guardrail = Guardrail {
    name: "completion-worker",
    system: "request path",
    guarded: "a result is stored, then sent to the open screen, then its job is acknowledged",
    naive: &[Naive {
        what: "the job is acknowledged and the screen notified as soon as the partner has responded; then the result is stored",
        breaks: &["screens-agree-at-rest", "accepted-work-finishes"],
        masked_by: &[],
    }],
};

/// The future of an action.
pub type Doing<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;

/// The seam: when a run with a result updates the screen and acknowledges the job. It is called where screens have
/// connections.
pub trait CompletionWorker {
    /// Called with the partner's response, before the result is stored.
    fn responded<'a>(&self, env: &'a Env, run: &'a Run, answer: Evidence) -> Doing<'a>;
    /// Called once the result is stored.
    fn stored<'a>(&self, env: &'a Env, run: &'a Run) -> Doing<'a>;
}

/// Guarded: what the screen shows is already in the database. A job whose worker crashed on the way runs again, and
/// updates the screen again.
pub struct StoreTellAck;

impl CompletionWorker for StoreTellAck {
    fn responded<'a>(&self, _: &'a Env, _: &'a Run, _: Evidence) -> Doing<'a> {
        Box::pin(async {})
    }

    fn stored<'a>(&self, env: &'a Env, run: &'a Run) -> Doing<'a> {
        Box::pin(async move {
            if let Some(booking) = run.booking(env).await {
                run.push(env, &booking).await;
            }
            run.acknowledge(env).await;
        })
    }
}

/// Naive: the response has arrived, so the job is done: the customer sees the result first, and it is stored
/// afterwards.
pub struct AckTellStore;

impl CompletionWorker for AckTellStore {
    fn responded<'a>(&self, env: &'a Env, run: &'a Run, answer: Evidence) -> Doing<'a> {
        Box::pin(async move {
            let booking = run.booking(env).await;
            if let Some(result) = booking.and_then(|booking| result(&booking, answer)) {
                run.acknowledge(env).await;
                run.push(env, &result).await;
            }
        })
    }

    fn stored<'a>(&self, env: &'a Env, run: &'a Run) -> Doing<'a> {
        match run.is_over() {
            true => Box::pin(async {}),
            false => StoreTellAck.stored(env, run),
        }
    }
}

/// Returns an open booking after this response; `None` if the response settles nothing.
fn result(booking: &Booking, answer: Evidence) -> Option<Booking> {
    let (status, reservation) = match answer {
        Evidence::Standing(reservation, Standing::Confirmed) => (Status::Confirmed, Some(reservation)),
        Evidence::Refused => (Status::Failed, None),
        _ => return None,
    };
    let (attention, version) = (Attention::None, booking.version + 1);
    booking.status.is_open().then_some(Booking { status, attention, reservation, version, ..*booking })
}
