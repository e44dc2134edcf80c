//! The runtime is the simulation: handles start tasks of the node whose code runs.

mod builder;
mod handle;
mod test;

pub use builder::{Builder, Runtime};
pub use handle::{EnterGuard, Handle, TryCurrentError};
pub use real::runtime::RuntimeFlavor;
#[doc(hidden)]
pub use test::{main, test};
