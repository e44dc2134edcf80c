//! What `WAIT` promises: a write that the replica has survives every failover, and one that was only acknowledged does not.

use crate::expectation::expect;
use shakedown_sim::judge::invariant;
use shakedown_sim::kv::{CommandFault, Kv, KvFailover, KvFaults, KvProfile};
use shakedown_sim::*;

const SECOND: Duration = Duration::from_secs(1);
const FAULTS: KvFaults = KvFaults {
    command: &[CommandFault::Lost, CommandFault::ResponseLost, CommandFault::Late(Duration::from_secs(3))],
    failover: &[KvFailover::Crash(SECOND), KvFailover::Partition(SECOND), KvFailover::Demotion(SECOND)],
    replication: &[Duration::from_secs(5)],
    ..KvFaults::NONE
};

#[derive(serde::Serialize)]
enum Step {
    Confirmed(i64),
    Read(i64),
}

impl Fact for Step {
    fn sentence(&self) -> String {
        match self {
            Step::Confirmed(number) => format!("knows that {number} is written"),
            Step::Read(number) => format!("reads {number}"),
        }
    }
}

/// A client that counts to three, and reads the number in the end.
struct Counts {
    waits: bool,
}

impl Scenario for Counts {
    type Fact = Step;
    fn name(&self) -> &str {
        "counts"
    }
    fn build(&self, stage: &Stage<Step>) {
        let server = |name: &'static str| stage.node(Role::outside(name.into()), |_| {});
        let profile = KvProfile { faults: FAULTS, ..KvProfile::REDIS };
        let kv = Kv::with_replica(&server("redis-a"), &server("redis-b"), "kv", profile);
        let env = stage.node(Role::outside("client".into()), |_| {}).within(stage.entity("count"));
        let (facts, waits) = (stage.facts().clone(), self.waits);
        env.clone().spawn(async move {
            let client = kv.client(&env);
            for _ in 0..3 {
                let client = client.within(&env.child("write"));
                let written = client.incr_by("n", 1).await;
                let is_confirmed = !waits || client.wait(SECOND).await == Ok(1);
                if let (Ok(number), true) = (written, is_confirmed) {
                    facts.state(&env, &Step::Confirmed(number));
                }
            }
            env.sleep(SECOND * 20).await;
            let number = loop {
                let client = client.within(&env.child("read"));
                if let Ok(number) = client.get("n").await {
                    break number.map_or(0, |number| number.parse().expect("a number"));
                }
            };
            facts.state(&env, &Step::Read(number));
        });
    }
    fn invariants(&self) -> Vec<Box<dyn Invariant<Step>>> {
        vec![
            invariant("confirmed-survives", |confirmed: &mut i64, at, step: &Step, findings| match step {
                Step::Confirmed(number) => *confirmed = (*confirmed).max(*number),
                Step::Read(number) if number < confirmed => {
                    findings.violated("write", &[at.event], || {
                        format!("{confirmed} was written, and {number} is left")
                    });
                }
                Step::Read(_) => {}
            })
            .boxed(),
        ]
    }
}

#[test]
fn a_write_that_the_replica_has_survives_every_failover() {
    expect(Counts { waits: true }).deviations(2).holds();
}

#[test]
fn a_write_that_was_only_acknowledged_is_lost() {
    let found = expect(Counts { waits: false }).deviations(1).violates("confirmed-survives");
    assert_eq!(found.shrunk.deviations.len(), 1, "{found}");
}
