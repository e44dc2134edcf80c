//! What `#[tokio::test]` and `#[tokio::main]` become.

use shakedown_sim::{
    Duration, Horizon, Invariant, Plan, Role, Runner, Scenario, Script, Stage, Variant, ambient,
};
use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

type Body = Pin<Box<dyn Future<Output = ()>>>;

/// A world of one node that runs the test's body once.
struct Test(RefCell<Option<Body>>);

impl Scenario for Test {
    type Fact = ambient::NoFact;

    fn name(&self) -> &str {
        "test"
    }

    fn horizon(&self, _: &Variant) -> Horizon {
        Horizon { heal: Duration::ZERO, settle: Duration::from_secs(86_400 * 365) }
    }

    fn build(&self, stage: &Stage<ambient::NoFact>) {
        let body = RefCell::new(self.0.borrow_mut().take());
        stage.program(Role::outside("test".into()), move || {
            let body = body.borrow_mut().take();
            async move {
                if let Some(body) = body {
                    body.await;
                }
            }
        });
    }

    fn invariants(&self) -> Vec<Box<dyn Invariant<ambient::NoFact>>> {
        Vec::new()
    }
}

/// Runs a test's body on one node of a simulated world, on its happy path.
///
/// # Panics
/// If the body does, or never ends.
#[track_caller]
pub fn test<T: 'static>(body: impl Future<Output = T> + 'static) -> T {
    let result = Rc::new(RefCell::new(None));
    let put = Rc::clone(&result);
    let body: Body = Box::pin(async move { *put.borrow_mut() = Some(body.await) });
    let mut runner = Runner::new(Test(RefCell::new(Some(body))));
    let outcome = runner.run(Plan::Script(&Script::default()));
    if let Some(violation) = outcome.violations.first() {
        panic!("{}: {}", violation.invariant, violation.message);
    }
    let result = result.borrow_mut().take();
    result.unwrap_or_else(|| panic!("the test waits for something that never happens"))
}

/// Reports how to run a program that begins with `#[tokio::main]`.
///
/// # Panics
/// Always.
#[track_caller]
pub fn main<T>(_body: impl Future<Output = T> + 'static) -> T {
    panic!(
        "a rehearsal runs a program's async function, not its `main`: move the body of `main` to `pub async fn run()` in the library, \
         and give that to `Stage::program`"
    )
}
