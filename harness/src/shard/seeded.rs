//! Runs by seed, as a shard stores them: the search that they belong to, and for each block of seeds its totals and its
//! failing runs.

use crate::build_identity;
use crate::campaign::{self, CHUNK, CampaignRequest, InternalError, Strategy};
use crate::entry::Entry;
use crate::quiet;
use serde::{Deserialize, Serialize};
use shakedown_sim::search::{AroundGoals, Campaign, FailingRun, Tally};
use shakedown_sim::{Profile, Rehearse, Script, SitesMet, Violation};
use std::ops::Range;

/// The number of seeds in a block. Shards are cut at multiples of it from the first seed.
pub const BLOCK: u64 = CHUNK;

/// A search over seeds: the settings that a block's runs depend on, and its end.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeededSearch {
    /// The scenario.
    pub scenario: String,
    /// The ablated guardrails.
    pub without: Vec<String>,
    /// The row of a matrix that this search belongs to, by its guardrail.
    pub row: Option<String>,
    /// The parameters whose values are fixed, as `--variant` names them; empty if seeds draw all.
    pub variant: String,
    /// The invariants of the row: a failing run counts if it violates one of them. Without a row each counts.
    pub claims: Vec<String>,
    /// The name of the fault-rate profile.
    pub profile: String,
    /// Whether task order is drawn, too.
    pub task_order: bool,
    /// Whether pauses before statements were drawn.
    #[serde(default)]
    pub statements: bool,
    /// Whether half of the runs are a bounded search around runs that reached a rare goal.
    #[serde(default)]
    pub around_goals: bool,
    /// All seeds of the search, over all shards.
    pub seeds: Range<u64>,
    /// The number of failing runs at which the search ends.
    pub failures_max: u64,
    /// The scenario's goals, in order.
    pub goals: Vec<String>,
    /// The build of scenario and engine (see [`build_identity`]).
    pub build: String,
}

/// A failing run of a block.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FailedRun {
    /// Its seed.
    pub seed: u64,
    /// The script that its seed draws.
    pub script: String,
    /// All its violations.
    pub violations: Vec<Violation>,
    /// The block up to this run, this run included.
    pub so_far: Tally,
}

/// A block of seeds that was run.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeedBlock {
    /// Its first seed.
    pub from: u64,
    /// The seed after its last.
    pub to: u64,
    /// The totals of its runs.
    pub tally: Tally,
    /// Its first failing runs that count, as many as the search may need.
    pub failing: Vec<FailedRun>,
    /// The choices that its runs met.
    #[serde(default, skip_serializing_if = "SitesMet::is_empty")]
    pub sites: SitesMet,
}

impl SeededSearch {
    /// Returns the search that a request describes, for this build.
    ///
    /// # Errors
    /// If the design cannot be built.
    pub fn of(request: &CampaignRequest<'_>) -> Result<Self, String> {
        let runner = request.entry.runner(request.without)?;
        Ok(Self {
            scenario: request.entry.name.clone(),
            without: request.without.to_vec(),
            variant: request.variant.map(ToString::to_string).unwrap_or_default(),
            row: None,
            claims: Vec::new(),
            profile: request.profile.name.to_owned(),
            task_order: request.profile.draws_task_order(),
            statements: request.profile.draws_statements(),
            around_goals: request.strategy == Strategy::AroundGoals,
            seeds: request.seeds.clone(),
            failures_max: request.failures_max as u64,
            goals: runner.goals().into_iter().map(str::to_owned).collect(),
            build: build_identity::of(request.entry, request.without)?,
        })
    }

    /// Returns the fault-rate profile; `None` if this build has no profile with this name.
    pub fn profile(&self) -> Option<Profile> {
        let plain = Profile::ALL.into_iter().find(|profile| profile.name == self.profile)?;
        let ordered = if self.task_order { plain.with_task_order() } else { plain };
        Some(if self.statements { ordered.with_statements() } else { ordered })
    }

