//! Panics: of the system under test they are violations and say nothing on stderr; of the harness they are
//! internal errors and say where.

use std::cell::Cell;
use std::panic;

thread_local! {
    /// Whether this thread is within a run. A panic hook is told nothing else of what was going on.
    static RUNNING: Cell<bool> = const { Cell::new(false) };
}

/// Has panics within [`running`] say nothing, and others say that they are the harness's own fault.
pub fn install() {
    panic::set_hook(Box::new(|info| {
        if !RUNNING.get() {
            eprintln!("internal error: {info}");
            eprintln!(
                "  this is a fault of shakedown itself; please report it with the command that you ran"
            );
        }
    }));
}

/// Calls `run`, during which panics on this thread say nothing.
pub fn running<T>(run: impl FnOnce() -> T) -> T {
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            RUNNING.set(self.0);
        }
    }
    let _restore = Restore(RUNNING.replace(true));
    run()
}

/// What a caught panic said.
pub fn message_of(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "a panic without message".to_owned())
}
