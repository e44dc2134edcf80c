//! `merge` for the shards of `matrix`.

use super::super::exit::{CliError, Exit};
use super::super::merge::{Merging, seeded};
use super::super::shard::ShardArgs;
use super::shard::owns_row;
use super::{Chart, exercised, exit, print};
use crate::campaign::CampaignRequest;
use crate::matrix::{self, MatrixRequest};
use crate::shard::Shard;
use crate::shard::seeded::{BLOCK, SeedBlock, SeededSearch};
use crate::shard::union::{Blocks, Search, Union};
use shakedown_reports::EndReason;
use shakedown_reports::matrix::{AblationResult, Guarded, Matrix, Row};

/// Returns the blocks of a row, or of the whole design if `row` is absent.
fn searched<'a>(
    union: &'a Union,
    scenario: &str,
    row: Option<&str>,
) -> Option<(&'a SeededSearch, &'a Blocks<u64, SeedBlock>)> {
    union.searches.iter().find_map(|search| match search {
        Search::Seeds(search, blocks) if search.scenario == scenario && search.row.as_deref() == row => {
            Some((search, blocks))
        }
        _ => None,
    })
}

impl Chart {
    /// Merges matrices and prints the result.
    ///
    /// # Errors
    /// If runs are missing or belong to another build, or if the harness itself failed.
    pub(in super::super) fn merge(merging: &Merging<'_>, guardrails: &[String]) -> Result<Exit, CliError> {
        let session = merging.session;
        let seeds = |is_row: bool| {
            merging.union.searches.iter().find_map(|search| match search {
                Search::Seeds(search, _) if search.row.is_some() == is_row => Some(search.seeds.clone()),
                _ => None,
            })
        };
        let chart = Self {
            guardrails: guardrails.to_vec(),
            seeds: seeds(false).unwrap_or_default(),
            give_up: seeds(true).unwrap_or_default().end,
            jobs: merging.options.jobs,
            traces: merging.options.traces.clone(),
            watchdog: merging.options.watchdog,
            shard: ShardArgs::none(),
        };
        chart.check_names(&session.catalogue)?;
        let reports = session.output.open()?;
        let request = chart.request(merging.stop);
        let places = session.catalogue.places(guardrails);
        let mut merged = Matrix::default();
        for at in 0..places.len() {
            merged.rows.push(chart.merged_row(merging, &request, (at, &places))?);
        }
        for entry in exercised(&session.catalogue, &places) {
            merged.guarded.push(chart.merged_guarded(merging, &request, entry)?);
        }
        print(&merged, &session.output, reports)?;
        Ok(exit(&merged))
    }

    fn merged_row(
        &self,
        merging: &Merging<'_>,
        request: &MatrixRequest<'_>,
        (at, places): (usize, &[crate::catalogue::Place<'_>]),
    ) -> Result<Row, CliError> {
        let place = &places[at];
        if let Some(row) = matrix::row_of_happy_path(place).map_err(|error| self.complain(error))? {
            return Ok(row);
        }
        let (name, without) = (place.name(), matrix::without(place));
        let (search, blocks) = searched(merging.union, &place.entry.name, Some(&name))
            .ok_or_else(|| other_matrix(merging, &name))?;
        let campaign_request = matrix::campaign_request(request, place.entry, &without);
        let owns = |shard: Shard, _| owns_row(shard, at, places.len());
        let campaign = seeded::campaign(merging, &campaign_request, search, blocks, owns)?;
        let row = matrix::row_of_campaign(request, place, &campaign).map_err(|error| self.complain(error))?;
        let runs = campaign.seeds.end;
        Ok(row.unwrap_or_else(|| matrix::row_with(place, AblationResult::Survived { runs })))
    }

    fn merged_guarded(
        &self,
        merging: &Merging<'_>,
        request: &MatrixRequest<'_>,
        entry: &crate::entry::Entry,
    ) -> Result<Guarded, CliError> {
        let (search, blocks) =
            searched(merging.union, &entry.name, None).ok_or_else(|| other_matrix(merging, &entry.name))?;
        let campaign_request =
            CampaignRequest { seeds: search.seeds.clone(), ..matrix::campaign_request(request, entry, &[]) };
        let owns = |shard: Shard, seed: u64| shard.share(search.seeds.clone(), BLOCK).contains(&seed);
        let campaign = seeded::campaign(merging, &campaign_request, search, blocks, owns)?;
        let end_reason = match campaign.failing.len() >= campaign_request.failures_max {
            true => EndReason::MaxFail,
            false => EndReason::Complete,
        };
        matrix::conclude_guarded(request, entry, &campaign, end_reason).map_err(|error| self.complain(error))
    }
}

fn other_matrix(merging: &Merging<'_>, name: &str) -> CliError {
    CliError::input(format!("it has no runs of `{name}`, which this build's matrix has"))
        .at(merging.union.sources[0].path.display())
        .remedy("merge with the build that ran the shards")
}
