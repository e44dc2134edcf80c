//! Merges runs by seed: checks the blocks of a search against this build, repeats a sample of them, and adds them up.

use super::super::exit::{CliError, Exit};
use super::super::explore::failed;
use super::{Merging, refused};
use crate::build_identity;
use crate::campaign::CampaignRequest;
use crate::shard::Shard;
use crate::shard::seeded::{SeedBlock, SeededSearch};
use crate::shard::union::Blocks;
use shakedown_sim::digest::Digest;
use shakedown_sim::search::Campaign;
use std::path::Path;
use std::sync::atomic::Ordering;

/// Returns the sum of the blocks of a search as a campaign. `owns` returns whether a shard runs the block of a seed.
///
/// # Errors
/// If the blocks are of another build, are not those of their seeds, or are incomplete.
pub(in super::super) fn campaign(
    merging: &Merging<'_>,
    request: &CampaignRequest<'_>,
    search: &SeededSearch,
    blocks: &Blocks<u64, SeedBlock>,
    owns: impl Fn(Shard, u64) -> bool,
) -> Result<Campaign, CliError> {
    let first = &merging.union.sources[0].path;
    if search.profile().is_none() {
        return Err(other_build(first));
    }
    if search.build != build_identity::of(request.entry, request.without).map_err(CliError::input)? {
        return Err(other_build(first));
    }
    let campaign = merging.union.campaign(search, blocks, owns).map_err(refused)?;
    for (source, file) in merging.union.sources.iter().enumerate() {
        let own: Vec<&SeedBlock> =
            blocks.values().filter(|(_, from)| *from == source).map(|(block, _)| block).collect();
        for block in sample(&own) {
            let again = search.again(request, block).map_err(failed)?;
            if merging.stop.load(Ordering::Relaxed) {
                return Err(CliError::new(Exit::Inconclusive, "interrupted before the files were checked"));
            }
            if again.as_ref() != Some(block) {
                return Err(differs(&file.path, search, block));
            }
        }
    }
    Ok(campaign)
}

/// The number of blocks of a file that are run again, beside those with failing runs.
const SAMPLE: usize = 3;

/// Returns the blocks of a file to run again: the first, the last, one selected by their content, and the first with
/// failing runs.
fn sample<'a>(blocks: &[&'a SeedBlock]) -> Vec<&'a SeedBlock> {
    let count = blocks.len();
    let mut content = Digest::default();
    blocks.iter().for_each(|block| content.word(block.tally.digest().bits()));
    let chosen = (content.bits() % count.max(1) as u64) as usize;
    let mut places: Vec<usize> = [0, chosen, count.wrapping_sub(1)].into_iter().take(SAMPLE).collect();
    places.extend(blocks.iter().position(|block| !block.failing.is_empty()));
    places.sort_unstable();
    places.dedup();
    places.into_iter().filter_map(|at| blocks.get(at).copied()).collect()
}

fn other_build(path: &Path) -> CliError {
    CliError::new(Exit::Drift, "it is of another build: the same seeds give other runs here")
        .at(path.display())
        .remedy("merge with the build that ran the shards, or run all shards again")
}

fn differs(path: &Path, search: &SeededSearch, block: &SeedBlock) -> CliError {
    let what = format!(
        "the runs of {} with the seeds {} to {} do not give the recorded result: the file was changed, or the runs are not deterministic",
        search.scenario, block.from, block.to
    );
    CliError::new(Exit::Drift, what).at(path.display()).remedy("run this shard again")
}
