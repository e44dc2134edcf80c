//! Semaphores: a fixed number of permits that tasks of one node take in turn, such as connections or threads.
//!
//! Recorded traces show which task takes a permit, which tasks hold all permits while another one waits, and, at rest, the
//! cycles among such waits and waits for locks.

use crate::access::{Access, Object, Verb};
use crate::blocked::{self, Holder, PendingWait};
use crate::env::{Env, SharedSlot, put, slot, take};
use crate::event::Kind;
use crate::label::Label;
use crate::time::Moment;
use crate::world::Close;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

/// A fixed number of permits, which tasks take in the order in which they call.
///
/// It belongs to the memory of one node: create it where the node boots. A task waits for a permit until another one
/// drops its [`Permit`]. Cheap to clone; all clones are one semaphore.
///
/// ```
/// # use shakedown_sim::*;
/// # #[derive(serde::Serialize)] struct Served(u32);
/// # impl Fact for Served { fn sentence(&self) -> String { format!("serves request {}", self.0) } }
/// # struct Web;
/// # impl Scenario for Web {
/// #     type Fact = Served;
/// #     fn name(&self) -> &str { "web" }
/// #     fn invariants(&self) -> Vec<Box<dyn Invariant<Served>>> { Vec::new() }
/// #     fn build(&self, stage: &Stage<Served>) {
/// #         let (facts, entity) = (stage.facts().clone(), stage.entity("request"));
/// #         let env = stage.node(Role::outside("web".into()), |_| {}).within(entity);
/// let connections = Semaphore::new(&env, "connections", 1);
/// env.clone().spawn(async move {
///     let connection = connections.acquire(&env).await;
///     let second = env.timeout(Duration::from_secs(1), connections.acquire(&env)).await;
///     assert!(second.is_none(), "the only connection is in use");
///     drop(connection);
///     let _third = connections.acquire(&env).await;
///     facts.state(&env, &Served(1));
/// });
/// #     }
/// # }
/// let outcome = Runner::new(Web).run(Plan::Script(&"scenario web".parse().unwrap()));
/// assert_eq!(outcome.violations, []);
/// assert_eq!(outcome.last_activity, Moment::START + Duration::from_secs(1));
/// ```
#[derive(Clone)]
pub struct Semaphore(Rc<SemaphoreState>);

struct SemaphoreState {
    name: Label,
    free: Cell<usize>,
    next_ticket: Cell<u64>,
    waiting: RefCell<VecDeque<Waiting>>,
    holders: RefCell<Vec<Held>>,
}

/// A task that waits. A permit is handed to it through its slot.
struct Waiting {
    ticket: u64,
    waiter: Holder,
    env: Env,
    slot: SharedSlot<()>,
}

/// A permit in use.
struct Held {
    ticket: u64,
    holder: Holder,
    since: Moment,
}

impl Close for SemaphoreState {
    fn close(&self) {
        self.waiting.take();
    }

    fn pending_waits(&self) -> Vec<PendingWait> {
        let holders: Vec<Holder> = self.holders.borrow().iter().map(|held| held.holder).collect();
        let wait = |waiting: &Waiting| PendingWait {
            waiter: waiting.waiter,
            object: self.object(),
            holders: holders.clone(),
        };
        // The queue of a crashed node stays as it was.
        self.waiting.borrow().iter().filter(|waiting| waiting.env.is_alive()).map(wait).collect()
    }
}

impl SemaphoreState {
    fn object(&self) -> Object {
        Object { table: self.name.text().to_owned(), key: String::new() }
    }

    fn access(&self, verb: Verb) -> Vec<Access> {
        vec![Access { verb, object: self.object() }]
    }

    /// Hands a permit to the first task that waits, or leaves it free.
    fn hand_on(&self, env: &Env) {
        let next = self.waiting.borrow_mut().pop_front();
        match next {
            Some(next) => put(&env.world, &next.slot, ()),
            None => self.free.set(self.free.get() + 1),
        }
    }

    /// Returns who holds the permits, and for how long.
    fn held_by(&self, env: &Env) -> String {
        let (core, now) = (env.world.core.borrow(), env.now());
        let held = self.holders.borrow();
        let named = held.iter().map(|Held { holder, since, .. }| {
            format!("{} for {}", blocked::name(&core, *holder), crate::time::text(now - *since))
        });
        blocked::list(&named.collect::<Vec<_>>())
    }
}

impl Semaphore {
    /// Creates a semaphore of this many permits on the node of `env`. `name` identifies it in reports: `connections`.
    pub fn new(env: &Env, name: impl Into<Label>, permits: usize) -> Self {
        let state = Rc::new(SemaphoreState {
            name: name.into(),
            free: Cell::new(permits),
            next_ticket: Cell::new(0),
            waiting: RefCell::default(),
            holders: RefCell::default(),
        });
        env.world.at_close(Rc::clone(&state) as _);
        Self(state)
    }

    /// Returns the number of free permits.
    pub fn free(&self) -> usize {
        self.0.free.get()
    }

    /// Waits for a permit and takes it.
    pub async fn acquire(&self, env: &Env) -> Permit {
        let state = &self.0;
        let ticket = state.next_ticket.replace(state.next_ticket.get() + 1);
        match state.free.get().checked_sub(1) {
            Some(free) => state.free.set(free),
            None => self.wait(env, ticket).await,
        }
        state.holders.borrow_mut().push(Held { ticket, holder: Holder::running(env), since: env.now() });
        env.aside(Kind::Acquire, || {
            (state.access(Verb::Lock), format!("takes a permit of {}: {} left", state.name, self.free()))
        });
        Permit { semaphore: self.clone(), env: env.clone(), ticket }
    }

    async fn wait(&self, env: &Env, ticket: u64) {
        let state = &self.0;
        env.aside(Kind::LockWait, || {
            let text = format!("waits for a permit of {}, held by {}", state.name, state.held_by(env));
            (state.access(Verb::Wait), text)
        });
        let slot = slot();
        let waiting =
            Waiting { ticket, waiter: Holder::running(env), env: env.clone(), slot: Rc::clone(&slot) };
        state.waiting.borrow_mut().push_back(waiting);
        let mut turn = Turn { state, env, ticket, slot, is_over: false };
        take(&env.world, &turn.slot).await;
        turn.is_over = true;
    }
}

/// The place of a task in the queue of a semaphore. If it is dropped early, the task leaves the queue, or passes on the permit
/// that it has received meanwhile.
struct Turn<'a> {
    state: &'a SemaphoreState,
    env: &'a Env,
    ticket: u64,
    slot: SharedSlot<()>,
    is_over: bool,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if self.is_over || !self.env.is_alive() {
            return;
        }
        let given = self.slot.borrow_mut().unclaimed();
        match given {
            Some(()) => self.state.hand_on(self.env),
            None => self.state.waiting.borrow_mut().retain(|other| other.ticket != self.ticket),
        }
    }
}

/// A permit of a [`Semaphore`] in use; free again once it is dropped.
pub struct Permit {
    semaphore: Semaphore,
    env: Env,
    ticket: u64,
}

impl Drop for Permit {
    fn drop(&mut self) {
        if !self.env.is_alive() {
            return;
        }
        let state = &self.semaphore.0;
        state.holders.borrow_mut().retain(|held| held.ticket != self.ticket);
        self.env.aside(Kind::Release, || {
            (state.access(Verb::Release), format!("releases a permit of {}", state.name))
        });
        state.hand_on(&self.env);
    }
}
