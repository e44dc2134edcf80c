//! The ambient handle: the world for code that cannot take a handle and must be `Send`.

use crate::rig::{Rig, said, say, seconds};
use shakedown_sim::ambient::{Handle, SendFuture, Shared};
use shakedown_sim::*;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;

const CRASHES: CrashProfile = CrashProfile {
    before: &[CrashFault::Crash, CrashFault::ShutDown, CrashFault::Pause(Duration::from_secs(3))],
    after: &[CrashFault::Crash],
    ..CrashProfile::NEVER
};

/// States facts for code without a handle.
#[derive(Clone, Copy)]
struct Voice(Shared<Facts<crate::rig::Said>>);

impl Voice {
    fn says(self, text: &str) {
        self.0.with(|facts| {
            if let Some(env) = Handle::current().try_env() {
                say(facts, &env, text);
            }
        });
    }
}

/// States a fact when it is dropped.
struct Last(Voice, &'static str);

impl Drop for Last {
    fn drop(&mut self) {
        self.0.says(self.1);
    }
}

fn program<M: Future<Output = ()> + Send + 'static>(main: impl Fn(Voice) -> M + Clone + 'static) -> Rig {
    Rig::new(move |stage| {
        let (voice, main) = (Voice(Shared::new(stage.facts().clone())), main.clone());
        stage.program(Role { single: true, ..Role::new("node".into(), &CRASHES) }, move || main(voice));
    })
}

#[test]
fn a_sendable_program_sleeps_spawns_and_says() {
    let rig = program(|voice| async move {
        Handle::current().spawn(async move {
            Handle::current().sleep(seconds(2)).await;
            voice.says("two");
        });
        Handle::current().sleep(seconds(3)).await;
        voice.says("three");
    });
    assert_eq!(said(rig, ""), ["2 node two", "3 node three"]);
}

#[test]
fn the_process_ends_with_its_main_and_destructors_count() {
    let rig = program(|voice| async move {
        Handle::current().spawn(async move {
            let _last = Last(voice, "dropped");
            Handle::current().sleep(seconds(9)).await;
        });
        Handle::current().sleep(seconds(1)).await;
    });
    assert_eq!(said(rig, ""), ["1 node dropped"]);
}

/// A node that crashes at its first effect, if the script says so, and has a task whose destructor states a fact.
fn crashing() -> Rig {
    program(|voice| async move {
        Handle::current().spawn(async move {
            let _last = Last(voice, "dropped");
            Handle::current().sleep(seconds(90)).await;
        });
        Handle::current().sleep(seconds(1)).await;
        let mut met = false;
        std::future::poll_fn(|_| match std::mem::replace(&mut met, true) {
            false => Handle::current().poll_crash_point(Side::Before, "effect"),
            true => std::task::Poll::Ready(()),
        })
        .await;
        voice.says("effect");
        Handle::current().sleep(seconds(1)).await;
    })
}

#[test]
fn a_crash_leaves_destructors_without_effect() {
    let crash = "node/before effect @ node-1 #1 = crash";
    assert_eq!(said(crashing(), crash), ["7 node effect", "8 node dropped"]);
}

#[test]
fn a_shutdown_of_a_program_without_a_handler_drops_its_tasks() {
    let stop = "node/before effect @ node-1 #1 = stop";
    assert_eq!(said(crashing(), stop), ["1 node dropped", "7 node effect", "8 node dropped"]);
}

#[test]
fn a_paused_program_resumes_where_it_was() {
    let pause = "node/before effect @ node-1 #1 = pause 3 s";
    assert_eq!(said(crashing(), pause), ["4 node effect", "5 node dropped"]);
}

#[test]
fn a_program_that_handles_its_shutdown_ends_it_itself() {
    let rig = program(|voice| async move {
        let handle = Handle::current();
        let env = Shared::new(handle.env());
        handle.spawn(async move {
            let terminated: SendFuture<()> =
                Handle::current().send_future(async move { env.get().terminated().await });
            terminated.await;
            voice.says("terminated");
            Handle::current().sleep(seconds(2)).await;
            voice.says("cleaned up");
            Handle::current().exit();
        });
        handle.sleep(seconds(1)).await;
        let _ = handle.poll_crash_point(Side::Before, "effect");
        handle.sleep(seconds(60)).await;
        voice.says("killed too late");
    });
    let stop = "node/before effect @ node-1 #1 = stop";
    assert_eq!(said(rig, stop), ["1 node terminated", "3 node cleaned up", "69 node killed too late"]);
}

#[test]
fn a_program_that_ignores_its_shutdown_is_killed_after_the_grace_period() {
    let rig = program(|voice| async move {
        let handle = Handle::current();
        drop(handle.env().termination());
        handle.sleep(seconds(1)).await;
        let _ = handle.poll_crash_point(Side::Before, "effect");
        let _last = Last(voice, "ends");
        handle.sleep(seconds(40)).await;
    });
    let stop = "node/before effect @ node-1 #1 = stop";
    assert_eq!(said(rig, stop), ["77 node ends"], "killed at 31 s, back at 36 s");
}

#[test]
fn work_for_an_entity_names_what_follows() {
    let rig = Rig::new(|stage| {
        let (voice, order) = (Voice(Shared::new(stage.facts().clone())), stage.entity("order"));
        stage.program(Role::outside("node".into()), move || async move {
            Handle::current().work_for(order);
            Handle::current().sleep(seconds(1)).await;
            voice.says(&Handle::current().env().scope_path().to_string());
        });
    });
    assert_eq!(said(rig, ""), ["1 node order-1"]);
}

static KEPT: Mutex<Option<Handle>> = Mutex::new(None);

#[test]
fn a_handle_kept_in_a_static_does_nothing_in_a_later_run() {
    let rig = || {
        program(|voice| async move {
            let kept = KEPT.lock().unwrap().replace(Handle::current());
            if let Some(kept) = kept {
                kept.spawn(async move { voice.says("from the run before") });
                assert!(!kept.is_alive() && kept.now() == Moment::START);
            }
            voice.says("done");
        })
    };
    assert_eq!(said(rig(), ""), ["0 node done"]);
    assert_eq!(said(rig(), ""), ["0 node done"]);
}

#[test]
fn outside_a_simulation_the_handle_panics_with_a_reason() {
    let panic = catch_unwind(AssertUnwindSafe(Handle::current)).expect_err("there is no world");
    let message = panic.downcast_ref::<String>().cloned();
    let message = message.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap();
    assert!(message.contains("no simulated world on this thread"), "{message}");
}

#[test]
fn random_numbers_depend_on_entity_and_name_alone() {
    let rig = |others: usize| {
        program(move |voice| async move {
            let env = Handle::current().env();
            (0..others).for_each(|_| drop(env.rng("other")));
            let (first, second) = (env.uuid(), env.uuid());
            assert_ne!(first, second);
            assert_eq!((first >> 76 & 0xF, first >> 62 & 0x3), (4, 2), "version 4, variant 1");
            let jitter = env.equal_jitter("back-off", seconds(2));
            assert!((seconds(1)..=seconds(2)).contains(&jitter));
            voice.says(&format!("{first:x} {jitter:?}"));
        })
    };
    let lines = said(rig(0), "");
    assert_eq!(lines, said(rig(3), ""));
    assert_eq!(lines, said(rig(0), ""));
}
