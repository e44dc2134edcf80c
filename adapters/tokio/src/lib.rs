//! tokio's API on the simulated world of Shakedown.
//!
//! Tasks, time, sockets, signals and the runtime are the simulation's; `sync`, `io` and the macros that need no runtime are the
//! real crate's, a renamed copy of the version in the user's lock file. Code that uses this crate runs within a rehearsal only, and
//! panics with a clear message elsewhere.
//!
//! Modules in reading order: [`task`], [`time`], [`net`], [`signal`], [`runtime`], `macros`, and `missing`, which names what is not
//! simulated.

// The crate replaces the process's clock and entropy; this line links it.
use shakedown_clock as _;

#[doc(hidden)]
pub mod macros;
mod missing;
pub mod net;
pub mod runtime;
pub mod signal;
pub mod task;
pub mod time;

#[doc(hidden)]
pub use real;

pub use missing::{fs, io, process};
pub use real::sync;
pub use real::{join, pin, task_local, try_join};
pub use task::spawn;
pub use tokio_shakedown_macros::{main, test};
