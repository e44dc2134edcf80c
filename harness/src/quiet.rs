//! Panics: a panic of the system under test is a violation and prints nothing on stderr; a panic of the harness is an
//! internal error and prints its location.

use crate::supervision;
use shakedown_sim::ambient::Handle;
use std::cell::Cell;
use std::panic;
use std::sync::Once;

thread_local! {
    /// Whether this thread is within a run. A panic hook has no other way to know.
    static RUNNING: Cell<bool> = const { Cell::new(false) };
    /// Whether this thread has ever made a run. A thread that has not, and is not the main thread, belongs to the code under
    /// test.
    static MAKES_RUNS: Cell<bool> = const { Cell::new(false) };
}

/// Makes panics outside of runs print that they are the harness's own fault: for a binary that does nothing else.
pub(crate) fn report_internal_errors() {
    panic::set_hook(Box::new(|info| {
        report_thread(info);
        eprintln!("internal error: {info}");
        eprintln!("  this is a fault of shakedown itself; please report it with the command that you ran");
    }));
}

/// Calls `run`; panics on this thread print nothing meanwhile, because they are violations, which reports show. The same
/// holds for a separate thread of a run. Other panics go to the previous hook.
pub fn running<T>(run: impl FnOnce() -> T) -> T {
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            RUNNING.set(self.0);
        }
    }
    hide_panics_of_runs();
    MAKES_RUNS.set(true);
    let _restore = Restore(RUNNING.replace(true));
    run()
}

/// Installs a hook before the existing one, once for the process.
fn hide_panics_of_runs() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let outside = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !RUNNING.get() && Handle::try_current().is_none() {
                report_thread(info);
                outside(info);
            }
        }));
    });
}

/// Notifies the parent of a supervised process of a panic on a thread that the code under test has started: no run catches
/// it, so it would not be noticed otherwise.
fn report_thread(info: &panic::PanicHookInfo<'_>) {
    let is_main = std::thread::current().name() == Some("main");
    if let (Some(link), false, false) = (supervision::link(), MAKES_RUNS.get(), is_main) {
        link.thread_panicked(message_of(info.payload()));
    }
}

/// Returns the message of a caught panic.
pub fn message_of(panic: &dyn std::any::Any) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "a panic without message".to_owned())
}
