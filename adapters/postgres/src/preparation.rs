//! Runs the program that prepares a server's database, such as the migrations of the service, in a run of its own.

use crate::faults::ServerFaults;
use crate::server::{Preparation, Server};
use shakedown_sim::ambient::NoFact;
use shakedown_sim::{
    CrashProfile, Duration, Horizon, Invariant, Plan, Role, Runner, Scenario, Script, Stage,
};
use std::sync::{Arc, Mutex, PoisonError};

/// The run. No fault is possible in it.
struct Prepare {
    server: Arc<Server>,
    program: Preparation,
    /// The result of the program, once it has ended.
    result: Arc<Mutex<Option<Result<(), String>>>>,
}

impl Scenario for Prepare {
    type Fact = NoFact;

    fn name(&self) -> &str {
        "preparation"
    }

    fn horizon(&self, _: &shakedown_sim::Variant) -> Horizon {
        Horizon { heal: Duration::ZERO, settle: Duration::from_secs(600) }
    }

    fn build(&self, stage: &Stage<NoFact>) {
        self.server.serve(stage, Role::outside("postgres".into()), &ServerFaults::NONE, |_| None);
        let (program, result) = (self.program.clone(), Arc::clone(&self.result));
        stage.program(Role::new("preparation".into(), &CrashProfile::NEVER), move || {
            let (program, result) = (program.clone(), Arc::clone(&result));
            async move {
                let ended = program.run().await;
                *result.lock().unwrap_or_else(PoisonError::into_inner) = Some(ended);
            }
        });
    }

    fn invariants(&self) -> Vec<Box<dyn Invariant<NoFact>>> {
        Vec::new()
    }
}

/// Runs the program. Returns its error, or why it has not ended.
pub(crate) fn run(server: &Arc<Server>, program: &Preparation) -> Result<(), String> {
    let result = Arc::default();
    let prepare =
        Prepare { server: Arc::clone(server), program: program.clone(), result: Arc::clone(&result) };
    // On a thread of its own, because a run may already be under way on this one.
    let outcome = std::thread::scope(|scope| {
        let run = scope.spawn(move || Runner::new(prepare).run(Plan::Script(&Script::default())));
        run.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    });
    if let Some(violation) = outcome.violations.into_iter().next() {
        return Err(violation.message);
    }
    let result = result.lock().unwrap_or_else(PoisonError::into_inner).take();
    result.unwrap_or_else(|| Err("the program that prepares the database has not ended".to_owned()))
}
