//! Every script of few deviations, fewest first.

use crate::runner::{Plan, Rehearse};
use crate::script::{Deviation, Script, Variant};
use std::ops::ControlFlow;

type Visit<'a> = dyn FnMut(&mut dyn Rehearse, &Script) -> ControlFlow<()> + 'a;

/// Visits each of the happy paths, then every script that leaves one of them once, then twice, and so on up
/// to `most` times. Children of a script deviate only after its last deviation, so none is visited twice.
/// `visit` is to run what it is given.
pub(super) fn each(
    rehearse: &mut dyn Rehearse,
    happy: Vec<Script>,
    most: usize,
    visit: &mut Visit<'_>,
) -> ControlFlow<()> {
    happy.iter().try_for_each(|script| visit(rehearse, script))?;
    let mut level: Vec<(Script, usize)> = happy.into_iter().map(|script| (script, 0)).collect();
    for count in 1..=most {
        let mut next = Vec::new();
        for (script, from) in level {
            rehearse.run(Plan::Script(&script));
            for (at, offered) in rehearse.offers().into_iter().enumerate().skip(from) {
                for alternative in &offered.alternatives.names()[1..] {
                    let mut child = script.clone();
                    let (id, alternative) = (offered.id.clone(), (*alternative).to_owned());
                    child.deviations.push(Deviation { id, alternative });
                    visit(rehearse, &child)?;
                    // What is not left any more need not be remembered: the last level is the widest.
                    if count < most {
                        next.push((child, at + 1));
                    }
                }
            }
        }
        level = next;
    }
    ControlFlow::Continue(())
}

/// The happy path of every small variant.
pub(super) fn small(rehearse: &dyn Rehearse) -> Vec<Script> {
    let mut variants = vec![Variant::default()];
    for parameter in rehearse.parameters() {
        let values = if parameter.small.is_empty() { parameter.values } else { parameter.small };
        let longer = |variant: &Variant, value: &&str| {
            let mut longer = variant.clone();
            longer.0.push((parameter.name.to_owned(), (*value).to_owned()));
            longer
        };
        variants = variants
            .iter()
            .flat_map(|variant| values.iter().map(move |value| longer(variant, value)))
            .collect();
    }
    let happy = rehearse.happy(0);
    variants.into_iter().map(|variant| Script { variant, ..happy.clone() }).collect()
}
