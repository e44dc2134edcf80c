//! Shrinking: turns a failing script into a small one that fails in the same way.
//!
//! Deviations are dropped (delta debugging: Zeller and Hildebrandt, "Simplifying and isolating failure-inducing input", 2002);
//! where there are many of each site, those of whole sites come first.
//! The remaining ones are moved to earlier entities and simplified, and the variant is made smaller. Then every smaller
//! script over the same sites is tried, and finally each deviation is dropped once more.
//!
//! One script is simpler than another if it has fewer deviations; among as many, if they concern earlier entities, take
//! earlier alternatives, and stand at earlier choices of their sites; and last, if its variant is smaller. The result is
//! minimal: without any one of its deviations the run does not fail in the same way. The number of runs is bounded.

use crate::judge::Violation;
use crate::runner::{Offered, Plan, Rehearse};
use crate::scope::ScopePath;
use crate::script::{Deviation, Script, Variant};
use crate::search::is_same;
use std::collections::{BTreeMap, BTreeSet};

/// The greatest number of runs that shrinking takes.
pub(crate) const RUNS_MAX: u32 = 500;
/// How many more runs the search for a script of at most [`MANY`] deviations takes, if shrinking ends above that.
const RUNS_TO_SEARCH: u32 = 2_000;
/// How many more runs it takes to drop each deviation once more.
const RUNS_TO_DROP: u32 = 500;
/// The number of runs after which no pairs of deviations are tried.
const RUNS_FOR_PAIRS: u32 = 400;
/// More deviations than this can often be replaced by a single one at another site: an outage instead of each lost
/// request.
const MANY: usize = 3;
/// With more deviations than this for each of its sites, as in a run with pauses before most statements, whole sites of a script
/// are dropped first. With fewer, single deviations lead to smaller scripts.
const MANY_OF_A_SITE: usize = 16;
/// The greatest number of other choices of its site that are tried for a deviation.
const PLACES_MAX: usize = 4;

/// The result of shrinking.
pub(crate) struct Shrinking {
    pub(crate) script: Script,
    pub(crate) runs: u32,
}

/// The results of scripts that were run, by their written form.
#[derive(Default)]
pub(crate) struct ScriptResults(BTreeMap<String, ScriptResult>);

/// The result of a script.
struct ScriptResult {
    /// Its violations.
    broken: Vec<Violation>,
    /// Those of its deviations that were offered.
    deviations: Vec<Deviation>,
}

pub(crate) fn shrink(
    rehearse: &mut dyn Rehearse,
    found: &Script,
    violation: &Violation,
    known: &mut ScriptResults,
) -> Shrinking {
    let (best, tried, counted) = (found.clone(), BTreeSet::new(), BTreeSet::new());
    let limit = RUNS_MAX;
    let mut shrinker = Shrinker { rehearse, violation, found, best, tried, known, runs: 0, counted, limit };
    if shrinker.fails(found.clone()) {
        shrinker.drop_deviations();
        if shrinker.count() > MANY {
            shrinker.try_smaller_scripts();
        }
        shrinker.take_earlier_entities();
        shrinker.simplify();
        shrinker.make_variant_smaller();
        shrinker.try_smaller_scripts();
        shrinker.simplify();
        if shrinker.count() > MANY {
            shrinker.search_small_scripts();
        }
        shrinker.make_minimal();
    }
    Shrinking { script: shrinker.best, runs: shrinker.runs }
}

struct Shrinker<'a> {
    rehearse: &'a mut dyn Rehearse,
    violation: &'a Violation,
    found: &'a Script,
    /// The smallest script so far that fails as it should.
    best: Script,
    /// Scripts tried before, in written form.
    tried: BTreeSet<String>,
    /// Scripts that were run, possibly for another violation.
    known: &'a mut ScriptResults,
    runs: u32,
    /// Scripts that count as runs of this shrinking.
    counted: BTreeSet<String>,
    /// After this many runs nothing more is tried.
    limit: u32,
}

