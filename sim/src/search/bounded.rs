//! Bounded exhaustive search: every script up to a given number of deviations, fewest first.
//!
//! Layer `d` holds all scripts of `d` deviations, over each variant. The children of a script have one more
//! deviation, after its last one in the order in which choices are offered; so every script has one parent and is run
//! once. Only named alternatives are covered: of a range of delays, the listed values.
//!
//! A *parent* is a unit of work: [`Bounded::expand`] runs it again to find its continuations, then runs each of its
//! children. So nothing is kept of the last layer, which holds nearly all scripts; each script of the layers above
//! takes a few numbers. [`Layer::then`] adds expansions in order, independent of the thread that made them.
//!
//! # Pruning
//!
//! If the runs of two scripts of a layer have equal effects (see [`Rehearse::effects`]), both have the same
//! continuations with the same results, so [`Bounded::advance`] keeps only the one whose last deviation comes
//! earliest. The argument is as follows. Equal effects mean that the two runs differ only in how a node went down: at
//! which crash point, among those that it passed within one poll and between which it did nothing that reaches beyond
//! its memory; or whether it crashed or shut down, where no destructor did anything that reaches beyond its memory.
//! Then its memory is lost and everything else is equal, so from there on both are one run. Each script is run and
//! judged to its end before it is dropped. A dropped script comes later in the order of the search than the one that
//! represents it, and so do its continuations: the first failure is the same with and without pruning. Two things are
//! assumed: that 64 bits of digest distinguish different effects, and that nodes communicate through the engine only.
//! Names are not compared: `choices-named-once` is judged on the executed runs only.

use crate::choice::{OfferedAlternatives, Site};
use crate::chooser::Turn;
use crate::digest::Digest;
use crate::judge::Violation;
use crate::runner::{Plan, Rehearse};
use crate::script::Variant;
use crate::search::Tally;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// A script whose continuations are to be run.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
pub struct Parent {
    /// The index of the variant.
    pub variant: usize,
    /// Its deviations, by position.
    pub turns: Vec<Turn>,
}

/// A script with a violation.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
pub struct Broken {
    /// The script.
    pub script: Parent,
    /// Its violations.
    pub violations: Vec<Violation>,
}

/// A script of the current layer that the next layer may continue.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Child {
    script: Parent,
    effects: Digest,
    /// The number of its children in the next layer.
    ways: u64,
}

/// The results of the children of one or more parents. The serialized form leaves out what the next layer needs.
#[derive(Clone, PartialEq, Eq, Debug, Default, serde::Serialize, serde::Deserialize)]
pub struct Layer {
    /// The totals of their runs. The parents' own runs are not counted again.
    pub tally: Tally,
    /// Choice sites that deviated, each with its alternatives.
    pub sites: Sites,
    /// The first script with a violation; nothing after it was run.
    pub broken: Option<Broken>,
    #[serde(skip)]
    children: Vec<Child>,
}

/// Choice sites by their written form, each with its alternatives, the benign one first.
pub type Sites = BTreeMap<String, Vec<String>>;

/// Runs the children of a parent, up to the first with a violation.
///
/// `keep` is whether they will be continued, `task_order` whether the order of tasks may deviate. `begins` is called before each run.
fn expand(
    rehearse: &mut dyn Rehearse,
    variants: &[Variant],
    parent: &Parent,
    (keep, task_order): (bool, bool),
    begins: &mut dyn FnMut(),
) -> Layer {
    let variant = &variants[parent.variant];
    rehearse.run(Plan::Turns { variant, turns: &parent.turns, task_order });
    let offers = continuations(rehearse, &parent.turns);
    let mut layer = Layer { sites: sites_of(&offers), ..Layer::default() };
    let mut turns = parent.turns.clone();
    for turn in offers.iter().flat_map(ways) {
        turns.push(turn);
        begins();
        let outcome = rehearse.run(Plan::Turns { variant, turns: &turns, task_order });
        layer.tally.add(&outcome);
        let script = || Parent { variant: parent.variant, turns: turns.clone() };
        if !outcome.violations.is_empty() {
            layer.broken = Some(Broken { script: script(), violations: outcome.violations });
            return layer;
        }
        if keep {
            let ways = continuations(rehearse, &turns).iter().flat_map(ways).count() as u64;
            let effects = rehearse.effects().unwrap_or_default();
            layer.children.push(Child { script: script(), effects, ways });
        }
        turns.pop();
    }
    layer
}

