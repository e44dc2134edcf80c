//! The collector counts what nodes report, and loses what they report during an outage.

use shakedown_model::Fact;
use shakedown_model::releases::Code;
use shakedown_model::releases::telemetry::{Count, Counts, Telemetry};
use shakedown_sim::*;
use std::cell::RefCell;
use std::rc::Rc;

type Read = Option<[Counts; 2]>;

/// A manager that reads the counts of two releases three times: two orders succeed and one fails before, one succeeds after the
/// first time, one after the second, and one text cannot be read.
struct Watched(Rc<RefCell<Vec<Read>>>);

impl Scenario for Watched {
    type Fact = Fact;

    fn name(&self) -> &str {
        "watched"
    }

    fn build(&self, stage: &Stage<Fact>) {
        // The runner builds the happy path first, to learn how long the workload takes.
        self.0.borrow_mut().clear();
        let reads = Rc::clone(&self.0);
        let env = stage.node(Role::outside("manager".into()), |_| {}).within(stage.entity("watch"));
        env.clone().spawn(async move {
            let telemetry = Telemetry::default();
            let read = || reads.borrow_mut().push(telemetry.read(&env, [Code::R1, Code::R2]));
            for what in [Count::Good, Count::Good, Count::Bad] {
                telemetry.count(&env, Code::R1, what);
            }
            read();
            telemetry.count(&env, Code::R1, Count::Good);
            env.sleep(Duration::from_secs(10)).await;
            read();
            telemetry.count(&env, Code::R1, Count::Good);
            env.sleep(Duration::from_secs(120)).await;
            telemetry.count(&env, Code::R2, Count::Unreadable);
            read();
        });
    }

    fn invariants(&self) -> Vec<Box<dyn Invariant<Fact>>> {
        Vec::new()
    }
}

#[track_caller]
fn check(script: &str, expected: [Read; 3]) {
    let reads = Rc::default();
    let script: Script = format!("scenario watched\n{script}").parse().expect("well formed");
    let mut runner = Runner::new(Watched(Rc::clone(&reads)));
    let outcome = runner.run(Plan::Script(&script));
    assert!(outcome.violations.is_empty() && outcome.unapplied.is_empty(), "{:?}", runner.offers());
    assert_eq!(*reads.borrow(), expected);
}

const NONE: Counts = Counts { good: 0, bad: 0, unreadable: 0 };
const FIRST: Counts = Counts { good: 2, bad: 1, ..NONE };
const UNREADABLE: Counts = Counts { unreadable: 1, ..NONE };

#[test]
fn each_event_is_counted_for_its_release() {
    let later = |good| Counts { good, ..FIRST };
    check("", [Some([FIRST, NONE]), Some([later(3), NONE]), Some([later(4), UNREADABLE])]);
}

#[test]
fn an_outage_reads_nothing_and_loses_its_counts() {
    let after = Counts { good: 3, ..FIRST };
    check("telemetry/silence @ watch-1#2 = 1 min", [Some([FIRST, NONE]), None, Some([after, UNREADABLE])]);
}

#[test]
fn counts_are_added_each_to_its_own() {
    let (one, other) =
        (Counts { good: 1, bad: 2, unreadable: 3 }, Counts { good: 10, bad: 20, unreadable: 30 });
    assert_eq!(one.and(other), Counts { good: 11, bad: 22, unreadable: 33 });
}
