//! Every script of few deviations, until one breaks what is looked for.

use super::Walk;
use crate::choice::{Alternatives, Site};
use crate::coverage::Coverage;
use crate::digest::Digest;
use crate::runner::{Offered, Outcome, Plan, Rehearse};
use crate::scenario::Parameter;
use crate::script::{Script, Variant};
use crate::search::Bounded;
use crate::trace::Trace;
use crate::world::Limits;
use std::ops::ControlFlow;

/// Searches these variants up to `most` deviations.
pub(super) fn search(
    rehearse: &mut dyn Rehearse,
    walk: &mut Walk,
    variants: Vec<Variant>,
    most: usize,
) -> ControlFlow<()> {
    let mut search = Bounded::new(variants, most, true);
    search.run(&mut Watched { rehearse, walk });
    walk.runs += search.depths().iter().map(|depth| depth.tally.runs).sum::<u64>();
    let Some(broken) = search.broken() else { return ControlFlow::Continue(()) };
    let (variant, turns) = (&search.variants()[broken.script.variant], &broken.script.turns);
    rehearse.run(Plan::Turns { variant, turns, task_order: false });
    walk.found = Some((rehearse.script(), broken.violations[0].clone()));
    ControlFlow::Break(())
}

/// Runs of which only what the walk looks for is seen: the search goes on past all else.
struct Watched<'a> {
    rehearse: &'a mut dyn Rehearse,
    walk: &'a mut Walk,
}

impl Rehearse for Watched<'_> {
    fn run(&mut self, plan: Plan<'_>) -> Outcome {
        self.walk.look(self.rehearse.run(plan))
    }
    fn record(&mut self, plan: Plan<'_>) -> (Outcome, Trace) {
        let (outcome, trace) = self.rehearse.record(plan);
        (self.walk.look(outcome), trace)
    }
    fn cover(&mut self, plan: Plan<'_>) -> (Outcome, Coverage) {
        let (outcome, coverage) = self.rehearse.cover(plan);
        (self.walk.look(outcome), coverage)
    }
    fn script(&self) -> Script {
        self.rehearse.script()
    }
    fn offers(&self) -> Vec<Offered> {
        self.rehearse.offers()
    }
    fn each_offer(&self, take: &mut dyn FnMut(Site, Alternatives)) {
        self.rehearse.each_offer(take);
    }
    fn effects(&self) -> Option<Digest> {
        self.rehearse.effects()
    }
    fn happy(&self, seed: u64) -> Script {
        self.rehearse.happy(seed)
    }
    fn parameters(&self) -> &[Parameter] {
        self.rehearse.parameters()
    }
    fn invariants(&self) -> Vec<(&'static str, &'static str)> {
        self.rehearse.invariants()
    }
    fn goals(&self) -> Vec<&'static str> {
        self.rehearse.goals()
    }
    fn limits(&self) -> Limits {
        self.rehearse.limits()
    }
}
