//! Panics: of the system under test they are violations and say nothing on stderr; of the harness they are
//! internal errors and say where.

use crate::supervision;
use shakedown_sim::ambient::Handle;
use std::cell::Cell;
use std::panic;
use std::sync::Once;

thread_local! {
    /// Whether this thread is within a run. A panic hook is told nothing else of what was going on.
    static RUNNING: Cell<bool> = const { Cell::new(false) };
    /// Whether this thread has ever made a run. One that has not, and is not the main thread, belongs to the code under test.
    static MAKES_RUNS: Cell<bool> = const { Cell::new(false) };
}

/// Has panics outside of runs say that they are the harness's own fault: for a binary that runs nothing else.
pub(crate) fn report_internal_errors() {
    panic::set_hook(Box::new(|info| {
        report_thread(info);
        eprintln!("internal error: {info}");
        eprintln!("  this is a fault of shakedown itself; please report it with the command that you ran");
    }));
}

/// Calls `run`, during which panics on this thread say nothing: they are violations, and reports tell them. The same holds
/// for a thread of its own that a run has. Other panics go to the hook that was there before.
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

/// Puts a hook before the one that there is, once for the process.
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

/// Has the parent of a supervised process know of a panic on a thread that the code under test has started: no run catches
/// it, so it is not seen otherwise.
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
