//! `select!`: tokio's own, except that which branch is polled first is a choice of the run.

use shakedown_sim::ambient::Handle;
use shakedown_sim::{Alternatives, Label, Site};

/// Waits for the first of several branches, as `tokio::select!`. Without `biased`, which branch is polled first is a choice named
/// `select/first` of the entity that the task works for.
#[macro_export]
macro_rules! select {
    (biased; $($rest:tt)*) => {
        $crate::real::select!(biased; $($rest)*)
    };
    (else => $($rest:tt)*) => {
        $crate::real::select!(else => $($rest)*)
    };
    ($pattern:pat = $($rest:tt)*) => {
        $crate::real::select!(@{ start={ $crate::macros::first_branch(BRANCHES) }; () } $pattern = $($rest)*)
    };
    () => {
        compile_error!("select! requires at least one branch.")
    };
}

const SITE: Site = Site::new(Label::new("select"), Label::new("first"));

/// Returns which branch a `select!` polls first.
#[doc(hidden)]
pub fn first_branch(branches: u32) -> u32 {
    let branches = (branches as usize).min(64);
    let pick = Handle::current().choose(&SITE, &Alternatives::numbered(branches));
    pick.index() as u32
}
