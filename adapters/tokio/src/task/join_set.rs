//! [`JoinSet`]: tasks that are joined in the order in which they finish.

use super::spawned::{self, JoinHandle};
use super::{AbortHandle, Id, JoinError, LocalSet};
use crate::runtime;
use shakedown_sim::ambient::Handle;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

/// Tasks that are aborted when this is dropped. Of several that have finished, the one that was started first is joined first.
pub struct JoinSet<T> {
    handles: Vec<JoinHandle<T>>,
}

impl<T> JoinSet<T> {
    /// Returns an empty set.
    pub fn new() -> Self {
        Self { handles: Vec::new() }
    }

    /// Returns how many tasks were not joined yet.
    pub fn len(&self) -> usize {
        self.handles.len()
    }

    /// Returns whether all tasks were joined.
    pub fn is_empty(&self) -> bool {
        self.handles.is_empty()
    }

    fn add(&mut self, handle: JoinHandle<T>) -> AbortHandle {
        let abort = handle.abort_handle();
        self.handles.push(handle);
        abort
    }

    /// Aborts all tasks; they stay in the set until they are joined.
    pub fn abort_all(&mut self) {
        self.handles.iter().for_each(JoinHandle::abort);
    }

    /// Lets all tasks go on without being joined.
    pub fn detach_all(&mut self) {
        self.handles.clear();
    }
}

impl<T: 'static> JoinSet<T> {
    /// Starts a task.
    #[track_caller]
    pub fn spawn<F>(&mut self, task: F) -> AbortHandle
    where
        F: Future<Output = T> + Send + 'static,
        T: Send,
    {
        self.add(spawned::start(Handle::current(), task))
    }

    /// Starts a task of the runtime's node.
    pub fn spawn_on<F>(&mut self, task: F, runtime: &runtime::Handle) -> AbortHandle
    where
        F: Future<Output = T> + Send + 'static,
        T: Send,
    {
        self.add(spawned::start(runtime.ambient(), task))
    }

    /// Starts a task that need not be `Send`.
    #[track_caller]
    pub fn spawn_local<F: Future<Output = T> + 'static>(&mut self, task: F) -> AbortHandle {
        self.add(spawned::start(Handle::current(), task))
    }

    /// Starts a task of a local set.
    pub fn spawn_local_on<F: Future<Output = T> + 'static>(
        &mut self,
        task: F,
        local: &LocalSet,
    ) -> AbortHandle {
        let handle = local.spawn_local(task);
        self.add(handle)
    }

    /// Runs `work` at once.
    #[track_caller]
    pub fn spawn_blocking<F: FnOnce() -> T + Send + 'static>(&mut self, work: F) -> AbortHandle
    where
        T: Send,
    {
        self.add(spawned::run(Handle::current(), work))
    }

    /// Waits for the next task to finish; `None` once all were joined.
    pub async fn join_next(&mut self) -> Option<Result<T, JoinError>> {
        poll_fn(|context| self.poll_join_next(context)).await
    }

    /// Waits for the next task to finish and returns its number too.
    pub async fn join_next_with_id(&mut self) -> Option<Result<(Id, T), JoinError>> {
        poll_fn(|context| self.poll_join_next_with_id(context)).await
    }

    /// Returns the result of a task that has finished.
    pub fn try_join_next(&mut self) -> Option<Result<T, JoinError>> {
        match self.poll_join_next(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(joined) => joined,
            Poll::Pending => None,
        }
    }

    /// Aborts all tasks and waits until they are gone.
    pub async fn shutdown(&mut self) {
        self.abort_all();
        while self.join_next().await.is_some() {}
    }

    /// Waits for all tasks and returns their results in the order in which they finish.
    ///
    /// # Panics
    /// If one of them panicked or was aborted.
    pub async fn join_all(mut self) -> Vec<T> {
        let mut results = Vec::with_capacity(self.len());
        while let Some(result) = self.join_next().await {
            match result {
                Ok(value) => results.push(value),
                Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
                Err(error) => panic!("{error}"),
            }
        }
        results
    }

    /// Polls for the next task that has finished.
    pub fn poll_join_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<T, JoinError>>> {
        self.poll_join_next_with_id(context).map(|joined| joined.map(|result| result.map(|(_, value)| value)))
    }

    /// Polls for the next task that has finished, with its number.
    pub fn poll_join_next_with_id(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<(Id, T), JoinError>>> {
        if self.handles.is_empty() {
            return Poll::Ready(None);
        }
        for at in 0..self.handles.len() {
            let id = self.handles[at].id();
            if let Poll::Ready(result) = Pin::new(&mut self.handles[at]).poll(context) {
                self.handles.remove(at);
                return Poll::Ready(Some(result.map(|value| (id, value))));
            }
        }
        Poll::Pending
    }
}

impl<T> Drop for JoinSet<T> {
    fn drop(&mut self) {
        self.abort_all();
    }
}

impl<T> Default for JoinSet<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> fmt::Debug for JoinSet<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinSet").field("len", &self.len()).finish()
    }
}

impl<T: 'static, F> FromIterator<F> for JoinSet<T>
where
    F: Future<Output = T> + Send + 'static,
    T: Send,
{
    fn from_iter<I: IntoIterator<Item = F>>(tasks: I) -> Self {
        let mut set = Self::new();
        tasks.into_iter().for_each(|task| drop(set.spawn(task)));
        set
    }
}
