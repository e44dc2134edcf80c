//! Exploration around rare goals: seeds find runs that reach a goal, and a bounded search adds deviations to one of them.
//!
//! Runs go in blocks of [`AroundGoals::BLOCK`]. A block begins without knowledge, so the result of a campaign depends neither on
//! threads nor on shards. It has four phases:
//!
//! 1. Seeds decide the first half of its runs, as in plain exploration. For each goal, the run with the fewest deviations is kept.
//! 2. One of the reached goals is drawn; a goal that few runs reached is drawn more often. Its run is reduced: each run
//!    leaves deviations out, and its script replaces the kept one if the goal is still reached.
//! 3. The reduced script runs once more, with all its choices offered.
//! 4. Each of the other runs adds one or two deviations to the reduced script. The first one is spread evenly over all alternatives
//!    that the reduced run offers.
//!
//! A block whose seeds reach no goal consists of seeds. A run depends on the earlier runs of its block, so the runs
//! are not a sample of any distribution: a search without findings gives no bound on the failure rate.

use crate::draws::{Profile, below};
use crate::hash::mix;
use crate::runner::{Offered, Outcome, Plan, Rehearse};
use crate::script::{Deviation, Script};
use crate::search::explore::Campaign;

/// A block of runs in progress.
///
/// ```
/// # use shakedown_sim::*;
/// use shakedown_sim::search::{AroundGoals, Campaign};
/// # struct Calm;
/// # #[derive(serde::Serialize)] struct Nothing;
/// # impl Fact for Nothing { fn sentence(&self) -> String { String::new() } }
/// # impl Scenario for Calm {
/// #     type Fact = Nothing;
/// #     fn name(&self) -> &str { "calm" }
/// #     fn build(&self, stage: &Stage<Nothing>) { stage.node(Role::outside("idler".into()), |_| {}); }
/// #     fn invariants(&self) -> Vec<Box<dyn Invariant<Nothing>>> { Vec::new() }
/// # }
/// let (mut runner, mut block) = (Runner::new(Calm), AroundGoals::new(Profile::MIXED, 0));
/// let mut campaign = Campaign::default();
/// (0..AroundGoals::BLOCK).for_each(|number| campaign.merge(block.run(&mut runner, number)));
/// assert_eq!(campaign.tally.runs, AroundGoals::BLOCK);
/// ```
#[derive(Clone, Debug)]
pub struct AroundGoals {
    profile: Profile,
    /// The number of the block's first run.
    first: u64,
    /// For each goal, the runs of the first phase that reached it.
    reached: Vec<ReachedGoal>,
    phase: Phase,
}

/// The runs that reached a goal.
#[derive(Clone, Debug, Default)]
struct ReachedGoal {
    runs: u32,
    /// The script of the one with the fewest deviations.
    script: Option<Script>,
}

#[derive(Clone, Debug)]
enum Phase {
    Seeds,
    Reduce(Reduction),
    Offer(Script),
    Add(Neighbourhood),
}

/// A script that is being reduced while it reaches a goal.
#[derive(Clone, Debug)]
struct Reduction {
    goal: usize,
    script: Script,
    /// The deviations that the next run leaves out: `size` of them from `at` on.
    at: usize,
    size: usize,
    runs_left: u32,
}

/// A reduced script and what may be added to it.
#[derive(Clone, Debug)]
struct Neighbourhood {
    script: Script,
    /// For each deviation of the script, the position of its choice.
    places: Vec<usize>,
    /// The alternatives that can be added: the position of a choice, and its deviation.
    ways: Vec<(usize, Deviation)>,
    /// The number of the first run of the phase.
    first: u64,
}

impl AroundGoals {
    /// The number of runs of a block.
    pub const BLOCK: u64 = 256;
    /// The number of a block's first runs, which are decided by their seeds alone. A failing run after them has its script.
    pub const SEEDS: u64 = Self::BLOCK / 2;
    /// The greatest number of runs that reduce a script.
    const REDUCING_MAX: u32 = 40;

    /// Begins the block whose first run has the number `first`; seeds have the fault rates of the profile.
    pub fn new(profile: Profile, first: u64) -> Self {
        Self { profile, first, reached: Vec::new(), phase: Phase::Seeds }
    }

    /// Executes the block's next run, which has this number, and returns it as a campaign of one run.
    pub fn run(&mut self, rehearse: &mut dyn Rehearse, number: u64) -> Campaign {
        let goals = rehearse.goals().len();
        self.reached.resize(goals, ReachedGoal::default());
        if number == self.first + Self::SEEDS {
            self.choose();
        }
        let mut campaign = Campaign::at(number, self.profile);
        let is_seed = number < self.first + Self::SEEDS;
        let outcome = match std::mem::replace(&mut self.phase, Phase::Seeds) {
            Phase::Seeds => self.seed(rehearse, number),
            Phase::Reduce(reduction) => self.reduce(rehearse, reduction),
            Phase::Offer(script) => self.offer(rehearse, script, number),
            Phase::Add(neighbourhood) => self.add(rehearse, neighbourhood, number),
        };
        let taken = (!is_seed && !outcome.violations.is_empty()).then(|| rehearse.script());
        campaign.add(number, outcome, taken, goals);
        campaign
    }

