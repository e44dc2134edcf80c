//! Runs that show only the violations that a rehearsal looks for, so that the search continues past all others.

use crate::entry::Entry;
use shakedown_sim::choice::{OfferedAlternatives, Site};
use shakedown_sim::coverage::Coverage;
use shakedown_sim::digest::Digest;
use shakedown_sim::observer::ShowStep;
use shakedown_sim::runner::{Offered, Outcome, Plan, Rehearse};
use shakedown_sim::scenario::Parameter;
use shakedown_sim::script::{Script, Variant};
use shakedown_sim::sites_met::SitesMet;
use shakedown_sim::trace::Trace;
use shakedown_sim::world::Limits;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// The results of the runs of all threads, beside the violations that are looked for.
#[derive(Default)]
pub(super) struct Seen {
    goals: AtomicU64,
    /// Invariants that some run violates.
    violated: Mutex<BTreeSet<String>>,
    /// Whether some run met a choice that could deviate.
    choices: AtomicBool,
}

impl Seen {
    /// Returns a bit for each goal that some run reached.
    pub(super) fn goals(&self) -> u64 {
        self.goals.load(Ordering::Relaxed)
    }

    /// Returns whether some run met a choice that could deviate. If none did, all runs are the same.
    pub(super) fn met_choices(&self) -> bool {
        self.choices.load(Ordering::Relaxed)
    }

    /// Adds the results of another process.
    #[cfg(unix)]
    pub(super) fn add(&self, goals: u64, met_choices: bool, violated: Vec<String>) {
        self.goals.fetch_or(goals, Ordering::Relaxed);
        self.choices.fetch_or(met_choices, Ordering::Relaxed);
        self.violated.lock().unwrap_or_else(PoisonError::into_inner).extend(violated);
    }

    /// Returns the invariants that some run violates.
    pub(super) fn violated(&self) -> Vec<String> {
        self.violated.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}

/// Selects the violations that a rehearsal looks for, and the variants of its runs.
#[derive(Clone, Default)]
pub(super) struct Filter {
    /// The invariant; `None` for every invariant.
    pub(super) invariant: Option<String>,
    /// The variants that seeds take in turn, instead of drawing one.
    pub(super) variants: Vec<Variant>,
}

/// Returns an entry whose runs show only the violations that pass the filter.
pub(super) fn observed(entry: &Entry, without: &[String], filter: Filter, seen: &Arc<Seen>) -> Entry {
    let (inner, without, seen) = (entry.clone(), without.to_vec(), Arc::clone(seen));
    Entry::with_runner(entry.name.clone(), move |_| {
        let runner = inner.runner(&without)?;
        let of = |variant: &Variant| Script { variant: variant.clone(), ..runner.happy(0) };
        let scripts = filter.variants.iter().map(of).collect();
        let (invariant, seen) = (filter.invariant.clone(), Arc::clone(&seen));
        Ok(Box::new(Observed { runner, invariant, scripts, seen }))
    })
}

struct Observed {
    runner: Box<dyn Rehearse>,
    invariant: Option<String>,
    /// The happy path of each variant that seeds run in turn.
    scripts: Vec<Script>,
    seen: Arc<Seen>,
}

impl Observed {
    /// Returns the plan with the variant whose turn it is, if the plan is a seed's.
    fn plan<'a>(scripts: &'a [Script], plan: Plan<'a>) -> Plan<'a> {
        match plan {
            Plan::Profiled(seed, profile) if !scripts.is_empty() => {
                Plan::drawn_from(&scripts[(seed % scripts.len() as u64) as usize], seed, profile)
            }
            other => other,
        }
    }

    /// Adds the outcome of a run to `seen`, and removes the violations that are not looked for.
    fn filtered(&self, mut outcome: Outcome) -> Outcome {
        self.seen.goals.fetch_or(outcome.goals, Ordering::Relaxed);
        if !self.seen.met_choices() {
            self.runner.each_offer(&mut |_, alternatives| {
                if alternatives.deviations() > 0 {
                    self.seen.choices.store(true, Ordering::Relaxed);
                }
            });
        }
        if !outcome.violations.is_empty() {
            let mut violated = self.seen.violated.lock().unwrap_or_else(PoisonError::into_inner);
            violated.extend(outcome.violations.iter().map(|violation| violation.invariant.clone()));
        }
        if let Some(invariant) = &self.invariant {
            outcome.violations.retain(|violation| violation.invariant == *invariant);
        }
        outcome
    }
}

impl Rehearse for Observed {
    fn offer_statements(&mut self, are_offered: bool) {
        self.runner.offer_statements(are_offered);
    }
    fn run(&mut self, plan: Plan<'_>) -> Outcome {
        let outcome = self.runner.run(Self::plan(&self.scripts, plan));
        self.filtered(outcome)
    }
    fn record(&mut self, plan: Plan<'_>) -> (Outcome, Trace) {
        let (outcome, trace) = self.runner.record(Self::plan(&self.scripts, plan));
        (self.filtered(outcome), trace)
    }
    fn cover(&mut self, plan: Plan<'_>) -> (Outcome, Coverage) {
        let (outcome, coverage) = self.runner.cover(Self::plan(&self.scripts, plan));
        (self.filtered(outcome), coverage)
    }
    fn script(&self) -> Script {
        self.runner.script()
    }
    fn offers(&self) -> Vec<Offered> {
        self.runner.offers()
    }
    fn each_offer(&self, take: &mut dyn FnMut(Site, OfferedAlternatives)) {
        self.runner.each_offer(take);
    }
    fn effects(&self) -> Option<Digest> {
        self.runner.effects()
    }
    fn happy(&self, seed: u64) -> Script {
        self.runner.happy(seed)
    }
    fn parameters(&self) -> &[Parameter] {
        self.runner.parameters()
    }
    fn invariants(&self) -> Vec<(&'static str, &'static str)> {
        self.runner.invariants()
    }
    fn goals(&self) -> Vec<&'static str> {
        self.runner.goals()
    }
    fn limits(&self) -> Limits {
        self.runner.limits()
    }
    fn take_sites_met(&mut self) -> SitesMet {
        self.runner.take_sites_met()
    }
    fn observe(&mut self, show: Option<ShowStep>) {
        self.runner.observe(show);
    }
}
