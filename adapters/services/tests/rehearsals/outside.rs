//! The simulation finds what it does not control: statics by the self-check, threads when they use tokio.

use crate::rig::{Said, Voice, check, divergence};
use shakedown_sim::{Role, Stage};
use std::sync::atomic::{AtomicU32, Ordering};

static CALLS: AtomicU32 = AtomicU32::new(1);

/// A program that counts in a static, as caches and lazily drawn keys do.
fn counting(stage: &Stage<Said>, voice: Voice) {
    stage.program(Role::outside("counter".into()), move || async move {
        voice.says("begins");
        tokio::time::sleep(std::time::Duration::from_secs(3)).await;
        voice.says(format!("call {}", CALLS.fetch_add(1, Ordering::Relaxed)));
    });
}

#[test]
fn a_static_is_found_with_the_first_event_that_differs() {
    let found = divergence(counting);
    assert!(found.contains("00:00:03.000 counter call 1, then 00:00:03.000 counter call 2"), "{found}");
}

/// A program that starts a thread, which uses tokio.
fn threading(stage: &Stage<Said>, voice: Voice) {
    stage.program(Role::outside("starter".into()), move || async move {
        let thread = std::thread::spawn(|| tokio::spawn(async {}));
        let panic = thread.join().unwrap_err();
        let text = panic.downcast_ref::<String>().map_or("", String::as_str);
        let is_refused = text.contains("no simulated world on this thread");
        voice.says(if is_refused { "tokio refuses the thread" } else { "tokio accepts the thread" });
    });
}

#[test]
fn tokio_refuses_a_thread_that_the_program_starts() {
    check(threading, "", &["0.0 tokio refuses the thread"]);
}
