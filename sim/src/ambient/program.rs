//! Programs: nodes that run a `main` future, as existing services do.

use super::{Identity, is_engine_unwind};
use crate::env::Env;
use crate::event::Kind;
use crate::judge::Fact;
use crate::node::Role;
use crate::scenario::Stage;
use crate::scope::Scope;
use crate::signal::Signal;
use crate::time::Moment;
use std::cell::Cell;
use std::fmt::Debug;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

/// The return type of `main`: nothing, or a result whose error the process reports when it exits.
pub trait Termination {
    /// Returns the error that the process reports, if there is one.
    fn failure(self) -> Option<String>;
}

impl Termination for () {
    fn failure(self) -> Option<String> {
        None
    }
}

impl<T, E: Debug> Termination for Result<T, E> {
    fn failure(self) -> Option<String> {
        self.err().map(|error| format!("{error:?}"))
    }
}

/// The fact type of a world without facts.
#[derive(serde::Serialize)]
pub enum NoFact {}

impl Fact for NoFact {
    fn sentence(&self) -> String {
        match *self {}
    }
}

impl<F: Fact> Stage<'_, F> {
    /// Adds a node that runs a program. `main` starts at each boot, and the process exits when it returns. A process that was
    /// asked to shut down, or whose `main` failed, restarts as its role says. A process whose `main` returned by itself does not
    /// restart.
    ///
    /// The program works for an entity named after its role (`orders-1`); from the second boot on, for a part of that
    /// entity (`orders-1/restart-1`).
    ///
    /// A program may poll for ever. A run with a program therefore ends when its time to settle has passed, and need not come to
    /// rest by itself. An invariant states what must be done by then.
    pub fn program<M, T>(&self, role: Role, main: impl Fn() -> M + 'static) -> Env
    where
        M: Future<Output = T> + 'static,
        T: Termination,
    {
        self.world.core.borrow_mut().has_programs = true;
        let (own, first) = (self.entity(role.name), Cell::new(true));
        self.node(role, move |env| {
            let env = env.within(own);
            let env = if first.replace(false) { env } else { env.child("restart") };
            let identity = env.handle().identity;
            let main = env.world.acting_as(identity, &main);
            let program = env.clone();
            let main = Process { env: env.clone(), main: Box::pin(main) };
            env.spawn(async move {
                match main.await.failure() {
                    None => program.exit(),
                    Some(error) => program.fail(&error),
                }
            });
        })
    }

    /// Runs `code` as the node's own code: whatever it creates with an ambient handle belongs to the node.
    pub fn acting_as<T>(&self, env: &Env, code: impl FnOnce() -> T) -> T {
        self.world.acting_as(env.handle().identity, code)
    }

    /// Returns the run's value of type `T` that an adapter keeps. See [`Handle::extension`](crate::ambient::Handle::extension).
    pub fn extension<T: Default + 'static>(&self) -> std::rc::Rc<T> {
        self.world.extension()
    }
}

/// A program's `main`. Code that crashed in the middle of a poll runs on until it next waits; if it panics on the way, because a call
/// failed that only a dead process makes, the panic has no effect.
struct Process<M> {
    env: Env,
    main: Pin<Box<M>>,
}

impl<M: Future> Future for Process<M> {
    type Output = M::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<M::Output> {
        match catch_unwind(AssertUnwindSafe(|| self.main.as_mut().poll(context))) {
            Ok(polled) => polled,
            Err(panic) if self.env.is_alive() || is_engine_unwind(&*panic) => resume_unwind(panic),
            Err(_) => Poll::Pending,
        }
    }
}

impl Env {
    /// Returns a signal that is raised when the node is asked to shut down (as SIGTERM). From this call on, the node's own code
    /// handles the shutdown: its tasks are not dropped, and the node is killed 30 seconds later unless it has exited.
    pub fn termination(&self) -> Signal {
        let mut core = self.world.core.borrow_mut();
        if !core.is_alive(self.node, self.incarnation) {
            return Signal::new();
        }
        core.nodes[self.node].termination.get_or_insert_default().clone()
    }

    /// Waits until the node is asked to shut down; see [`Env::termination`].
    pub async fn terminated(&self) {
        self.termination().changed(self, 0, Moment::NEVER).await;
    }

    /// Ends the process normally, as when `main` returns.
    pub(super) fn exit(&self) {
        self.event(Kind::Stop, [0, 0], || "exits".to_owned());
        let Some(dropped) = self.take_tasks() else { return };
        self.world.acting_as(Identity { scope: Scope::ROOT, ..self.handle().identity }, || drop(dropped));
        let stopping = self.world.core.borrow().nodes[self.node].stopping;
        if stopping {
            self.world.end_incarnation(self.node, self.scope());
        } else {
            self.world.core.borrow_mut().take_down(self.node);
        }
    }

    /// Ends the process because its `main` failed; the process restarts, as under a supervisor.
    fn fail(&self, error: &str) {
        self.event(Kind::Stop, [1, 0], || format!("exits with {error}"));
        let Some(dropped) = self.take_tasks() else { return };
        self.world.acting_as(self.handle().identity, || drop(dropped));
        self.world.end_incarnation(self.node, self.scope());
    }

    /// Takes the node's tasks, unless this incarnation is dead.
    fn take_tasks(&self) -> Option<Vec<crate::task::BoxFuture>> {
        let mut core = self.world.core.borrow_mut();
        core.is_alive(self.node, self.incarnation).then(|| core.take_tasks_of(self.node))
    }
}
