//! Strategies for tests with proptest: scripts over the choices that a scenario offers, and variants.
//!
//! A script shrinks towards fewer deviations and towards the first value of each parameter. Pass it to a rehearsal
//! and return the result: a failure then prints the story and the line that repeats the run. Proptest itself keeps
//! the failed cases; a case can be drawn again from its seed as long as the scenario offers the same choices.

use crate::draws::below;
use crate::hash::mix;
use crate::runner::{Plan, Rehearse, Runner};
use crate::scenario::{Parameter, Scenario};
use crate::script::{Deviation, Script, Variant};
use proptest::num;
use proptest::sample::select;
use proptest::strategy::{NewTree, Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt;
use std::rc::Rc;

/// Returns a strategy for scripts of any variant with at most `most` deviations, each of a choice that the run so far
/// offers, to a named alternative.
///
/// ```
/// # use shakedown_sim::*;
/// # #[derive(serde::Serialize)] struct Charged;
/// # impl Fact for Charged { fn sentence(&self) -> String { "charges".to_owned() } }
/// # struct Till;
/// # impl Scenario for Till {
/// #     type Fact = Charged;
/// #     fn name(&self) -> &str { "till" }
/// #     fn build(&self, stage: &Stage<Charged>) {
/// #         let (till, facts) = (stage.node(Role::outside("till".into()), |_| {}), stage.facts().clone());
/// #         till.clone().spawn(async move {
/// #             till.choose(Site::new("till".into(), "answer".into()), &Alternatives::new(&["arrives", "lost"]));
/// #             facts.state(&till, &Charged);
/// #         });
/// #     }
/// #     fn invariants(&self) -> Vec<Box<dyn Invariant<Charged>>> { Vec::new() }
/// # }
/// use proptest::test_runner::TestRunner;
/// use shakedown_sim::strategies::any_script;
/// let tested = TestRunner::deterministic().run(&any_script(Till, 3), |script| {
///     assert_eq!(Runner::new(Till).run(Plan::Script(&script)).violations, []);
///     Ok(())
/// });
/// assert_eq!(tested, Ok(()));
/// ```
pub fn any_script(scenario: impl Scenario, most: usize) -> Scripts {
    Scripts { rehearse: Rc::new(RefCell::new(Runner::new(scenario))), most }
}

/// Returns a strategy for variants over a scenario's parameters; it shrinks towards the first value of each.
pub fn any_variant(parameters: &[Parameter]) -> impl Strategy<Value = Variant> + use<> {
    let names: Vec<&str> = parameters.iter().map(|parameter| parameter.name).collect();
    let values: Vec<_> = parameters.iter().map(|parameter| select(parameter.values)).collect();
    values.prop_map(move |values| {
        let pairs = names.iter().zip(values);
        Variant(pairs.map(|(name, value)| ((*name).to_owned(), value.to_owned())).collect())
    })
}

type Shared = Rc<RefCell<dyn Rehearse>>;

/// A strategy for scripts; created by [`any_script`].
pub struct Scripts {
    rehearse: Shared,
    most: usize,
}

impl fmt::Debug for Scripts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "scripts of at most {} deviations", self.most)
    }
}

impl Strategy for Scripts {
    type Tree = Shrinking;
    type Value = Script;

    fn new_tree(&self, runner: &mut TestRunner) -> NewTree<Self> {
        let word = num::u64::ANY.new_tree(runner)?.current();
        let draw = |at: usize, n: usize| below(mix(word, at as u64), n as u32) as usize;
        let mut rehearse = self.rehearse.borrow_mut();
        let mut script = rehearse.happy(word);
        for at in 0..draw(0, self.most + 1) {
            script = run(&mut *rehearse, script);
            let taken = |offered: &crate::Offered| script.deviations.iter().any(|one| one.id == offered.id);
            let left: Vec<_> = rehearse.offers().into_iter().filter(|offered| !taken(offered)).collect();
            if left.is_empty() {
                break;
            }
            let offered = &left[draw(2 * at + 1, left.len())];
            let alternative = 1 + draw(2 * at + 2, offered.alternatives.deviations());
            let alternative = offered.alternatives.names()[alternative].to_owned();
            script.deviations.push(Deviation { id: offered.id.clone(), alternative });
        }
        let script = run(&mut *rehearse, script);
        drop(rehearse);
        Ok(Shrinking {
            rehearse: Rc::clone(&self.rehearse),
            script,
            before: None,
            next: 0,
            tried: BTreeSet::new(),
        })
    }
}

/// Runs the script, and returns it with those of its deviations that the run offers.
fn run(rehearse: &mut dyn Rehearse, script: Script) -> Script {
    rehearse.run(Plan::Script(&script));
    Script { deviations: rehearse.script().deviations, ..script }
}

/// A script that is being shrunk.
pub struct Shrinking {
    rehearse: Shared,
    script: Script,
    /// The script before the last step, as long as that step may have to be undone.
    before: Option<Script>,
    /// The next step to try.
    next: usize,
    /// The scripts that were tried, in written form.
    tried: BTreeSet<String>,
}

impl fmt::Debug for Shrinking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.script.fmt(f)
    }
}

impl Shrinking {
    /// Returns the script after the step of this number: without all of its deviations, then without each of them,
    /// the last first, then with the first value of each parameter.
    fn after(&self, step: usize) -> Option<Script> {
        let count = self.script.deviations.len();
        let mut script = self.script.clone();
        if step == 0 {
            script.deviations.clear();
        } else if step <= count {
            script.deviations.remove(count - step);
        } else {
            let (_, value) = script.variant.0.get_mut(step - count - 1)?;
            let rehearse = self.rehearse.borrow();
            let first = rehearse.parameters().get(step - count - 1)?.values.first()?;
            *value = (*first).to_owned();
        }
        Some(script)
    }
}

impl ValueTree for Shrinking {
    type Value = Script;

    fn current(&self) -> Script {
        self.script.clone()
    }

    fn simplify(&mut self) -> bool {
        if self.before.take().is_some() {
            // The last step succeeded: all others are possible again.
            self.next = 0;
        }
        self.tried.insert(self.script.to_string());
        while let Some(smaller) = self.after(self.next) {
            self.next += 1;
            let smaller = run(&mut *self.rehearse.borrow_mut(), smaller);
            if self.tried.insert(smaller.to_string()) {
                self.before = Some(std::mem::replace(&mut self.script, smaller));
                return true;
            }
        }
        false
    }

    fn complicate(&mut self) -> bool {
        self.before.take().is_some_and(|before| {
            self.script = before;
            true
        })
    }
}
