//! Tasks and their wakers: safe, and created once per task slot.

use crate::ambient::Identity;
use crate::node::NodeId;
use crate::scope::Scope;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Wake, Waker};

pub(crate) type BoxFuture = Pin<Box<dyn Future<Output = ()>>>;

/// A task, aligned to a cache line: a task that spans two lines makes a run 5 % slower.
#[repr(align(64))]
pub(crate) struct Task {
    pub(crate) node: NodeId,
    /// The incarnation of the node that started the task: a copy, so that a poll does not look up the node.
    pub(crate) incarnation: u32,
    pub(crate) scope: Scope,
    /// `None` while the task is polled.
    pub(crate) future: Option<BoxFuture>,
    /// Shared, so that polling takes no atomic reference count.
    pub(crate) waker: Rc<Waker>,
    pub(crate) alive: bool,
    pub(crate) queued: bool,
    /// Distinguishes tasks that used this slot.
    pub(crate) generation: u32,
    pub(crate) last_event: Option<u32>,
}

impl Task {
    /// Returns the identity of the task's code.
    #[inline(always)]
    pub(crate) fn identity(&self) -> Identity {
        Identity { node: self.node, incarnation: self.incarnation, scope: self.scope }
    }
}

/// A ready task that was taken out of its slot for polling.
pub(crate) struct ReadyTask {
    pub(crate) slot: u32,
    pub(crate) future: BoxFuture,
    pub(crate) waker: Rc<Waker>,
    pub(crate) identity: Identity,
}

/// The notes on a task while recording.
#[derive(Default)]
pub(crate) struct Notes {
    /// Events that the task's next event follows from, beside its own last one.
    pub(crate) causes: Vec<u32>,
    /// The reason of its next event.
    pub(crate) because: Option<String>,
}

/// The slots woken from outside the engine, such as by `tokio::sync` within a node, in order.
#[derive(Default)]
pub(crate) struct WakeList {
    any: AtomicBool,
    /// Whether a thread on which no run is under way woke a task.
    is_foreign: AtomicBool,
    slots: Mutex<Vec<u32>>,
}

impl WakeList {
    fn push(&self, slot: u32) {
        if !crate::ambient::is_under_way() {
            self.is_foreign.store(true, Ordering::Relaxed);
        }
        self.slots.lock().unwrap_or_else(PoisonError::into_inner).push(slot);
        self.any.store(true, Ordering::Release);
    }

    /// Returns whether no slot was woken since the last call: a load, far cheaper than a swap.
    pub(crate) fn is_empty(&self) -> bool {
        !self.any.load(Ordering::Acquire)
    }

    /// Moves the woken slots into `into`. Returns whether another thread than the run's woke one of them.
    pub(crate) fn drain(&self, into: &mut Vec<u32>) -> bool {
        if self.any.swap(false, Ordering::Acquire) {
            into.append(&mut self.slots.lock().unwrap_or_else(PoisonError::into_inner));
        }
        self.is_foreign.swap(false, Ordering::Relaxed)
    }
}

struct SlotWaker {
    slot: u32,
    list: Arc<WakeList>,
}

impl Wake for SlotWaker {
    fn wake(self: Arc<Self>) {
        self.list.push(self.slot);
    }
    fn wake_by_ref(self: &Arc<Self>) {
        self.list.push(self.slot);
    }
}

pub(crate) fn waker_for(slot: u32, list: &Arc<WakeList>) -> Rc<Waker> {
    Rc::new(Waker::from(Arc::new(SlotWaker { slot, list: Arc::clone(list) })))
}

/// A waiting task, identified by its slot, so that waking it takes no reference count; or, within a combinator with
/// wakers of its own, that waker.
#[derive(Debug)]
pub(crate) struct Waiter {
    pub(crate) slot: u32,
    pub(crate) generation: u32,
    pub(crate) waker: Option<Waker>,
}
