//! The identity of a build: derived from its runs, so that separately compiled binaries of one source have the same
//! identity.
//!
//! It consists of the engine's version, and a digest over the happy path of each small variant and over the runs of some
//! seeds. A change that affects none of these runs is not detected here; therefore a merge of shards also repeats a sample
//! of their runs.

use crate::campaign::DEFAULT_PROFILE;
use crate::entry::Entry;
use crate::quiet;
use shakedown_sim::digest::Digest;
use shakedown_sim::{Plan, Variant, small_variants};

/// The number of seeds whose runs are part of the identity.
const SEEDS: u64 = 32;

/// Returns the identity of this build for a scenario without some guardrails.
///
/// # Errors
/// If the design cannot be built.
pub fn of(entry: &Entry, without: &[String]) -> Result<String, String> {
    let mut runner = entry.runner(without)?;
    let mut digest = Digest::default();
    runner.invariants().iter().for_each(|(name, _)| digest.text(name));
    runner.goals().iter().for_each(|name| digest.text(name));
    quiet::running(|| {
        for variant in small_variants(runner.parameters(), &Variant::default()) {
            let plan = Plan::Turns { variant: &variant, turns: &[], task_order: false };
            digest.word(runner.run(plan).digest.bits());
        }
        for seed in 0..SEEDS {
            digest.word(runner.run(Plan::Profiled(seed, DEFAULT_PROFILE)).digest.bits());
        }
    });
    Ok(format!("{} {digest}", env!("CARGO_PKG_VERSION")))
}