/// Returns the choices that the last run offered after its last turn, with their positions.
pub(super) fn continuations(
    rehearse: &dyn Rehearse,
    turns: &[Turn],
) -> Vec<(u32, Site, OfferedAlternatives)> {
    let first = turns.last().map_or(0, |last| last.choice + 1);
    let (mut offers, mut place) = (Vec::new(), 0);
    rehearse.each_offer(&mut |site, alternatives| {
        if place >= first {
            offers.push((place, site, alternatives));
        }
        place += 1;
    });
    offers
}

pub(super) fn ways(offer: &(u32, Site, OfferedAlternatives)) -> impl Iterator<Item = Turn> + use<> {
    let (choice, _, alternatives) = *offer;
    (1..=alternatives.deviations() as u16).map(move |alternative| Turn { choice, alternative })
}

fn sites_of(offers: &[(u32, Site, OfferedAlternatives)]) -> Sites {
    let mut distinct: Vec<(Site, OfferedAlternatives)> = Vec::new();
    for (_, site, alternatives) in offers {
        if !distinct.iter().any(|(other, _)| other == site) {
            distinct.push((*site, *alternatives));
        }
    }
    let names = |all: OfferedAlternatives| all.names().iter().map(|name| (*name).to_owned()).collect();
    distinct.into_iter().map(|(site, alternatives)| (site.to_string(), names(alternatives))).collect()
}

impl Layer {
    /// Adds the results of the next parents; adds nothing after a violation.
    pub fn then(&mut self, next: Layer) {
        if self.broken.is_some() {
            return;
        }
        self.tally.then(&next.tally);
        self.sites.extend(next.sites);
        self.children.extend(next.children);
        self.broken = next.broken;
    }
}

/// The results of a whole layer.
#[derive(Clone, PartialEq, Eq, Debug, Default, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Depth {
    /// Its runs.
    pub tally: Tally,
    /// The number of its scripts that were dropped because of an equivalent one.
    pub pruned: u64,
    /// The number of runs of the next layer that this saved.
    pub spared: u64,
}

/// What the layers that were run determine about the next one. The serialized form leaves out the parents, of which there
/// are many.
#[derive(Clone, PartialEq, Eq, Debug, Default, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Frontier {
    /// The results of the layers, that of the happy paths first.
    pub depths: Vec<Depth>,
    /// Choice sites that deviated, each with its alternatives.
    pub sites: Sites,
    /// The first script with a violation.
    pub broken: Option<Broken>,
    /// The parents of the next layer, in order, each with its number of children.
    #[serde(skip)]
    pub parents: Vec<(Parent, u64)>,
}

/// A bounded exhaustive search, layer by layer.
///
/// ```
/// # use shakedown_sim::*;
/// use shakedown_sim::search::Bounded;
/// # struct Calm;
/// # #[derive(serde::Serialize)] struct Nothing;
/// # impl Fact for Nothing { fn sentence(&self) -> String { String::new() } }
/// # impl Scenario for Calm {
/// #     type Fact = Nothing;
/// #     fn name(&self) -> &str { "calm" }
/// #     fn build(&self, stage: &Stage<Nothing>) { stage.node(Role::outside("idler".into()), |_| {}); }
/// #     fn invariants(&self) -> Vec<Box<dyn Invariant<Nothing>>> { Vec::new() }
/// # }
/// let mut search = Bounded::new(vec![Variant::default()], 2, true);
/// search.run(&mut Runner::new(Calm));
/// assert_eq!(search.depths().iter().map(|depth| depth.tally.runs).collect::<Vec<_>>(), [1, 0, 0]);
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Bounded {
    variants: Vec<Variant>,
    deviations: usize,
    pruning: bool,
    task_order: bool,
    statements: bool,
    parents: Vec<Parent>,
    /// The number of children of each of them.
    ways: Vec<u64>,
    depths: Vec<Depth>,
    sites: Sites,
    broken: Option<Broken>,
}

