//! Seeded exploration: one run after another, and their totals.
//!
//! A campaign over a range of seeds equals the merger of campaigns over any division of the range, so the result is
//! the same at any number of threads. The kept data do not grow with the number of runs, only with the number of
//! failing runs, which the caller bounds.

use crate::digest::Digest;
use crate::draws::Profile;
use crate::hash::mix;
use crate::judge::Violation;
use crate::runner::{Outcome, Plan, Rehearse};
use crate::script::{Script, Variant};
use crate::sites_met::SitesMet;
use crate::time::{Duration, Moment};
use std::collections::BTreeMap;
use std::ops::Range;

/// The totals of a number of runs.
#[derive(Clone, PartialEq, Eq, Debug, Default, serde::Serialize, serde::Deserialize)]
pub struct Tally {
    /// The number of runs.
    pub runs: u64,
    /// The number of events in all of them.
    pub events: u64,
    /// The simulated time in all of them.
    pub simulated: Duration,
    /// For each goal, in the scenario's order, how many runs reached it.
    pub goals: Vec<u64>,
    /// The number of their choices, without those of task order.
    #[serde(default)]
    pub choices: u64,
    /// The number of choices that deviated: faults that happened.
    #[serde(default)]
    pub deviations: u64,
    /// The number of events at times when faults were possible.
    #[serde(default)]
    pub events_before_heal: u64,
    /// The latest time until which faults were possible.
    #[serde(default)]
    pub heals: Moment,
    sum: u64,
    power: u64,
}

/// The base of the polynomial over run digests; odd, so that its powers never become zero.
const BASE: u64 = 0x9E37_79B9_7F4A_7C15;

impl Tally {
    fn of_run(outcome: &Outcome, goals: usize) -> Self {
        Self {
            runs: 1,
            events: u64::from(outcome.events),
            simulated: Duration::from_nanos(outcome.ended.nanos()),
            goals: (0..goals).map(|goal| outcome.goals >> goal & 1).collect(),
            choices: u64::from(outcome.choices.offered),
            deviations: u64::from(outcome.choices.deviations),
            events_before_heal: u64::from(outcome.events_before_heal),
            heals: outcome.heals,
            sum: outcome.digest.bits(),
            power: BASE,
        }
    }

    /// Adds a run, without its goals.
    pub fn add(&mut self, outcome: &Outcome) {
        self.then(&Tally::of_run(outcome, 0));
    }

    /// Adds the totals of later runs. Order matters to the digest, grouping does not.
    pub fn then(&mut self, next: &Tally) {
        if self.runs == 0 {
            return self.clone_from(next);
        }
        if next.runs == 0 {
            return;
        }
        self.runs += next.runs;
        self.events += next.events;
        self.simulated += next.simulated;
        self.choices += next.choices;
        self.deviations += next.deviations;
        self.events_before_heal += next.events_before_heal;
        self.heals = self.heals.max(next.heals);
        self.goals.iter_mut().zip(&next.goals).for_each(|(goal, more)| *goal += more);
        self.sum = self.sum.wrapping_mul(next.power).wrapping_add(next.sum);
        self.power = self.power.wrapping_mul(next.power);
    }

    /// Returns a digest over the digests of all runs, in the order of their seeds.
    pub fn digest(&self) -> Digest {
        Digest::from_bits(mix(self.sum, self.runs))
    }
}

/// A run with a violation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FailingRun {
    /// Its seed.
    pub seed: u64,
    /// Its script, if its seed alone does not determine it.
    pub script: Option<Script>,
    /// All its violations.
    pub violations: Vec<Violation>,
    /// The campaign up to this run, this run included.
    pub so_far: Tally,
}

