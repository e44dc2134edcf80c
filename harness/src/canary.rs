//! Canaries: designs that lack one guardrail, which a campaign must catch. One that survives says that the
//! alarm does not ring: the judges are blind, or the faults too rare; and then the green of the whole design is
//! worth nothing.

use crate::campaign::{self, CampaignRequest, InternalError};
use shakedown_reports::Canary;

/// Runs after which a canary has survived, unless the campaign itself ends sooner. The rarest of
/// those declared shows within a few hundred.
pub const RUNS_MAX: u64 = 4_000;

/// Searches the design without this guardrail and those that mask its ablation, in the way of `request`, until it
/// fails or has survived.
///
/// # Errors
/// If the harness itself failed.
pub fn run_canary(request: &CampaignRequest<'_>, without: &[String]) -> Result<Canary, InternalError> {
    let first = request.seeds.start;
    let request = CampaignRequest {
        without,
        seeds: first..first.saturating_add(RUNS_MAX),
        failures_max: 1,
        deadline: None,
        sites: None,
        ..*request
    };
    let (campaign, _) = campaign::run(&request, |_| {})?;
    Ok(Canary {
        name: without.join(" with "),
        caught: !campaign.failing.is_empty(),
        runs: campaign.tally.runs,
    })
}
