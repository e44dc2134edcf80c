//! What a task and the handles on it share, whatever it returns.

use shakedown_sim::ambient::Handle;
use std::cell::Cell;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

/// The number of a task within its run.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Id(u64);

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Numbers the tasks of a run.
#[derive(Default)]
struct Ids(Cell<u64>);

impl Id {
    pub(crate) fn next(handle: Handle) -> Self {
        let number = handle.try_extension::<Ids>().map_or(0, |ids| {
            ids.0.set(ids.0.get() + 1);
            ids.0.get()
        });
        Self(number)
    }
}

thread_local! {
    static CURRENT: Cell<Option<Id>> = const { Cell::new(None) };
}

/// Returns the number of the task that runs.
///
/// # Panics
/// Outside a task that tokio's API started.
pub fn id() -> Id {
    try_id().expect("Can't get a task id when not inside a task")
}

/// Returns the number of the task that runs, or `None` outside a task that tokio's API started.
pub fn try_id() -> Option<Id> {
    CURRENT.get()
}

/// Runs `code` as part of the task `id`.
pub(crate) fn within<T>(id: Id, code: impl FnOnce() -> T) -> T {
    let before = CURRENT.replace(Some(id));
    let result = code();
    CURRENT.set(before);
    result
}

#[derive(Default)]
pub(crate) struct State {
    pub(crate) is_aborted: bool,
    pub(crate) is_finished: bool,
    /// The task.
    pub(crate) task: Option<Waker>,
    /// Who waits for it.
    pub(crate) joiner: Option<Waker>,
}

pub(crate) struct Control {
    pub(crate) id: Id,
    state: Mutex<State>,
}

impl Control {
    pub(crate) fn new(id: Id) -> Arc<Self> {
        Arc::new(Self { id, state: Mutex::default() })
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn abort(&self) {
        let mut state = self.lock();
        state.is_aborted = true;
        state.task.take().into_iter().for_each(|task| task.wake());
    }

    pub(crate) fn finish(&self) {
        let mut state = self.lock();
        state.is_finished = true;
        state.joiner.take().into_iter().for_each(|joiner| joiner.wake());
    }
}

/// Aborts a task from elsewhere.
#[derive(Clone)]
pub struct AbortHandle(pub(crate) Arc<Control>);

impl AbortHandle {
    /// Drops the task at its next turn, unless it has finished.
    pub fn abort(&self) {
        self.0.abort();
    }

    /// Returns whether the task has finished or was aborted.
    pub fn is_finished(&self) -> bool {
        self.0.lock().is_finished
    }

    /// Returns the task's number.
    pub fn id(&self) -> Id {
        self.0.id
    }
}

impl fmt::Debug for AbortHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AbortHandle").field("id", &self.0.id).finish()
    }
}