impl Bounded {
    /// Returns a search over these variants, up to `deviations` deviations.
    pub fn new(variants: Vec<Variant>, deviations: usize, pruning: bool) -> Self {
        let (parents, ways, depths, sites) = (Vec::new(), Vec::new(), Vec::new(), Sites::new());
        let (task_order, statements, broken) = (false, false, None);
        Self { variants, deviations, pruning, task_order, statements, parents, ways, depths, sites, broken }
    }

    /// Sets whether task order may deviate too.
    #[must_use]
    pub fn with_task_order(self, task_order: bool) -> Self {
        Self { task_order, ..self }
    }

    /// Sets whether scripts may also pause before the statements of transactions.
    #[must_use]
    pub fn with_statements(self, statements: bool) -> Self {
        Self { statements, ..self }
    }

    /// Returns the greatest number of deviations of its scripts.
    pub fn deviations(&self) -> usize {
        self.deviations
    }

    /// Returns whether task order may deviate too.
    pub fn has_task_order(&self) -> bool {
        self.task_order
    }

    /// Returns the plan of one of its scripts.
    pub fn plan<'a>(&'a self, script: &'a Parent) -> Plan<'a> {
        let (variant, turns) = (&self.variants[script.variant], script.turns.as_slice());
        Plan::Turns { variant, turns, task_order: self.task_order }
    }

    /// Runs the children of a parent of the next layer, up to the first with a violation. `begins` is called before each run.
    pub fn expand(&self, rehearse: &mut dyn Rehearse, parent: &Parent, begins: &mut dyn FnMut()) -> Layer {
        rehearse.offer_statements(self.statements);
        expand(rehearse, &self.variants, parent, (self.keeps(), self.task_order), begins)
    }

    /// Returns the variants.
    pub fn variants(&self) -> &[Variant] {
        &self.variants
    }

    /// Runs the happy paths: the layer without deviations, which comes before all others. Returns for each variant
    /// the number of alternatives that its happy path offers.
    pub fn begin(&mut self, rehearse: &mut dyn Rehearse) -> Vec<u64> {
        rehearse.offer_statements(self.statements);
        let mut happy = Layer::default();
        let mut alternatives = Vec::new();
        for variant in 0..self.variants.len() {
            let script = Parent { variant, turns: Vec::new() };
            let (built, task_order) = (&self.variants[variant], self.task_order);
            let outcome = rehearse.run(Plan::Turns { variant: built, turns: &[], task_order });
            let mut one = Layer::default();
            one.tally.add(&outcome);
            let ways = continuations(rehearse, &[]).iter().flat_map(ways).count() as u64;
            alternatives.push(ways);
            match outcome.violations.is_empty() {
                true => {
                    one.children.push(Child {
                        script,
                        effects: rehearse.effects().unwrap_or_default(),
                        ways,
                    });
                }
                false => one.broken = Some(Broken { script, violations: outcome.violations }),
            }
            happy.then(one);
        }
        self.advance(happy);
        alternatives
    }

    /// Returns the number of deviations of the next layer's scripts, if there is a next layer.
    pub fn next(&self) -> Option<usize> {
        (self.broken.is_none() && self.depths.len() <= self.deviations).then_some(self.depths.len())
    }

