//! [`LocalSet`]: tasks that need not be `Send`. All tasks of a simulation run on one thread, so they are tasks like others.

use super::control::AbortHandle;
use super::spawned::{self, JoinHandle};
use shakedown_sim::ambient::Handle;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};

/// Starts a task that need not be `Send`.
#[track_caller]
pub fn spawn_local<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
{
    spawned::start(Handle::current(), future)
}

/// Tasks that need not be `Send`. They are aborted when this is dropped.
#[derive(Default)]
pub struct LocalSet {
    tasks: Mutex<Vec<AbortHandle>>,
    kind: PhantomData<Rc<()>>,
}

impl LocalSet {
    /// Returns an empty set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Starts a task of the set.
    #[track_caller]
    pub fn spawn_local<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        let handle = spawn_local(future);
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner).push(handle.abort_handle());
        handle
    }

    /// Waits for `future`, while the set's tasks run.
    pub async fn run_until<F: Future>(&self, future: F) -> F::Output {
        future.await
    }

    /// Has no effect: [`spawn_local`] is always allowed.
    pub fn enter(&self) -> LocalEnterGuard {
        LocalEnterGuard(PhantomData)
    }
}

/// Returned by [`LocalSet::enter`].
#[derive(Debug)]
pub struct LocalEnterGuard(PhantomData<Rc<()>>);

impl Future for LocalSet {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        for task in tasks.iter() {
            let mut state = task.0.lock();
            if !state.is_finished {
                state.joiner = Some(context.waker().clone());
                return Poll::Pending;
            }
        }
        Poll::Ready(())
    }
}

impl Drop for LocalSet {
    fn drop(&mut self) {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner).iter().for_each(AbortHandle::abort);
    }
}

impl fmt::Debug for LocalSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LocalSet")
    }
}
