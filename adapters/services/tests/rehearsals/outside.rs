//! What the simulation does not control, it finds: statics by the self-check, threads where they touch a task.

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

/// A program whose own thread uses tokio, and one that waits for its own thread.
fn threading(stage: &Stage<Said>, voice: Voice) {
    stage.program(Role::outside("starter".into()), move || async move {
        let thread = std::thread::spawn(|| tokio::spawn(async {}));
        let panic = thread.join().unwrap_err();
        let text = panic.downcast_ref::<String>().map_or("", String::as_str);
        voice.says(if text.contains("no simulated world on this thread") {
            "is told"
        } else {
            "is not told"
        });
    });
}

#[test]
fn a_thread_of_the_program_is_outside_and_is_told_so() {
    check(threading, "", &["0.0 is told"]);
}