/// Runs over a range of seeds.
///
/// ```
/// use shakedown_sim::search::Campaign;
/// # use shakedown_sim::*;
/// # struct Calm;
/// # #[derive(serde::Serialize)] struct Nothing;
/// # impl Fact for Nothing { fn sentence(&self) -> String { String::new() } }
/// # impl Scenario for Calm {
/// #     type Fact = Nothing;
/// #     fn name(&self) -> &str { "calm" }
/// #     fn build(&self, stage: &Stage<Nothing>) { stage.node(Role::outside("idler".into()), |_| {}); }
/// #     fn invariants(&self) -> Vec<Box<dyn Invariant<Nothing>>> { Vec::new() }
/// # }
/// # use shakedown_sim::search::explore;
/// let campaign: Campaign = explore(&mut Runner::new(Calm), 0..50, 1);
/// assert_eq!((campaign.seeds, campaign.tally.runs), (0..50, 50));
/// assert!(campaign.failing.is_empty());
/// ```
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Campaign {
    /// The seeds that were run.
    pub seeds: Range<u64>,
    /// The fault-rate profile.
    pub profile: Profile,
    /// The totals of all runs.
    pub tally: Tally,
    /// The runs with violations, in the order of their seeds.
    pub failing: Vec<FailingRun>,
    /// The choices that the runs met, if they were counted.
    pub sites: SitesMet,
}

/// The failures of one invariant in the same roles.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Group {
    /// The invariant.
    pub invariant: String,
    /// The roles.
    pub roles: String,
    /// The number of runs.
    pub count: u64,
    /// The first of their seeds, at most [`Group::SEEDS_MAX`].
    pub seeds: Vec<u64>,
    /// The number of runs up to the first of them.
    pub runs_to_find: u64,
    /// The violation of the first run.
    pub first: Violation,
}

impl Group {
    /// The number of seeds of a group that are kept, to be shrunk.
    pub const SEEDS_MAX: usize = 8;
}

/// Runs these seeds in order, up to the `failures_max`th run with a violation.
///
/// ```
/// # use shakedown_sim::*;
/// use shakedown_sim::search::explore;
/// # struct Calm;
/// # #[derive(serde::Serialize)] struct Nothing;
/// # impl Fact for Nothing { fn sentence(&self) -> String { String::new() } }
/// # impl Scenario for Calm {
/// #     type Fact = Nothing;
/// #     fn name(&self) -> &str { "calm" }
/// #     fn build(&self, stage: &Stage<Nothing>) { stage.node(Role::outside("idler".into()), |_| {}); }
/// #     fn invariants(&self) -> Vec<Box<dyn Invariant<Nothing>>> { Vec::new() }
/// # }
/// let mut runner = Runner::new(Calm);
/// let whole = explore(&mut runner, 0..50, 1);
/// let mut parts = explore(&mut runner, 0..20, 1);
/// parts.merge(explore(&mut runner, 20..50, 1));
/// assert_eq!(whole, parts);
/// ```
pub fn explore(rehearse: &mut dyn Rehearse, seeds: Range<u64>, failures_max: usize) -> Campaign {
    explore_as(rehearse, Profile::MIXED, seeds, failures_max)
}

/// Like [`explore`], with a fault-rate profile.
pub fn explore_as(
    rehearse: &mut dyn Rehearse,
    profile: Profile,
    seeds: Range<u64>,
    failures_max: usize,
) -> Campaign {
    run_seeds(rehearse, profile, seeds, failures_max, |rehearse, seed| {
        (rehearse.run(Plan::Profiled(seed, profile)), None)
    })
}

/// Like [`explore_as`], with some parameters of the variant fixed: seeds draw the others.
pub fn explore_variant(
    rehearse: &mut dyn Rehearse,
    (profile, fixed): (Profile, &Variant),
    seeds: Range<u64>,
    failures_max: usize,
) -> Campaign {
    run_seeds(rehearse, profile, seeds, failures_max, |rehearse, seed| {
        let script = with_fixed(rehearse.happy(seed), fixed);
        let outcome = rehearse.run(Plan::drawn_from(&script, seed, profile));
        let taken = (!outcome.violations.is_empty()).then(|| rehearse.script());
        (outcome, taken)
    })
}

