//! [`Handle`]: the runtime as code finds it.

use crate::task::JoinHandle;
use shakedown_sim::ambient;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;

/// A handle on the runtime of a node.
#[derive(Clone, Debug)]
pub struct Handle(ambient::Handle);

impl Handle {
    /// Returns the handle of the node whose code runs.
    ///
    /// # Panics
    /// Outside a simulation.
    #[track_caller]
    pub fn current() -> Self {
        Self(ambient::Handle::current())
    }

    /// Returns the handle of the node whose code runs.
    ///
    /// # Errors
    /// Outside a simulation.
    pub fn try_current() -> Result<Self, TryCurrentError> {
        ambient::Handle::try_current().map(Self).ok_or(TryCurrentError(()))
    }

    pub(crate) fn ambient(&self) -> ambient::Handle {
        self.0
    }

    /// Starts a task.
    pub fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        crate::task::start_on(self.0, future)
    }

    /// Runs `work` at once.
    pub fn spawn_blocking<F, R>(&self, work: F) -> JoinHandle<R>
    where
        F: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        crate::task::spawn_blocking(work)
    }

    /// Blocking is not simulated.
    ///
    /// # Panics
    /// Always.
    #[track_caller]
    pub fn block_on<F: Future>(&self, _future: F) -> F::Output {
        blocks("tokio::runtime::Handle::block_on")
    }

    /// Has no effect: code finds the runtime of its node.
    pub fn enter(&self) -> EnterGuard<'_> {
        EnterGuard(PhantomData)
    }

    /// Returns that there is one thread.
    pub fn runtime_flavor(&self) -> super::RuntimeFlavor {
        super::RuntimeFlavor::CurrentThread
    }
}

/// Ends the run: nothing else runs while its thread is blocked.
#[track_caller]
pub(super) fn blocks(name: &str) -> ! {
    panic!(
        "{name} blocks the thread on which the whole simulation runs: rehearse the async function that it waits for"
    )
}

/// Returned by [`Handle::enter`].
#[derive(Debug)]
pub struct EnterGuard<'a>(pub(super) PhantomData<&'a ()>);

/// There is no runtime here.
#[derive(Debug)]
pub struct TryCurrentError(());

impl TryCurrentError {
    /// Returns whether there is no runtime.
    pub fn is_missing_context(&self) -> bool {
        true
    }

    /// Returns whether the thread is ending.
    pub fn is_thread_local_destroyed(&self) -> bool {
        false
    }
}

impl fmt::Display for TryCurrentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("there is no simulated world on this thread")
    }
}

impl std::error::Error for TryCurrentError {}
