//! Tasks of the node whose code runs: they end with it, and a panic in one becomes its [`JoinError`].

mod control;
mod error;
mod join_set;
mod local;
mod spawned;

pub use control::{AbortHandle, Id, id, try_id};
pub use error::JoinError;
pub use join_set::JoinSet;
pub use local::{LocalEnterGuard, LocalSet, spawn_local};
pub use real::task::{LocalKey, coop, futures, unconstrained};
pub use spawned::JoinHandle;

use shakedown_sim::ambient::Handle;
pub(crate) use spawned::start as start_on;
use spawned::start;
use std::future::{Future, poll_fn};
use std::task::Poll;

/// Starts a task.
///
/// # Panics
/// Outside a simulation.
#[track_caller]
pub fn spawn<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    start(Handle::current(), future)
}

/// Runs `work` at once, on the thread of the simulation: it takes no virtual time.
#[track_caller]
pub fn spawn_blocking<F, R>(work: F) -> JoinHandle<R>
where
    F: FnOnce() -> R + Send + 'static,
    R: Send + 'static,
{
    spawned::run(Handle::current(), work)
}

/// Runs `work` at once.
pub fn block_in_place<R>(work: impl FnOnce() -> R) -> R {
    work()
}

/// Gives the other tasks that are ready a turn.
pub async fn yield_now() {
    let mut has_yielded = false;
    poll_fn(|context| {
        if std::mem::replace(&mut has_yielded, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Cooperative budgets do not exist here.
pub async fn consume_budget() {}