    /// Returns whether the children of the next layer will be continued.
    pub fn keeps(&self) -> bool {
        self.depths.len() < self.deviations
    }

    /// Returns the parents of the next layer, in order.
    pub fn parents(&self) -> &[Parent] {
        &self.parents
    }

    /// Returns the number of runs that the next layer takes for these parents.
    pub fn expected(&self, parents: Range<usize>) -> u64 {
        self.ways[parents].iter().sum()
    }

    /// Takes the results of a whole layer.
    pub fn advance(&mut self, layer: Layer) {
        self.sites.extend(layer.sites);
        self.broken = layer.broken;
        let mut depth = Depth { tally: layer.tally, ..Depth::default() };
        let dropped = if self.pruning { repeated(&layer.children) } else { BTreeSet::new() };
        self.parents.clear();
        self.ways.clear();
        for (at, child) in layer.children.into_iter().enumerate() {
            if dropped.contains(&at) {
                depth.pruned += 1;
                depth.spared += child.ways;
            } else {
                self.ways.push(child.ways);
                self.parents.push(child.script);
            }
        }
        self.depths.push(depth);
    }

    /// Returns what the layers that were run determine about the next one.
    pub fn frontier(&self) -> Frontier {
        Frontier {
            depths: self.depths.clone(),
            sites: self.sites.clone(),
            broken: self.broken.clone(),
            parents: self.parents.iter().cloned().zip(self.ways.iter().copied()).collect(),
        }
    }

    /// Continues from the frontier of a search with the same arguments, instead of running its layers.
    pub fn continue_from(&mut self, frontier: Frontier) {
        let Frontier { depths, sites, broken, parents } = frontier;
        (self.parents, self.ways) = parents.into_iter().unzip();
        (self.depths, self.sites, self.broken) = (depths, sites, broken);
    }

    /// Runs one script of the search. Returns its violations, and the number of its children in the next layer.
    pub fn probe(&self, rehearse: &mut dyn Rehearse, script: &Parent) -> (Vec<Violation>, u64) {
        rehearse.offer_statements(self.statements);
        let outcome = rehearse.run(self.plan(script));
        (outcome.violations, continuations(rehearse, &script.turns).iter().flat_map(ways).count() as u64)
    }

    /// Runs all remaining layers, on this thread.
    pub fn run(&mut self, rehearse: &mut dyn Rehearse) {
        if self.depths.is_empty() {
            self.begin(rehearse);
        }
        while self.next().is_some() {
            let mut layer = Layer::default();
            for parent in &self.parents {
                if layer.broken.is_none() {
                    layer.then(self.expand(rehearse, parent, &mut || {}));
                }
            }
            self.advance(layer);
        }
    }

    /// Returns the results of each layer, that of the happy paths first.
    pub fn depths(&self) -> &[Depth] {
        &self.depths
    }

    /// Returns the choice sites that deviated, each with its alternatives.
    pub fn sites(&self) -> &Sites {
        &self.sites
    }

    /// Returns the first script with a violation, in the order of deviations, variants and offers.
    pub fn broken(&self) -> Option<&Broken> {
        self.broken.as_ref()
    }

    /// Returns a digest over the digests of all runs, in order.
    pub fn digest(&self) -> Digest {
        let mut digest = Digest::default();
        self.depths.iter().for_each(|depth| digest.word(depth.tally.digest().bits()));
        digest
    }
}

/// Returns the positions of children that are equivalent to another of their variant whose last deviation is earlier.
fn repeated(children: &[Child]) -> BTreeSet<usize> {
    let mut order: Vec<usize> = (0..children.len()).collect();
    let class = |at: &usize| (children[*at].script.variant, children[*at].effects);
    let last = |at: &usize| children[*at].script.turns.last().copied();
    order.sort_by_key(|at| (class(at), last(at), *at));
    order.windows(2).filter(|pair| class(&pair[0]) == class(&pair[1])).map(|pair| pair[1]).collect()
}
