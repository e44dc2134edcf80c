//! Scripts outlive edits of the code: an additional draw, entity, task or step changes no other choice.

use crate::shop::{Edits, Shop};
use shakedown_sim::search::understand;
use shakedown_sim::*;

const FAILURES: usize = 200;

/// The first failures of the shop, shrunk.
fn pinned() -> Vec<(u64, Script, Violation)> {
    let mut runner = Runner::new(Shop::default());
    let mut pinned = Vec::new();
    for seed in 0.. {
        let outcome = runner.run(Plan::Seed(seed));
        let Some(violation) = outcome.violations.first() else { continue };
        let script = runner.script();
        pinned.push((seed, understand(&mut runner, &script, violation).shrunk, violation.clone()));
        if pinned.len() == FAILURES {
            break;
        }
    }
    pinned
}

fn breaks(runner: &mut Runner<Shop>, plan: Plan<'_>, violation: &Violation) -> bool {
    let broken = runner.run(plan).violations;
    broken.iter().any(|other| (&other.invariant, &other.roles) == (&violation.invariant, &violation.roles))
}

#[test]
fn pinned_scripts_reproduce_after_edits_of_the_code() {
    let pinned = pinned();
    let none = Edits::default();
    let edits = [
        Edits { draw_at_set_up: true, ..none },
        Edits { draw_each_step: true, ..none },
        Edits { new_entity: true, ..none },
        Edits { background_task: true, ..none },
        Edits { extra_step: true, ..none },
        Edits {
            draw_at_set_up: true,
            draw_each_step: true,
            new_entity: true,
            background_task: true,
            extra_step: true,
        },
    ];
    for edit in edits {
        let mut runner = Runner::new(Shop(edit));
        let scripts = pinned
            .iter()
            .filter(|(_, script, violation)| breaks(&mut runner, Plan::Script(script), violation));
        let scripts = scripts.count();
        let seeds =
            pinned.iter().filter(|(seed, _, violation)| breaks(&mut runner, Plan::Seed(*seed), violation));
        println!("{scripts} of {FAILURES} scripts and {} seeds reproduce after {edit:?}", seeds.count());
        assert!(scripts * 100 >= FAILURES * 95, "{scripts} of {FAILURES} after {edit:?}");
    }
}
