//! Guided exploration: runs that reach something new are kept, and later runs are derived from them.
//!
//! A search goes in rounds of fixed size and learns only between them: run `n` depends on `n` and on earlier rounds, so the
//! result of a round does not depend on how it is divided among threads.
//! Half of the runs are drawn from their seeds alone, as in plain exploration; each of the others takes a kept
//! script and drops some of its deviations, alters one, or adds a few among the choices that its run offers.
//!
//! Because later runs depend on earlier ones, a guided search is not a sample of any distribution: a search without
//! findings gives no bound on the failure rate.

use crate::choice::OfferedAlternatives;
use crate::coverage::Coverage;
use crate::draws::{Profile, below};
use crate::hash::mix;
use crate::runner::{Plan, Rehearse};
use crate::script::Script;
use crate::search::explore::Campaign;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

/// The knowledge of a guided search before a round.
///
/// ```
/// # use shakedown_sim::*;
/// use shakedown_sim::search::Guide;
/// # struct Calm;
/// # #[derive(serde::Serialize)] struct Nothing;
/// # impl Fact for Nothing { fn sentence(&self) -> String { String::new() } }
/// # impl Scenario for Calm {
/// #     type Fact = Nothing;
/// #     fn name(&self) -> &str { "calm" }
/// #     fn build(&self, stage: &Stage<Nothing>) { stage.node(Role::outside("idler".into()), |_| {}); }
/// #     fn invariants(&self) -> Vec<Box<dyn Invariant<Nothing>>> { Vec::new() }
/// # }
/// let (mut runner, mut guide) = (Runner::new(Calm), Guide::new(Profile::MIXED));
/// let whole = guide.explore(&mut runner, 0..Guide::ROUND);
/// let mut parts = guide.explore(&mut runner, 0..100);
/// parts.merge(guide.explore(&mut runner, 100..Guide::ROUND));
/// assert_eq!(whole, parts);
/// guide.learn(whole.discoveries);
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Guide {
    profile: Profile,
    known: Coverage,
    kept: Vec<Arc<KeptScript>>,
    /// The index of the script that is replaced next, once there are `KEPT_MAX`.
    oldest: usize,
}

/// A script from which others are derived, with the alternatives of each of its deviations.
#[derive(Clone, Debug)]
struct KeptScript {
    script: Script,
    ways: Vec<OfferedAlternatives>,
}

impl PartialEq for KeptScript {
    fn eq(&self, other: &Self) -> bool {
        self.script == other.script
    }
}

impl Eq for KeptScript {}

/// A run that reached something new to its round.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Discovery {
    number: u64,
    coverage: Coverage,
    kept: KeptScript,
}

impl Discovery {
    /// Returns the number of the run. A guide with the same knowledge discovers the same in it again.
    pub fn number(&self) -> u64 {
        self.number
    }
}

/// A round, or a part of one.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Round {
    /// The runs.
    pub campaign: Campaign,
    /// The runs that reached something new, in order.
    pub discoveries: Vec<Discovery>,
}

impl Round {
    /// Adds the part that comes next.
    pub fn merge(&mut self, next: Round) {
        self.campaign.merge(next.campaign);
        self.discoveries.extend(next.discoveries);
    }
}

/// The greatest number of scripts kept; from then on each new one replaces the oldest.
const KEPT_MAX: usize = 256;

impl Guide {
    /// The number of runs of a round.
    pub const ROUND: u64 = 256;

    /// Creates a guide without knowledge; fresh runs have the fault rates of the profile.
    pub fn new(profile: Profile) -> Self {
        Self { profile, known: Coverage::default(), kept: Vec::new(), oldest: 0 }
    }

    /// Returns the numbers of known features and of kept scripts.
    pub fn size(&self) -> (u32, usize) {
        (self.known.count(), self.kept.len())
    }

    /// Executes the runs with these numbers, based on the knowledge so far.
    pub fn explore(&self, rehearse: &mut dyn Rehearse, numbers: Range<u64>) -> Round {
        let goals = rehearse.goals().len();
        let mut round = Round { campaign: Campaign::at(numbers.start, self.profile), ..Round::default() };
        for number in numbers {
            let script = self.script(number);
            let plan = match &script {
                None => Plan::Profiled(number, self.profile),
                Some((script, from)) => {
                    let (from, seed, drawn) = (*from, number, self.profile.draws_task_order());
                    let profile = if drawn { Profile::CALM.with_task_order() } else { Profile::CALM };
                    let profile =
                        if self.profile.draws_statements() { profile.with_statements() } else { profile };
                    Plan::Branch { script, from, seed, profile, task_order: drawn }
                }
            };
            let (outcome, coverage) = rehearse.cover(plan);
            let failed = !outcome.violations.is_empty();
            // Scripts that fail are not kept: most scripts derived from them would fail for the same reason.
            if !failed && self.known.lacks(&coverage) {
                let kept = KeptScript::of_last(rehearse);
                round.discoveries.push(Discovery { number, coverage, kept });
            }
            let taken = (failed && script.is_some()).then(|| rehearse.script());
            round.campaign.add(number, outcome, taken, goals);
        }
        round
    }

    /// Learns from a round, in the order of its runs.
    pub fn learn(&mut self, discoveries: Vec<Discovery>) {
        for Discovery { coverage, kept, .. } in discoveries {
            if !self.known.take(&coverage) {
                continue;
            }
            if self.kept.len() < KEPT_MAX {
                self.kept.push(Arc::new(kept));
            } else {
                self.kept[self.oldest] = Arc::new(kept);
                self.oldest = (self.oldest + 1) % KEPT_MAX;
            }
        }
    }

    /// Returns the script that the run with this number follows, and the position from which it draws the other
    /// choices; `None` if its seed decides everything.
    fn script(&self, number: u64) -> Option<(Script, u32)> {
        let draw = mix(number, 0x6775_6964);
        if draw & 1 == 0 || self.kept.is_empty() {
            return None;
        }
        let parent = &self.kept[below(mix(draw, 1), self.kept.len() as u32) as usize];
        Some(match below(mix(draw, 2), 3) {
            0 => (parent.without_some(draw), u32::MAX),
            1 => (parent.with_another_way(draw), u32::MAX),
            _ => (parent.script.clone(), 0),
        })
    }
}

impl KeptScript {
    /// Creates the record of the run that was just executed.
    fn of_last(rehearse: &dyn Rehearse) -> Self {
        let script = rehearse.script();
        let offers: BTreeMap<_, _> =
            rehearse.offers().into_iter().map(|offered| (offered.id, offered.alternatives)).collect();
        let ways = script.deviations.iter().map(|deviation| offers[&deviation.id]).collect();
        Self { script, ways }
    }

    /// Drops each deviation in one of two cases.
    fn without_some(&self, draw: u64) -> Script {
        let kept = self.script.deviations.iter().zip(0..).filter(|(_, at)| mix(draw, 16 + at) & 1 == 1);
        self.script.with(kept.map(|(deviation, _)| deviation.clone()).collect())
    }

    /// Changes one deviation to another named alternative of its choice.
    fn with_another_way(&self, draw: u64) -> Script {
        let mut deviations = self.script.deviations.clone();
        if let Some(at) = (!deviations.is_empty()).then(|| below(mix(draw, 3), deviations.len() as u32)) {
            let names = &self.ways[at as usize].names()[1..];
            names[below(mix(draw, 4), names.len() as u32) as usize]
                .clone_into(&mut deviations[at as usize].alternative);
        }
        self.script.with(deviations)
    }
}
