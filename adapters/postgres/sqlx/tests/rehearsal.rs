//! The workers on a real server: crashes, lost connections, lost commits. Run it with `cargo shakedown test`.
#![cfg(shakedown)]

use shakedown_clock::FreshThread;
use shakedown_net::{Link, Network, StreamFaults};
use shakedown_postgres::{ChangeKind, Schema, Server, ServerFaults};
use shakedown_sim::search::*;
use shakedown_sim::*;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A result is durable.
#[derive(Clone, serde::Serialize)]
struct Done {
    job: String,
    worker: String,
}

impl Fact for Done {
    fn sentence(&self) -> String {
        format!("holds a result of job {} by {}", self.job, self.worker)
    }
}

/// Each job is done exactly once.
#[derive(Default)]
struct DoneOnce(BTreeMap<String, u32>);

impl Invariant<Done> for DoneOnce {
    fn name(&self) -> &'static str {
        "done-once"
    }
    fn reset(&mut self) {
        self.0.clear();
    }
    fn observe(&mut self, at: &At<'_>, fact: &Done, findings: &mut Findings) {
        if let Some(first) = self.0.insert(fact.job.clone(), at.event) {
            findings.violated("job", &[first, at.event], || format!("job {} is done twice", fact.job));
        }
    }
    fn at_rest(&mut self, _: Moment, findings: &mut Findings) {
        if self.0.len() != 4 {
            let done = self.0.len();
            findings.violated("job", &[], || format!("{done} of 4 jobs are done in the end"));
        }
    }
}

const CRASHES: CrashProfile =
    CrashProfile { before: &[CrashFault::Crash], restart: Duration::from_secs(1), ..CrashProfile::NEVER };

struct Jobs(Arc<Server>);

impl Scenario for Jobs {
    type Fact = Done;

    fn name(&self) -> &str {
        "jobs"
    }

    fn horizon(&self, _: &Variant) -> Horizon {
        Horizon { heal: Duration::from_secs(2), settle: Duration::from_secs(10) }
    }

    fn build(&self, stage: &Stage<Done>) {
        Network::on(stage).link("postgres", Link { latency: Duration::from_millis(2), faults: &StreamFaults::NONE });
        self.0.serve(stage, Role::outside("postgres".into()), &ServerFaults::LOSSY, |change| {
            (change.table == "public.results" && change.kind == ChangeKind::Insert).then(|| Done {
                job: change.value("job").unwrap_or_default().to_owned(),
                worker: change.value("worker").unwrap_or_default().to_owned(),
            })
        });
        for number in 1..=2 {
            stage.program(Role::new("worker".into(), &CRASHES), move || async move {
                // They start one after the other, so that nothing but a fault has them meet.
                tokio::time::sleep(std::time::Duration::from_millis(40 * number)).await;
                jobs_on_sqlx::work("postgres://postgres@postgres/app", &format!("worker-{number}")).await
            });
        }
    }

    fn invariants(&self) -> Vec<Box<dyn Invariant<Done>>> {
        vec![Box::<DoneOnce>::default()]
    }
}

fn first_failure(runner: &mut dyn Rehearse, seeds: u64) -> Option<(Script, Violation)> {
    (0..seeds).find_map(|seed| {
        let violation = runner.run(Plan::Seed(seed)).violations.into_iter().next()?;
        Some((runner.script(), violation))
    })
}

fn runner() -> impl Rehearse {
    let server = Arc::new(Server::start(Schema::new("")).unwrap_or_else(|error| panic!("{error}")));
    FreshThread::new(move || Jobs(Arc::clone(&server)))
}

#[cfg(not(feature = "naive-claim"))]
#[test]
fn every_job_is_done_once_and_runs_repeat() {
    let mut runner = runner();
    if let Some((script, violation)) = first_failure(&mut runner, 40) {
        panic!("{}", understand(&mut runner, &script, &violation));
    }
    for seed in 0..3 {
        self_check(&mut runner, Plan::Seed(seed)).expect("the seed decides everything");
    }
}

#[cfg(feature = "naive-claim")]
#[test]
fn jobs_claimed_without_a_lock_are_done_twice() {
    let mut runner = runner();
    let (script, violation) = first_failure(&mut runner, 200).expect("a seed that fails");
    println!("{}", understand(&mut runner, &script, &violation));
    assert_eq!(violation.invariant, "done-once");
}
