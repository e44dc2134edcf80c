//! A task as in tokio: its result waits to be joined, it can be aborted, and its panics are caught.

use super::control::{AbortHandle, Control, Id, within};
use super::error::JoinError;
use shakedown_sim::ambient::{Handle, is_engine_unwind};
use shakedown_sim::trace::Kind;
use std::any::Any;
use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

type Outcome<T> = Arc<Mutex<Option<Result<T, JoinError>>>>;

/// Waits for a task's result. Dropping it lets the task go on.
pub struct JoinHandle<T> {
    control: Arc<Control>,
    outcome: Outcome<T>,
}

impl<T> JoinHandle<T> {
    /// Drops the task at its next turn, unless it has finished.
    pub fn abort(&self) {
        self.control.abort();
    }

    /// Returns a handle that aborts the task.
    pub fn abort_handle(&self) -> AbortHandle {
        AbortHandle(Arc::clone(&self.control))
    }

    /// Returns whether the task has finished.
    pub fn is_finished(&self) -> bool {
        self.control.lock().is_finished
    }

    /// Returns the task's number.
    pub fn id(&self) -> Id {
        self.control.id
    }
}

impl<T> Future for JoinHandle<T> {
    type Output = Result<T, JoinError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.control.lock();
        if state.is_finished {
            let outcome = self.outcome.lock().unwrap_or_else(PoisonError::into_inner).take();
            return Poll::Ready(outcome.expect("JoinHandle polled after completion"));
        }
        state.joiner = Some(context.waker().clone());
        Poll::Pending
    }
}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinHandle").field("id", &self.control.id).finish()
    }
}

/// The task itself.
struct Spawned<F: Future> {
    /// Absent once it has finished.
    future: Option<Pin<Box<F>>>,
    control: Arc<Control>,
    outcome: Outcome<F::Output>,
}

impl<F: Future> Spawned<F> {
    fn finish(&mut self, result: Result<F::Output, JoinError>) {
        *self.outcome.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
        self.control.finish();
    }
}

impl<F: Future> Future for Spawned<F> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let task = &mut *self;
        let id = task.control.id;
        if std::mem::take(&mut task.control.lock().is_aborted) {
            let future = task.future.take();
            within(id, || drop(future));
            task.finish(Err(JoinError::cancelled(id)));
            return Poll::Ready(());
        }
        let Some(future) = &mut task.future else { return Poll::Ready(()) };
        match catch_unwind(AssertUnwindSafe(|| within(id, || future.as_mut().poll(context)))) {
            Ok(Poll::Pending) => {
                task.control.lock().task = Some(context.waker().clone());
                return Poll::Pending;
            }
            Ok(Poll::Ready(value)) => {
                let future = task.future.take();
                within(id, || drop(future));
                task.finish(Ok(value));
            }
            Err(panic) => {
                note_panic(&*panic);
                if is_engine_unwind(&*panic) {
                    resume_unwind(panic);
                }
                task.future = None;
                task.finish(Err(JoinError::panicked(id, panic)));
            }
        }
        Poll::Ready(())
    }
}

impl<F: Future> Drop for Spawned<F> {
    fn drop(&mut self) {
        if self.future.take().is_some() {
            self.finish(Err(JoinError::cancelled(self.control.id)));
        }
    }
}

/// Records that a task panicked: tokio keeps such a process alive, so the run goes on.
fn note_panic(panic: &(dyn Any + Send)) {
    let text = panic.downcast_ref::<String>().cloned();
    let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
    if let Some(handle) = Handle::try_current() {
        handle.step(Kind::Note, [0, 0], None, || format!("a task panics: {}", text.unwrap_or_default()));
    }
}

fn shared<T>(handle: Handle) -> (Arc<Control>, Outcome<T>) {
    (Control::new(Id::next(handle)), Arc::new(Mutex::new(None)))
}

/// Starts a task of the handle's node.
pub(crate) fn start<F>(handle: Handle, future: F) -> JoinHandle<F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
{
    let (control, outcome) = shared(handle);
    let task = Spawned {
        future: Some(Box::pin(future)),
        control: Arc::clone(&control),
        outcome: Arc::clone(&outcome),
    };
    handle.spawn(task);
    JoinHandle { control, outcome }
}

/// Runs `work` at once and returns a handle on its result.
pub(crate) fn run<R>(handle: Handle, work: impl FnOnce() -> R) -> JoinHandle<R> {
    let (control, outcome) = shared(handle);
    let result = catch_unwind(AssertUnwindSafe(work)).map_err(|panic| {
        if is_engine_unwind(&*panic) {
            resume_unwind(panic);
        }
        note_panic(&*panic);
        JoinError::panicked(control.id, panic)
    });
    *outcome.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
    control.finish();
    JoinHandle { control, outcome }
}
