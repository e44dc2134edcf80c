//! What the tests of each scenario do with scripts: the happy paths, and those with one deviation more.

use shakedown_sim::{Deviation, Outcome, Plan, Rehearse, Script, Variant};

/// The happy path of every variant, or of the small ones.
pub(crate) fn happy_paths(runner: &dyn Rehearse, small: bool) -> Vec<Script> {
    let variants = runner.parameters().iter().fold(vec![Variant::default()], |variants, parameter| {
        let values = if small { parameter.small } else { parameter.values };
        let longer = |variant: &Variant, value: &&str| {
            let mut longer = variant.clone();
            longer.0.push((parameter.name.to_owned(), (*value).to_owned()));
            longer
        };
        variants.iter().flat_map(|variant| values.iter().map(move |value| longer(variant, value))).collect()
    });
    let happy = runner.happy(0);
    variants.into_iter().map(|variant| Script { variant, ..happy.clone() }).collect()
}

/// Every script of one deviation more, which comes after those that there are.
pub(crate) fn one_step_further(runner: &mut dyn Rehearse, script: &Script) -> Vec<Script> {
    run(runner, script);
    let last = script.deviations.last().map(|deviation| &deviation.id);
    let mut offers = runner.offers().into_iter();
    if let Some(last) = last {
        offers.find(|offered| offered.id == *last).expect("it applied");
    }
    let each = offers.flat_map(|offered| {
        let names = offered.alternatives.names().into_iter().skip(1);
        names.map(move |alternative| Deviation { id: offered.id.clone(), alternative })
    });
    let longer = |deviation| script.with(script.deviations.iter().cloned().chain([deviation]).collect());
    each.map(longer).collect()
}

/// Runs a script all of whose deviations must apply.
pub(crate) fn run(runner: &mut dyn Rehearse, script: &Script) -> Outcome {
    let outcome = runner.run(Plan::Script(script));
    assert_eq!(outcome.unapplied, [], "{script}");
    outcome
}