    fn seed(&mut self, rehearse: &mut dyn Rehearse, number: u64) -> Outcome {
        let outcome = rehearse.run(Plan::Profiled(number, self.profile));
        // Most scripts derived from one that fails would fail for the same reason.
        if outcome.violations.is_empty() {
            for (goal, reached) in self.reached.iter_mut().enumerate() {
                if !has_goal(&outcome, goal) {
                    continue;
                }
                reached.runs += 1;
                let fewest = reached.script.as_ref().map_or(usize::MAX, |script| script.deviations.len());
                if (outcome.choices.deviations as usize) < fewest {
                    reached.script = Some(rehearse.script());
                }
            }
        }
        outcome
    }

    /// Draws a goal and begins to reduce its script. Weights are the inverse of the number of runs that reached it.
    fn choose(&mut self) {
        let weight = |reached: &ReachedGoal| {
            reached.script.as_ref().map_or(0, |_| Self::SEEDS as u32 / reached.runs.max(1))
        };
        let total: u32 = self.reached.iter().map(weight).sum();
        if total == 0 {
            return;
        }
        let mut drawn = below(mix(self.first, 0x676F_616C), total);
        for (goal, reached) in self.reached.iter_mut().enumerate() {
            let own = weight(reached);
            if let (true, Some(script)) = (drawn < own, reached.script.take()) {
                let size = script.deviations.len().div_ceil(2);
                let runs_left = Self::REDUCING_MAX;
                self.phase = Reduction { goal, script, at: 0, size, runs_left }.next();
                return;
            }
            drawn = drawn.saturating_sub(own);
        }
    }

    fn reduce(&mut self, rehearse: &mut dyn Rehearse, mut reduction: Reduction) -> Outcome {
        let Reduction { at, size, .. } = reduction;
        let all = &reduction.script.deviations;
        let end = (at + size).min(all.len());
        let rest = all[..at].iter().chain(&all[end..]).cloned().collect();
        let outcome = rehearse.run(Plan::Script(&reduction.script.with(rest)));
        if outcome.violations.is_empty() && has_goal(&outcome, reduction.goal) {
            reduction.script = rehearse.script();
        } else {
            reduction.at = end;
        }
        reduction.runs_left -= 1;
        self.phase = reduction.next();
        outcome
    }

    fn offer(&mut self, rehearse: &mut dyn Rehearse, script: Script, number: u64) -> Outcome {
        let ordered = self.profile.draws_task_order();
        let statements = self.profile.draws_statements();
        let profile = if statements { Profile::CALM.with_statements() } else { Profile::CALM };
        let from = u32::MAX;
        let plan = Plan::Branch { script: &script, from, seed: number, profile, task_order: ordered };
        let outcome = rehearse.run(plan);
        let offers = rehearse.offers();
        self.phase = Phase::Add(Neighbourhood::of(script, &offers, number + 1));
        outcome
    }

    fn add(&mut self, rehearse: &mut dyn Rehearse, around: Neighbourhood, number: u64) -> Outcome {
        let last = self.first + Self::BLOCK;
        let script = around.neighbour(number, last);
        let outcome = rehearse.run(Plan::Script(&script));
        self.phase = Phase::Add(around);
        outcome
    }
}

fn has_goal(outcome: &Outcome, goal: usize) -> bool {
    outcome.goals >> goal & 1 == 1
}

impl Reduction {
    /// Returns the phase of the next run: this reduction, or the one after it if nothing is left to leave out.
    fn next(mut self) -> Phase {
        if self.at >= self.script.deviations.len() {
            self.at = 0;
            self.size = if self.size > 1 { self.size.div_ceil(2) } else { 0 };
        }
        if self.size == 0 || self.runs_left == 0 || self.script.deviations.is_empty() {
            return Phase::Offer(self.script);
        }
        Phase::Reduce(self)
    }
}

impl Neighbourhood {
    fn of(script: Script, offers: &[Offered], first: u64) -> Self {
        let place = |deviation: &Deviation| offers.iter().position(|offered| offered.id == deviation.id);
        let places = script.deviations.iter().map(|deviation| place(deviation).unwrap_or(0)).collect();
        let is_free =
            |offered: &Offered| script.deviations.iter().all(|deviation| deviation.id != offered.id);
        let free = offers.iter().enumerate().filter(|(_, offered)| is_free(offered));
        let ways = free.flat_map(|(place, offered)| {
            let names = offered.alternatives.names().into_iter().skip(1);
            names.map(move |alternative| (place, Deviation { id: offered.id.clone(), alternative }))
        });
        let ways = ways.collect();
        Self { script, places, ways, first }
    }

    /// Returns the script of the run with this number, where `last` is the number after the last run of the phase. Runs take equal parts
    /// of the alternatives in order, and a random one of their part.
    fn neighbour(&self, number: u64, last: u64) -> Script {
        let (count, runs) = (self.ways.len() as u64, last - self.first);
        if count == 0 {
            return self.script.clone();
        }
        let draw = mix(number, 0x6E65_6172);
        let from = (number - self.first) * count / runs;
        let to = ((number - self.first + 1) * count / runs).max(from + 1);
        let mut added = vec![&self.ways[(from + u64::from(below(draw, (to - from) as u32))) as usize]];
        if draw & 1 == 1 {
            let second = &self.ways[below(mix(draw, 1), count as u32) as usize];
            added.extend((second.0 != added[0].0).then_some(second));
        }
        let own = self.places.iter().copied().zip(self.script.deviations.iter().cloned());
        let mut all: Vec<(usize, Deviation)> = own.chain(added.into_iter().cloned()).collect();
        all.sort_by_key(|(place, _)| *place);
        self.script.with(all.into_iter().map(|(_, deviation)| deviation).collect())
    }
}
