//! Planted bugs: users with items that draw delays, and an alarm that rings when a rule is met.

use crate::rig::{Said, say, seconds};
use shakedown_sim::*;
use std::cell::RefCell;
use std::rc::Rc;

/// A choice that deviated.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Met {
    pub(crate) user: u32,
    pub(crate) item: u32,
    pub(crate) point: &'static str,
    pub(crate) seconds: u64,
}

/// Whether the choices of a run ring the alarm.
pub(crate) type Rule = fn(&[Met]) -> bool;

/// A world with this bug, and with a decoy: a delay at `three` rings another alarm.
pub(crate) struct Planted(pub(crate) Rule);

const WAYS: Alternatives = Alternatives::delays(&["no", "1 s", "5 s", "1 min"], (100, 70_000));
const POINTS: [&str; 4] = ["one", "two", "three", "four"];
const ITEMS: u32 = 8;

/// No alarm rings; each kind of alarm has its own role.
struct NoAlarm;

impl Invariant<Said> for NoAlarm {
    fn name(&self) -> &'static str {
        "no-alarm"
    }
    fn about(&self) -> &'static str {
        "nothing is said"
    }
    fn reset(&mut self) {}
    fn observe(&mut self, at: &At<'_>, Said(text): &Said, findings: &mut Findings) {
        findings.violated(text, &[at.event], || format!("{text} rings"));
    }
}

impl Scenario for Planted {
    type Fact = Said;
    fn name(&self) -> &str {
        "planted"
    }
    fn parameters(&self) -> &[Parameter] {
        &[Parameter {
            name: "users",
            about: "how many there are",
            values: &["1", "2", "3", "4"],
            small: &["1"],
        }]
    }
    fn invariants(&self) -> Vec<Box<dyn Invariant<Said>>> {
        vec![Box::new(NoAlarm)]
    }
    fn build(&self, stage: &Stage<Said>) {
        let met: Rc<RefCell<Vec<Met>>> = Rc::default();
        for user in 1..=stage.variant().number("users") {
            let scope = stage.entity("user");
            let node = stage.node(Role::new("user".into(), &CrashProfile::NEVER), |_| {}).within(scope);
            let met = Rc::clone(&met);
            node.clone().spawn(async move {
                for item in 1..=ITEMS {
                    let env = node.child("item");
                    for point in POINTS {
                        take(&env, &met, (user, item, point));
                        env.sleep(Duration::from_millis(10)).await;
                    }
                    let slow = |one: &Met| (one.user, one.item, one.point) == (user, item, "one");
                    if met.borrow().iter().any(slow) {
                        take(&env, &met, (user, item, "retry"));
                    }
                }
            });
        }
        let (rule, facts) = (self.0, stage.facts().clone());
        let judge = stage.node(Role::outside("judge".into()), |_| {});
        judge.clone().spawn(async move {
            judge.sleep(seconds(20)).await;
            let met = met.borrow().clone();
            if met.iter().any(|one| one.point == "three") {
                say(&facts, &judge, "decoy");
            }
            if rule(&met) {
                say(&facts, &judge, "alarm");
            }
        });
    }
}

fn take(env: &Env, met: &RefCell<Vec<Met>>, (user, item, point): (u32, u32, &'static str)) {
    let delay = env.choose_delay(Site::new("item".into(), point.into()), &WAYS);
    if delay > Duration::ZERO {
        met.borrow_mut().push(Met { user, item, point, seconds: delay.as_secs() });
    }
}

/// Failures of this kind, from the first seeds that have one.
pub(crate) fn failures(rule: Rule, count: usize) -> Vec<search::Failure> {
    let mut runner = Runner::new(Planted(rule));
    let mut failures = Vec::new();
    for seed in 0..200_000 {
        let violations = runner.run(Plan::Seed(seed)).violations;
        let Some(alarm) = violations.iter().find(|violation| violation.roles == "alarm") else { continue };
        let found = runner.script();
        failures.push(search::understand(&mut runner, &found, alarm));
        if failures.len() == count {
            break;
        }
    }
    failures
}
