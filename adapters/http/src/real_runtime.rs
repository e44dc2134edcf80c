//! A real tokio runtime that is merely entered on the thread of a run: its timers and sockets never become ready there, because
//! virtual time does not wait for them. Code that uses them would wait for ever, and nothing would say why.

/// Ends the run if a real runtime is entered on this thread.
///
/// # Panics
/// If there is one.
#[cfg(not(shakedown))]
#[track_caller]
pub(crate) fn refuse() {
    assert!(
        tokio::runtime::Handle::try_current().is_err(),
        "a real tokio runtime is entered on the thread of the simulation: what waits for its timers, tasks or sockets would wait for \
         ever. Wait through `shakedown_sim::ambient::Handle`, or rehearse the program by `cargo shakedown`"
    );
}

/// The simulation is the runtime.
#[cfg(shakedown)]
pub(crate) fn refuse() {}