/// Runs these seeds in order, up to the `failures_max`th failing run. `run` executes the run of a seed; it also returns the
/// script of a failing run if the seed alone does not determine it.
fn run_seeds(
    rehearse: &mut dyn Rehearse,
    profile: Profile,
    seeds: Range<u64>,
    failures_max: usize,
    mut run: impl FnMut(&mut dyn Rehearse, u64) -> (Outcome, Option<Script>),
) -> Campaign {
    let goals = rehearse.goals().len();
    let mut campaign = Campaign::at(seeds.start, profile);
    for seed in seeds {
        if campaign.failing.len() >= failures_max {
            break;
        }
        let (outcome, script) = run(rehearse, seed);
        campaign.add(seed, outcome, script, goals);
    }
    campaign
}

/// Returns a script with some parameters of its variant fixed.
pub fn with_fixed(script: Script, fixed: &Variant) -> Script {
    Script { variant: script.variant.with(fixed), ..script }
}

impl Campaign {
    /// Returns a campaign without runs, whose first will be that of `seed`.
    pub(super) fn at(seed: u64, profile: Profile) -> Self {
        Self { seeds: seed..seed, profile, ..Self::default() }
    }

    /// Adds the next run, with its script if `seed` alone does not determine it.
    pub(super) fn add(&mut self, seed: u64, outcome: Outcome, script: Option<Script>, goals: usize) {
        self.tally.then(&Tally::of_run(&outcome, goals));
        self.seeds.end = seed + 1;
        if !outcome.violations.is_empty() {
            let so_far = self.tally.clone();
            self.failing.push(FailingRun { seed, script, violations: outcome.violations, so_far });
        }
    }

    /// Returns the plan that repeats the run of this seed. A run without violations is repeated only if its seed alone
    /// decided it: not in a guided campaign, and not with fixed parameters.
    pub fn plan(&self, seed: u64) -> Plan<'_> {
        let known = self.failing.binary_search_by_key(&seed, |run| run.seed);
        match known.ok().and_then(|at| self.failing[at].script.as_ref()) {
            Some(script) => Plan::Script(script),
            None => Plan::Profiled(seed, self.profile),
        }
    }

    /// Adds the campaign over the seeds that come next.
    pub fn merge(&mut self, next: Campaign) {
        for mut failing in next.failing {
            let mut so_far = self.tally.clone();
            so_far.then(&failing.so_far);
            failing.so_far = so_far;
            self.failing.push(failing);
        }
        if self.tally.runs == 0 {
            (self.seeds.start, self.profile) = (next.seeds.start, next.profile);
        }
        self.tally.then(&next.tally);
        self.sites.add(next.sites);
        self.seeds.end = next.seeds.end;
    }

    /// Ends the campaign at its `failures_max`th failing run, as if no later seed had been run. Returns
    /// whether it has that many. The choices of later runs stay counted.
    pub fn cut(&mut self, failures_max: usize) -> bool {
        let Some(last) = failures_max.checked_sub(1).and_then(|last| self.failing.get(last)) else {
            return false;
        };
        self.seeds.end = last.seed + 1;
        self.tally = last.so_far.clone();
        self.failing.truncate(failures_max);
        true
    }

    /// Returns the failures by invariant and roles, in the order in which they were first found.
    pub fn groups(&self) -> Vec<Group> {
        let mut groups: Vec<Group> = Vec::new();
        let mut place: BTreeMap<(&str, &str), usize> = BTreeMap::new();
        for run in &self.failing {
            let mut counted = Vec::new();
            for violation in &run.violations {
                let at = *place.entry((&violation.invariant, &violation.roles)).or_insert_with(|| {
                    groups.push(Group {
                        invariant: violation.invariant.clone(),
                        roles: violation.roles.clone(),
                        count: 0,
                        seeds: Vec::new(),
                        runs_to_find: run.so_far.runs,
                        first: violation.clone(),
                    });
                    groups.len() - 1
                });
                if !counted.contains(&at) {
                    counted.push(at);
                    groups[at].count += 1;
                    if groups[at].seeds.len() < Group::SEEDS_MAX {
                        groups[at].seeds.push(run.seed);
                    }
                }
            }
        }
        groups
    }
}
