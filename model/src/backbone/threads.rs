//! Threads: a node of the web tier processes a fixed number of requests at once. Further requests wait, first in, first out.

use shakedown_sim::{Endpoint, Env};
use std::future::Future;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The threads of one incarnation of a node. All clones share the same threads.
#[derive(Clone)]
pub struct Threads(Option<Arc<Semaphore>>);

/// A thread in use, until this is dropped.
pub(crate) struct Thread(#[expect(dead_code, reason = "held, not looked at")] Option<OwnedSemaphorePermit>);

impl Threads {
    /// Creates this many threads.
    pub fn new(count: usize) -> Self {
        Self(Some(Arc::new(Semaphore::new(count))))
    }

    /// Creates more threads than any flow needs, for scenarios in which they are not a limit.
    pub fn plenty() -> Self {
        Self(None)
    }

    /// Takes a thread, in turn.
    pub(crate) async fn take(&self) -> Thread {
        let Some(threads) = &self.0 else { return Thread(None) };
        Thread(Arc::clone(threads).acquire_owned().await.ok())
    }

    /// Serves an operation on the node, each request on a thread.
    pub(crate) fn serve<Q: 'static, A: 'static, F: Future<Output = A> + 'static>(
        &self,
        env: &Env,
        endpoint: &Endpoint<Q, A>,
        handler: impl Fn(Env, Q) -> F + 'static,
    ) {
        let (threads, handler) = (self.clone(), std::rc::Rc::new(handler));
        endpoint.serve(env, move |env, request| {
            let (threads, handler) = (threads.clone(), std::rc::Rc::clone(&handler));
            async move {
                if threads.0.as_ref().is_some_and(|threads| threads.available_permits() == 0) {
                    env.note(|| "queues the request: every thread is busy".to_owned());
                }
                let _thread = threads.take().await;
                handler(env, request).await
            }
        });
    }
}
