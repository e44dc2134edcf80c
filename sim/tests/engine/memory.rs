//! Memory is flat in the number of runs.

use crate::rig::{Rig, script};
use crate::shop::Shop;
use shakedown_sim::*;

#[test]
fn a_runner_that_is_used_again_does_not_grow() {
    let mut runner = Runner::new(Shop::default());
    let mut sizes = |seeds: std::ops::Range<u64>| {
        seeds.for_each(|seed| drop(runner.run(Plan::Seed(seed % 500))));
        runner.footprint()
    };
    let after_few = sizes(0..2_000);
    let after_many = sizes(2_000..20_000);
    assert_eq!(after_few, after_many, "the same 500 runs, again and again");
}

#[test]
fn nothing_of_a_run_outlives_its_runner() {
    struct Counted(std::rc::Rc<()>);
    impl Scenario for Counted {
        type Fact = crate::rig::Said;
        fn name(&self) -> &str {
            "counted"
        }
        fn build(&self, stage: &Stage<Self::Fact>) {
            let link = Link::new("line", Duration::from_millis(1), &LinkFaults::NONE);
            let (one, other) = (Op::new("one.ask", "asks"), Op::new("other.ask", "asks"));
            let (one, other) = (Endpoint::<(), ()>::new(one, &link), Endpoint::<(), ()>::new(other, &link));
            // Each handler holds the other's endpoint, so they hold each other.
            for (own, peer) in [(one.clone(), other.clone()), (other, one)] {
                let counted = self.0.clone();
                stage.node(Role::new("peer".into(), &CrashProfile::NEVER), move |env| {
                    let (peer, counted) = (peer.clone(), counted.clone());
                    own.serve(&env, move |_, ()| {
                        let held = (peer.clone(), counted.clone());
                        async move { drop(held) }
                    });
                });
            }
        }
        fn invariants(&self) -> Vec<Box<dyn Invariant<Self::Fact>>> {
            Vec::new()
        }
    }
    let counted = std::rc::Rc::new(());
    let mut runner = Runner::new(Counted(counted.clone()));
    runner.run(Plan::Seed(1));
    let after_one = std::rc::Rc::strong_count(&counted);
    (0..50).for_each(|seed| drop(runner.run(Plan::Seed(seed))));
    assert_eq!(std::rc::Rc::strong_count(&counted), after_one);
    drop(runner);
    assert_eq!(std::rc::Rc::strong_count(&counted), 1);
}

#[test]
fn a_recording_holds_a_bounded_amount_of_text() {
    const NOTE: usize = 1 << 10;
    let (count, most) = (80_000, 64 << 20);
    let rig = Rig::new(move |stage| {
        let node = stage.node(Role::outside("node".into()), |_| {});
        node.clone().spawn(async move {
            (0..count).for_each(|_| node.note(|| "x".repeat(NOTE)));
        });
    });
    let (outcome, trace) = Runner::new(rig).record(Plan::Script(&script("")));
    assert!(outcome.violations.is_empty() && trace.steps.len() > count);
    assert!(trace.steps.iter().map(|step| step.text.len()).sum::<usize>() < most + count * 100);
    let left_out = trace.steps.iter().filter(|step| step.text.starts_with("the text is left out")).count();
    assert!(left_out > 0 && left_out < count / 2, "{left_out}");
}
