//! The life of a job by its specification: for any operations in any order it moves as a few lines say, and only for
//! allowed callers; a worker with long work keeps its job; and a full queue accepts no more.

mod admission;
mod lease;
mod life;
mod stop;

use shakedown_model::backbone::jobs::{Job, WorkItem};
use shakedown_model::filing::JOB;
use shakedown_model::{Backbone, Design, Fact};
use shakedown_sim::{
    Duration, Env, Horizon, Invariant, Moment, Plan, Role, Runner, Scenario, Scope, Script, Stage, Store,
    StoreProfile, Variant,
};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

type Story = dyn Fn(Env, Rc<Backbone>) -> Pin<Box<dyn Future<Output = ()>>>;

/// A world of one node and a database, which plays a story about job 1.
struct Played(Rc<Story>);

impl Scenario for Played {
    type Fact = Fact;
    fn name(&self) -> &str {
        "played"
    }
    fn horizon(&self, _: &Variant) -> Horizon {
        Horizon { heal: Duration::from_secs(1), settle: Duration::from_secs(1_000_000) }
    }
    fn build(&self, stage: &Stage<Fact>) {
        let server = stage.node(Role::outside("database".into()), |_| {});
        let design = Design::guarded().backbone;
        let store = Store::new(&server, StoreProfile::CALM);
        let backbone = Rc::new(Backbone::new(store, design, stage.facts()).with_audit(stage.facts()));
        backbone.store.plant(
            &backbone.jobs,
            Job::queued(1, WorkItem { kind: JOB, row: 1 }, Moment::START, Scope::ROOT),
        );
        let (node, story) = (stage.node(Role::outside("node".into()), |_| {}), Rc::clone(&self.0));
        node.clone().spawn(async move { story(node, backbone).await });
    }
    fn invariants(&self) -> Vec<Box<dyn Invariant<Fact>>> {
        Vec::new()
    }
}

/// Plays a story to its end; a failed check panics.
fn play<F: Future<Output = ()> + 'static>(story: impl Fn(Env, Rc<Backbone>) -> F + 'static) {
    let boxed: Rc<Story> = Rc::new(move |env, backbone| Box::pin(story(env, backbone)));
    let script = Script { scenario: "played".to_owned(), ..Script::default() };
    let outcome = Runner::new(Played(boxed)).run(Plan::Script(&script));
    assert_eq!(outcome.violations, []);
}

/// Returns the current job.
async fn job(env: &Env, backbone: &Backbone) -> Job {
    let mut read = backbone.store.begin(env);
    read.get(&backbone.jobs, &1).await.expect("it can be read").expect("it is there")
}