    /// Returns the first field in which another search differs, in the user's terms; `None` if they are the same search.
    /// The build is not compared.
    pub fn difference(&self, other: &Self) -> Option<&'static str> {
        let fields = [
            ("the scenario", self.scenario != other.scenario),
            ("--without", self.without != other.without || self.claims != other.claims),
            ("--variant", self.variant != other.variant),
            ("--profile", self.profile != other.profile),
            ("--fifo", self.task_order != other.task_order),
            ("--statements", self.statements != other.statements),
            ("--around-goals", self.around_goals != other.around_goals),
            ("--seeds", self.seeds != other.seeds),
            ("--max-fail", self.failures_max != other.failures_max),
        ];
        fields.into_iter().find_map(|(name, differs)| differs.then_some(name))
    }

    /// Returns the block of a chunk of a campaign. `runner` runs the failing seeds again to get their scripts.
    pub fn block(&self, chunk: &Campaign, runner: &mut dyn Rehearse) -> SeedBlock {
        let counts = |run: &&FailingRun| {
            let is_claim = |violation: &Violation| self.claims.contains(&violation.invariant);
            self.row.is_none() || run.violations.iter().any(is_claim)
        };
        let failed = chunk.failing.iter().filter(counts).take(self.failures_max as usize).map(|run| {
            quiet::running(|| runner.run(chunk.plan(run.seed)));
            FailedRun {
                seed: run.seed,
                script: runner.script().to_string(),
                violations: run.violations.clone(),
                so_far: run.so_far.clone(),
            }
        });
        let failing = failed.collect();
        let (tally, sites) = (chunk.tally.clone(), chunk.sites.clone());
        SeedBlock { from: chunk.seeds.start, to: chunk.seeds.end, tally, failing, sites }
    }

    /// Runs a block again.
    ///
    /// # Errors
    /// If the harness itself failed.
    pub fn again(
        &self,
        request: &CampaignRequest<'_>,
        block: &SeedBlock,
    ) -> Result<Option<SeedBlock>, InternalError> {
        let request = CampaignRequest { seeds: block.from..block.to, failures_max: usize::MAX, ..*request };
        let (campaign, _) = campaign::run(&request, |_| {})?;
        let mut runner = runner_of(request.entry, request.without)?;
        let is_complete = campaign.seeds == request.seeds;
        Ok(is_complete.then(|| self.block(&campaign, runner.as_mut())))
    }

    /// Returns the problem of a block by itself: its limits, its counts, or its failing runs; `None` if it is consistent.
    pub fn misfit(&self, block: &SeedBlock) -> Option<String> {
        let Range { start, end } = self.seeds;
        let SeedBlock { from, to, tally, failing, .. } = block;
        let is_cut = (start..end).contains(from)
            && (from - start).is_multiple_of(BLOCK)
            && *to == from.saturating_add(BLOCK).min(end);
        if !is_cut {
            return Some("it is not cut at blocks".to_owned());
        }
        if tally.runs != to - from {
            return Some(format!("{} runs instead of {}", tally.runs, to - from));
        }
        if tally.goals.len() != self.goals.len() || tally.goals.iter().any(|reached| *reached > tally.runs) {
            return Some("its goals are not those of its runs".to_owned());
        }
        let is_ascending = failing.windows(2).all(|pair| pair[0].seed < pair[1].seed);
        let is_run = |run: &FailedRun| {
            (from..to).contains(&&run.seed)
                && run.so_far.runs == run.seed - from + 1
                && !run.violations.is_empty()
                && run.script.parse::<Script>().is_ok()
        };
        let is_right =
            is_ascending && failing.iter().all(is_run) && failing.len() as u64 <= self.failures_max;
        (!is_right).then(|| "its failing runs are not those of its seeds".to_owned())
    }
}

/// Returns a runner of a design that is known to be buildable.
fn runner_of(entry: &Entry, without: &[String]) -> Result<Box<dyn Rehearse>, InternalError> {
    entry.runner(without).map_err(|message| InternalError {
        scenario: entry.name.clone(),
        run: "no seed yet".to_owned(),
        message,
    })
}

impl SeedBlock {
    /// Returns whether a run is not what its seed alone draws: because parameters are fixed, or it is around a goal.
    fn is_derived(&self, search: &SeededSearch, seed: u64) -> bool {
        !search.variant.is_empty() || search.around_goals && seed - self.from >= AroundGoals::SEEDS
    }

    /// Returns the block, which is one of `search`, as a campaign.
    pub fn campaign(&self, search: &SeededSearch, profile: Profile) -> Campaign {
        let failing = |run: &FailedRun| FailingRun {
            seed: run.seed,
            script: self.is_derived(search, run.seed).then(|| run.script.parse().ok()).flatten(),
            violations: run.violations.clone(),
            so_far: run.so_far.clone(),
        };
        Campaign {
            seeds: self.from..self.to,
            profile,
            tally: self.tally.clone(),
            failing: self.failing.iter().map(failing).collect(),
            sites: self.sites.clone(),
        }
    }
}
