//! A full queue accepts no more work; jobs that run do not fill it.

use shakedown_model::backbone::Code;
use shakedown_model::backbone::admission::Capacity;
use shakedown_model::backbone::jobs::{Job, JobState, WorkItem};
use shakedown_model::filing::api::Api;
use shakedown_model::filing::connector::{RegistryApi, Repeats};
use shakedown_model::filing::{JOB, Office};
use shakedown_model::{Backbone, Design, Fact};
use shakedown_sim::*;
use std::cell::RefCell;
use std::rc::Rc;

/// A clinic that sends two reports to a platform with these jobs, and room for three in its queue.
struct Busy {
    jobs: &'static [JobState],
    responses: Rc<RefCell<Vec<Code>>>,
}

impl Scenario for Busy {
    type Fact = Fact;

    fn name(&self) -> &str {
        "busy"
    }

    fn build(&self, stage: &Stage<Fact>) {
        // The runner builds the happy path first, to learn how long the workload takes.
        self.responses.borrow_mut().clear();
        let server = stage.node(Role::outside("database".into()), |_| {});
        let link = |name| Link::new(name, Duration::from_millis(1), &LinkFaults::NONE);
        let (facts, store) = (stage.facts(), Store::new(&server, StoreProfile::CALM));
        let backbone = Backbone::new(store, Design::guarded().backbone, facts);
        let backbone = Rc::new(backbone.with_capacity(Capacity { workers: 8, queue: 3 }));
        // Far from the numbers that the platform gives.
        for (number, state) in (1_000..).zip(self.jobs) {
            let job = Job::queued(number, WorkItem { kind: JOB, row: number }, Moment::START, Scope::ROOT);
            backbone.store.plant(&backbone.jobs, Job { state: *state, ..job });
        }
        let registry = RegistryApi::over(&link("registry"), &link("registry page"));
        let office = Office::new(&backbone, registry, Repeats::AreTheSame, facts);
        let api = Api::over(&link("inside"), &link("desk"));
        let at = api.clone();
        stage.node(Role::outside("api".into()), move |env| at.boot(&env, &office));
        let clinic = stage.node(Role::outside("clinic".into()), |_| {});
        let (clinic, responses) = (clinic.within(stage.entity("report")), Rc::clone(&self.responses));
        clinic.clone().spawn(async move {
            for reference in [100, 200] {
                let reply =
                    clinic.child("request").call(&api.submit, reference, Duration::from_secs(10)).await;
                responses.borrow_mut().push(reply.expect("a response").code);
            }
        });
    }

    fn invariants(&self) -> Vec<Box<dyn Invariant<Fact>>> {
        Vec::new()
    }
}

#[track_caller]
fn check(jobs: &'static [JobState], expected: [Code; 2]) {
    let responses = Rc::default();
    let script = Script { scenario: "busy".to_owned(), ..Script::default() };
    let busy = Busy { jobs, responses: Rc::clone(&responses) };
    assert_eq!(Runner::new(busy).run(Plan::Script(&script)).violations, []);
    assert_eq!(*responses.borrow(), expected);
}

#[test]
fn a_full_queue_accepts_no_more() {
    check(&[JobState::Queued; 2], [Code::Accepted, Code::Unavailable]);
    check(&[JobState::Queued; 3], [Code::Unavailable; 2]);
}

#[test]
fn jobs_that_run_do_not_fill_the_queue() {
    check(&[JobState::Running; 8], [Code::Accepted; 2]);
}
