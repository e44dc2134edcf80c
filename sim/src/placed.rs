//! The place in the code under test that an engine's choice is attributed to in a trace.
//!
//! A call, a commit and a choice know their caller. A request to a queue, a log or a key-value store makes its choices later,
//! while its future is polled: [`Env::placed`] attributes them to the code that created the future.

use crate::env::Env;
use crate::scope::Source;
use std::future::poll_fn;
use std::panic::Location;
use std::pin::pin;
use std::rc::Rc;

/// Returns whether a place is in the engine, not in the code under test.
pub(crate) fn is_engine(place: Source) -> bool {
    let engine = file!().strip_suffix("placed.rs").unwrap_or_default();
    place.file().starts_with(engine)
}

impl Env {
    /// Attributes the choices of a future to the caller, if the run is recorded. Within the engine the caller is the one of
    /// the surrounding future.
    #[track_caller]
    pub(crate) fn placed<F: Future>(&self, future: F) -> impl Future<Output = F::Output> + use<F> {
        let (place, world) = (Location::caller(), Rc::clone(&self.world));
        let is_attributed = world.core.borrow().recording.is_some() && !is_engine(place);
        async move {
            let mut future = pin!(future);
            poll_fn(|context| {
                if !is_attributed {
                    return future.as_mut().poll(context);
                }
                let before = world.core.borrow_mut().caller.replace(place);
                let polled = future.as_mut().poll(context);
                world.core.borrow_mut().caller = before;
                polled
            })
            .await
        }
    }
}
