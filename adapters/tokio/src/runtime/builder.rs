//! [`Builder`] and [`Runtime`]: what a program builds in its `main`. The simulation is there already, so nothing is built.

use super::EnterGuard;
use super::handle::{Handle, blocks};
use crate::task::JoinHandle;
use std::future::Future;
use std::marker::PhantomData;
use std::time::Duration;

/// Options of a runtime, none of which has an effect.
#[derive(Debug)]
pub struct Builder(());

macro_rules! options {
    ($($name:ident($($argument:ident: $type:ty)?);)*) => {
        impl Builder {$(
            /// Has no effect.
            pub fn $name(&mut self $(, $argument: $type)?) -> &mut Self {
                $(let _ = $argument;)?
                self
            }
        )*}
    };
}

options! {
    enable_all();
    enable_io();
    enable_time();
    worker_threads(count: usize);
    max_blocking_threads(count: usize);
    thread_name(name: impl Into<String>);
    thread_stack_size(bytes: usize);
    thread_keep_alive(duration: Duration);
    global_queue_interval(ticks: u32);
    event_interval(ticks: u32);
    start_paused(paused: bool);
    on_thread_start(callback: impl Fn() + Send + Sync + 'static);
    on_thread_stop(callback: impl Fn() + Send + Sync + 'static);
}

impl Builder {
    /// Returns a builder.
    pub fn new_current_thread() -> Self {
        Self(())
    }

    /// Returns a builder.
    pub fn new_multi_thread() -> Self {
        Self(())
    }

    /// Returns the runtime.
    ///
    /// # Errors
    /// None in a simulation.
    pub fn build(&mut self) -> std::io::Result<Runtime> {
        Runtime::new()
    }
}

/// The runtime of the node whose code runs.
#[derive(Debug)]
pub struct Runtime(Handle);

impl Runtime {
    /// Returns the runtime.
    ///
    /// # Errors
    /// None in a simulation.
    #[track_caller]
    pub fn new() -> std::io::Result<Self> {
        Ok(Self(Handle::current()))
    }

    /// Returns its handle.
    pub fn handle(&self) -> &Handle {
        &self.0
    }

    /// Starts a task.
    pub fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.0.spawn(future)
    }

    /// Runs `work` at once.
    pub fn spawn_blocking<F, R>(&self, work: F) -> JoinHandle<R>
    where
        F: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        self.0.spawn_blocking(work)
    }

    /// Blocking is not simulated.
    ///
    /// # Panics
    /// Always.
    #[track_caller]
    pub fn block_on<F: Future>(&self, _future: F) -> F::Output {
        blocks("tokio::runtime::Runtime::block_on")
    }

    /// Has no effect: code finds the runtime of its node.
    pub fn enter(&self) -> EnterGuard<'_> {
        EnterGuard(PhantomData)
    }

    /// Has no effect: tasks end with their node.
    pub fn shutdown_timeout(self, _duration: Duration) {}

    /// Has no effect: tasks end with their node.
    pub fn shutdown_background(self) {}
}