impl Shrinker<'_> {
    /// Runs a script that was not run before; if it fails in the required way, it becomes the best script.
    fn fails(&mut self, script: Script) -> bool {
        let Some(deviations) = self.run(&script) else { return false };
        // Deviations that were never offered are dropped.
        self.best = Script { deviations, ..script };
        true
    }

    /// Returns the choices that a run with these deviations offers.
    fn offers_with(&mut self, deviations: Vec<Deviation>) -> Vec<Offered> {
        if self.runs >= self.limit {
            return Vec::new();
        }
        self.runs += 1;
        let script = self.best.with(deviations);
        // A task that yields or pauses may also do so at another choice.
        let is_ordered = self.found.has_task_order() || self.found.has_statements();
        self.rehearse.run(if is_ordered { Plan::Ordered(&script) } else { Plan::Script(&script) });
        self.rehearse.offers()
    }

    /// Returns the deviations that were offered, if a script that was not tried before fails in the required way.
    fn run(&mut self, script: &Script) -> Option<Vec<Deviation>> {
        let mut sorted = script.clone();
        sorted.deviations.sort();
        let written = sorted.to_string();
        if self.runs >= self.limit || !self.tried.insert(written.clone()) {
            return None;
        }
        // A known script counts, too: the number of runs does not depend on other violations.
        self.runs += u32::from(self.counted.insert(written.clone()));
        let result = self.known.0.entry(written).or_insert_with(|| {
            let broken = self.rehearse.run(Plan::Script(script)).violations;
            ScriptResult { broken, deviations: self.rehearse.script().deviations }
        });
        let fails = result.broken.iter().any(|other| is_same(other, self.violation));
        fails.then(|| result.deviations.clone())
    }

    fn count(&self) -> usize {
        self.best.deviations.len()
    }

    /// Drops chunks, halving their size down to one, until nothing more can be dropped.
    fn drop_deviations(&mut self) {
        if self.count() > 0 && self.fails(self.best.with(Vec::new())) {
            return;
        }
        if self.count() > MANY_OF_A_SITE * self.sites().len() {
            self.drop_sites();
        }
        let mut size = self.count().div_ceil(2);
        while size > 0 {
            let dropped = self.drop_chunks(size);
            // If no single deviation can be dropped, no chunk can.
            size = if size > 1 || dropped { (size / 2).max(1).min(self.count()) } else { 0 };
        }
    }

    /// Returns the sites of the best script.
    fn sites(&self) -> BTreeSet<String> {
        sites_of(&self.best.deviations)
    }

    /// Drops all deviations of chunks of sites, halving their size down to one.
    fn drop_sites(&mut self) {
        let mut size = self.sites().len().div_ceil(2);
        while size > 0 {
            let mut at = 0;
            while at < self.sites().len() {
                let chunk: BTreeSet<String> = self.sites().into_iter().skip(at).take(size).collect();
                let others = self.best.deviations.iter().filter(|other| !chunk.contains(&other.id.site));
                let rest = others.cloned().collect();
                if !self.fails(self.best.with(rest)) {
                    at += size;
                }
            }
            size /= 2;
        }
    }

    fn drop_chunks(&mut self, size: usize) -> bool {
        let mut any = false;
        let mut at = 0;
        while at < self.count() {
            let mut rest = self.best.deviations.clone();
            rest.drain(at..(at + size).min(rest.len()));
            if self.fails(self.best.with(rest)) { any = true } else { at += size }
        }
        any
    }

    /// Moves all deviations of one entity together to an earlier entity of its kind: the first user instead of the
    /// third. They are moved together because they may only matter together. Outer entities come first.
    fn take_earlier_entities(&mut self) {
        let depths = self.best.deviations.iter().map(|deviation| deviation.id.scope.numbers().count());
        for depth in 0..depths.max().unwrap_or_default() {
            let scopes: BTreeSet<ScopePath> =
                self.best.deviations.iter().map(|deviation| deviation.id.scope.clone()).collect();
            for scope in scopes {
                let Some(now) = scope.numbers().nth(depth) else { continue };
                let mut earlier = (1..now).take(PLACES_MAX);
                earlier.any(|number| self.moves(&scope, depth, number));
            }
        }
    }

    /// Returns whether the script still fails with all deviations of this entity moved to the entity with another
    /// number.
    fn moves(&mut self, entity: &ScopePath, depth: usize, number: u32) -> bool {
        let (mut deviations, count) = (self.best.deviations.clone(), self.count());
        for deviation in deviations.iter_mut().filter(|one| one.id.scope.shares(entity, depth)) {
            deviation.id.scope = deviation.id.scope.renumbered(depth, number);
        }
        let named: BTreeSet<_> = deviations.iter().map(|deviation| &deviation.id).collect();
        named.len() == count && self.fails(self.best.with(deviations))
    }

    /// Gives each deviation an earlier alternative of its choice, or an earlier choice of its site.
    fn simplify(&mut self) {
        let mut at = 0;
        while at < self.count() {
            if !(self.take_earlier_alternative(at) || self.take_earlier_choice(at)) {
                at += 1;
            }
        }
    }

    /// Replaces a length without a name by the first named one that also fails, and a later alternative by an earlier
    /// one.
    fn take_earlier_alternative(&mut self, at: usize) -> bool {
        let deviation = self.best.deviations[at].clone();
        let offers = self.offers_with(self.best.deviations.clone());
        let offered = offers.into_iter().find(|offered| offered.id == deviation.id);
        let Some(offered) = offered else { return false };
        let names = offered.alternatives.names();
        let now = names.iter().position(|name| *name == deviation.alternative).unwrap_or(names.len());
        (1..now).any(|index| {
            let simpler = Deviation { alternative: names[index].to_owned(), ..deviation.clone() };
            self.replaces(at, simpler)
        })
    }

    /// Moves a deviation to an earlier choice of its site: the first intent instead of the fourth.
    fn take_earlier_choice(&mut self, at: usize) -> bool {
        let deviation = self.best.deviations[at].clone();
        let mut rest = self.best.deviations.clone();
        rest.remove(at);
        let offers = self.offers_with(rest);
        let of_site = offers.into_iter().filter(|offered| offered.id.site == deviation.id.site);
        let earlier: Vec<_> =
            of_site.take_while(|offered| offered.id != deviation.id).take(PLACES_MAX).collect();
        let taken: Vec<_> = self.best.deviations.iter().map(|other| other.id.clone()).collect();
        let free =
            earlier.into_iter().filter(|offered| !taken.contains(&offered.id) && offered.id < deviation.id);
        let free: Vec<_> = free.collect();
        free.into_iter().any(|offered| {
            let alternative = deviation.alternative.clone();
            self.replaces(at, Deviation { id: offered.id, alternative })
        })
    }

    fn replaces(&mut self, at: usize, deviation: Deviation) -> bool {
        let (mut deviations, count) = (self.best.deviations.clone(), self.count());
        deviations[at] = deviation;
        let script = self.best.with(deviations);
        let before = self.best.clone();
        let failed = self.fails(script);
        if failed && self.count() > count {
            self.best = before;
            return false;
        }
        failed
    }

    /// Gives each parameter the smallest value with which the run still fails.
    fn make_variant_smaller(&mut self) {
        for parameter in self.rehearse.parameters().to_vec() {
            let order: Vec<&str> = parameter.small.iter().chain(parameter.values).copied().collect();
            let now = self.best.variant.get(parameter.name).unwrap_or_default().to_owned();
            for value in order.into_iter().take_while(|value| *value != now) {
                let variant = with_value(&self.best.variant, parameter.name, value);
                if self.fails(Script { variant, ..self.best.clone() }) {
                    break;
                }
            }
        }
    }

    /// Tries every script of fewer deviations over the same sites: none, each single one, and pairs as long as runs
    /// are left.
    fn try_smaller_scripts(&mut self) {
        let count = self.count();
        let involved = if count > MANY { self.found } else { &self.best };
        let sites = sites_of(&involved.deviations);
        if count == 0 || self.fails(self.best.with(Vec::new())) || count == 1 {
            return;
        }
        let singles = self.children(&[], &sites);
        for single in &singles {
            if self.fails(self.best.with(vec![single.clone()])) {
                return;
            }
        }
        for first in singles.iter().filter(|_| count > 2) {
            for second in self.children(std::slice::from_ref(first), &sites) {
                if self.runs >= RUNS_FOR_PAIRS || self.fails(self.best.with(vec![first.clone(), second])) {
                    return;
                }
            }
        }
    }

    /// Searches the scripts of at most [`MANY`] deviations over the sites of the script that was found, fewest first, as
    /// long as runs are left.
    fn search_small_scripts(&mut self) {
        self.limit += RUNS_TO_SEARCH;
        let sites = sites_of(self.found.deviations.iter().chain(&self.best.deviations));
        let mut layer = vec![Vec::new()];
        for _ in 0..MANY {
            let mut next = Vec::new();
            for parent in layer {
                for child in self.children(&parent, &sites) {
                    let deviations = [parent.clone(), vec![child]].concat();
                    if self.runs >= self.limit || self.fails(self.best.with(deviations.clone())) {
                        return;
                    }
                    next.push(deviations);
                }
            }
            layer = next;
        }
    }

    /// Drops single deviations until none can be dropped.
    fn make_minimal(&mut self) {
        self.limit = self.runs + RUNS_TO_DROP;
        // A script that failed before was perhaps not kept.
        self.tried.clear();
        while self.count() > 0 && self.drop_chunks(1) {}
    }

    /// Returns the deviations that can be added after those of a script, at these sites.
    fn children(&mut self, deviations: &[Deviation], sites: &BTreeSet<String>) -> Vec<Deviation> {
        let offers = self.offers_with(deviations.to_vec());
        let last =
            offers.iter().rposition(|offered| deviations.iter().any(|deviation| deviation.id == offered.id));
        let later = offers.iter().skip(last.map_or(0, |last| last + 1));
        let involved = later.filter(|offered| sites.contains(&offered.id.site));
        let ways = involved.flat_map(|offered| {
            let names = offered.alternatives.names().into_iter().skip(1);
            names.map(|alternative| Deviation { id: offered.id.clone(), alternative })
        });
        ways.collect()
    }
}

/// Returns the sites of these deviations.
fn sites_of<'a>(deviations: impl IntoIterator<Item = &'a Deviation>) -> BTreeSet<String> {
    deviations.into_iter().map(|deviation| deviation.id.site.clone()).collect()
}

fn with_value(variant: &Variant, parameter: &str, value: &str) -> Variant {
    let mut variant = variant.clone();
    for (name, present) in &mut variant.0 {
        if name == parameter {
            value.clone_into(present);
        }
    }
    variant
}
