//! `merge` of the shards of `explore`: concludes each campaign as one run would have done.

use super::super::archive::add_known;
use super::super::exit::{CliError, Exit};
use super::super::merge::{Merging, seeded};
use super::super::shard::ShardArgs;
use super::{Explore, exit};
use crate::shard::file::Command;
use crate::shard::seeded::{BLOCK, SeededSearch};
use crate::shard::union::Search;
use shakedown_reports::{CampaignResult, EndReason, json, terminal};

impl Explore {
    /// Returns the command that a search is a part of, as it was given to each shard.
    fn of_search(merging: &Merging<'_>, search: &SeededSearch) -> Result<Self, CliError> {
        let (canary, allow_trivial) = match &merging.union.header.command {
            Command::Explore { canary, allow_trivial } => (canary.clone(), *allow_trivial),
            _ => (Vec::new(), false),
        };
        let variant = (!search.variant.is_empty()).then(|| search.variant.parse()).transpose();
        let wrong = |what: String| CliError::input(what).at(merging.union.sources[0].path.display());
        Ok(Self {
            variant: variant.map_err(wrong)?,
            scenarios: vec![search.scenario.clone()],
            seeds: Some(search.seeds.clone()),
            jobs: merging.options.jobs,
            max_fail: u32::try_from(search.failures_max).unwrap_or(u32::MAX),
            budget: None,
            without: search.without.clone(),
            profile: search.profile().unwrap_or_default(),
            fifo: !search.task_order,
            statements: search.statements,
            guided: false,
            around_goals: search.around_goals,
            canary,
            allow_trivial,
            traces: merging.options.traces.clone(),
            watchdog: merging.options.watchdog,
            shard: ShardArgs::none(),
            archive: merging.options.archive.clone(),
        })
    }

    /// Merges campaigns and prints their results.
    ///
    /// # Errors
    /// If runs are missing or not those of this build, or if the harness itself failed.
    pub(in super::super) fn merge(merging: &Merging<'_>) -> Result<Exit, CliError> {
        let output = &merging.session.output;
        let reports = output.open()?;
        let (mut results, mut repeated): (Vec<CampaignResult>, Vec<Exit>) = (Vec::new(), Vec::new());
        for search in &merging.union.searches {
            let Search::Seeds(search, blocks) = search else { continue };
            let explore = Self::of_search(merging, search)?;
            let entry = merging.session.catalogue.find(&search.scenario)?;
            let request = explore.request(entry, None, merging.stop)?;
            let owns = |shard: crate::shard::Shard, seed: u64| {
                shard.share(search.seeds.clone(), BLOCK).contains(&seed)
            };
            let known = explore.known_failures(merging.session, entry)?;
            let campaign = seeded::campaign(merging, &request, search, blocks, owns)?;
            let end_reason = match campaign.failing.len() >= request.failures_max {
                true => EndReason::MaxFail,
                false => EndReason::Complete,
            };
            let mut result = explore.conclude(&request, &campaign, end_reason)?;
            repeated.push(explore.repeat(entry, &campaign, &mut result)?);
            add_known(&mut result, known);
            results.push(result);
        }
        output.print(
            |style| results.iter().map(|one| terminal::campaign(style, one)).collect::<Vec<_>>().join("\n"),
            || json::campaigns(&results, &[]),
        )?;
        reports.write(&results)?;
        merging.options.archive.record(merging.session, "explore", &results)?;
        Ok(Exit::of(results.iter().map(exit).chain(repeated)))
    }
}
