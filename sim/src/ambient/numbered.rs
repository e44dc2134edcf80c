//! Values and futures that are not `Send`, referred to by their number in the world that holds them.

use super::{Handle, running};
use crate::judge::{Fact, Facts};
use std::any::Any;
use std::cell::RefCell;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

type LocalFuture = Pin<Box<dyn Future<Output = Box<dyn Any>>>>;

/// The values that a run holds for references by number. Numbers of values are not reused within the run.
#[derive(Default)]
pub(crate) struct Numbered {
    values: Vec<Rc<dyn Any>>,
    futures: Vec<Option<LocalFuture>>,
    free: Vec<u32>,
}

/// A `Send + Sync` reference to a value of the run that is neither. Use it where application state must be `Send + Sync`
/// and contains an [`Env`](crate::Env), a [`Store`](crate::Store), an [`Endpoint`](crate::Endpoint) or
/// [`Facts`](crate::Facts). The value lives as long as the run.
pub struct Shared<T> {
    run: u64,
    number: u32,
    kind: PhantomData<fn() -> T>,
}

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Shared<T> {}

impl<T: 'static> Shared<T> {
    /// Stores `value` in the run.
    ///
    /// # Panics
    /// Outside a simulation.
    #[track_caller]
    pub fn new(value: T) -> Self {
        let handle = Handle::current();
        let numbered = handle.extension::<RefCell<Numbered>>();
        let values = &mut numbered.borrow_mut().values;
        values.push(Rc::new(value));
        Self { run: handle.run, number: values.len() as u32 - 1, kind: PhantomData }
    }

    /// Calls `read` with the value and returns its result.
    ///
    /// # Panics
    /// Outside the run that holds the value.
    #[track_caller]
    pub fn with<R>(&self, read: impl FnOnce(&T) -> R) -> R {
        let world = running().filter(|world| world.run.get() == self.run);
        let world = world.expect("a shared value is read within the run that keeps it, on its thread");
        let value = Rc::clone(&world.extension::<RefCell<Numbered>>().borrow().values[self.number as usize]);
        read(value.downcast_ref().expect("a shared value has the type that it was stored with"))
    }

    /// Returns a copy of the value.
    ///
    /// # Panics
    /// Outside the run that holds the value.
    #[track_caller]
    pub fn get(&self) -> T
    where
        T: Clone,
    {
        self.with(T::clone)
    }
}

impl<F: Fact> Shared<Facts<F>> {
    /// States a fact on the node and for the entity of the code that runs. A dead incarnation, and code of no node, states nothing.
    ///
    /// # Panics
    /// Outside the run that holds the facts.
    #[track_caller]
    pub fn state(&self, fact: &F) {
        self.with(|facts| {
            if let Some(env) = Handle::current().try_env() {
                facts.state(&env, fact);
            }
        });
    }
}

/// A `Send` reference to a future of the run that is not `Send` itself. Created by [`Handle::send_future`].
pub struct SendFuture<T> {
    handle: Handle,
    number: Option<u32>,
    kind: PhantomData<fn() -> T>,
}

impl Handle {
    /// Stores `future` (a call, a transaction) in the run and returns a `Send` future that waits for it.
    ///
    /// A handler that must be `Send`, with application state behind [`Shared`]:
    ///
    /// ```
    /// # use shakedown_sim::ambient::{Handle, Shared};
    /// # use shakedown_sim::{Duration, Endpoint, Env};
    /// async fn handler(env: Shared<Env>, charge: Shared<Endpoint<u32, ()>>, order: u32) -> bool {
    ///     let call = async move { env.get().call(&charge.get(), order, Duration::from_secs(2)).await };
    ///     Handle::current().send_future(call).await.is_ok()
    /// }
    /// fn is_send(_: impl Send) {}
    /// # fn check(env: Shared<Env>, charge: Shared<Endpoint<u32, ()>>) {
    /// is_send(handler(env, charge, 7));
    /// # }
    /// ```
    pub fn send_future<T: 'static>(&self, future: impl Future<Output = T> + 'static) -> SendFuture<T> {
        let number = self.world().map(|_| {
            let numbered = self.extension::<RefCell<Numbered>>();
            let mut numbered = numbered.borrow_mut();
            let future: LocalFuture = Box::pin(async move { Box::new(future.await) as Box<dyn Any> });
            let number = numbered.free.pop().unwrap_or_else(|| {
                numbered.futures.push(None);
                numbered.futures.len() as u32 - 1
            });
            numbered.futures[number as usize] = Some(future);
            number
        });
        SendFuture { handle: *self, number, kind: PhantomData }
    }
}

impl<T> SendFuture<T> {
    /// Takes the future out of the run. `None` once the run is over.
    fn take(&self) -> Option<LocalFuture> {
        let world = self.handle.world()?;
        let numbered = world.extension::<RefCell<Numbered>>();
        numbered.borrow_mut().futures.get_mut(self.number? as usize)?.take()
    }

    fn free(&mut self) {
        if let (Some(world), Some(number)) = (self.handle.world(), self.number.take()) {
            world.extension::<RefCell<Numbered>>().borrow_mut().free.push(number);
        }
    }
}

impl<T: 'static> Future for SendFuture<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        // The future is taken out while it is polled, because it may create references of its own.
        let Some(mut future) = self.take() else { return Poll::Pending };
        match future.as_mut().poll(context) {
            Poll::Ready(value) => {
                self.free();
                Poll::Ready(*value.downcast().expect("a future returns the type that it was stored with"))
            }
            Poll::Pending => {
                let numbered = self.handle.extension::<RefCell<Numbered>>();
                numbered.borrow_mut().futures[self.number.expect("a pending future has a number") as usize] =
                    Some(future);
                Poll::Pending
            }
        }
    }
}

impl<T> Drop for SendFuture<T> {
    fn drop(&mut self) {
        let future = self.take();
        drop(future);
        self.free();
    }
}
