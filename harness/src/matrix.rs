//! The matrix: each form of each guardrail taken out in turn, to see that a claim beside its row is broken, by
//! how little, and how soon; and each whole design, to see that it holds.

use crate::campaign::{self, CampaignRequest, InternalError, Strategy};
use crate::catalogue::Place;
use crate::entry::Entry;
use crate::guardrail::NaiveForm;
use crate::{findings, quiet};
use shakedown_reports::matrix::{AblationResult, Guarded, Row};
use shakedown_reports::{EndReason, Verdict};
use shakedown_sim::search::{Campaign, FailingRun};
use shakedown_sim::{Plan, Profile, Variant, Violation, small_variants};
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How the matrix is to be made.
pub struct MatrixRequest<'a> {
    /// On how many threads.
    pub jobs: usize,
    /// Runs after which a design that lacks something has survived.
    pub runs_max: u64,
    /// Set from outside to end it.
    pub stop: &'a AtomicBool,
    /// How long a run may take.
    pub timeout: Duration,
    /// Where the traces of failures go.
    pub traces: &'a Path,
}

/// Why a row could not be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The design cannot be built without these guardrails together.
    #[error("{0}")]
    Design(String),
    /// The harness itself failed.
    #[error(transparent)]
    Internal(#[from] InternalError),
    /// A trace could not be written.
    #[error("a trace cannot be written: {0}")]
    Trace(#[from] std::io::Error),
}

/// Takes one form out and searches for a run that breaks a claim beside its row.
///
/// # Errors
/// If the design cannot be built, the harness failed, or a trace cannot be written.
pub fn row(
    request: &MatrixRequest<'_>,
    place: &Place<'_>,
    mut watch: impl FnMut(&Campaign),
) -> Result<Option<Row>, Error> {
    let (entry, without) = (place.entry, without(place));
    if let Some(row) = row_of_happy_path(place)? {
        return Ok(Some(row));
    }
    let mut next_seeds = campaign_request(request, entry, &without);
    let mut runs = 0;
    while next_seeds.seeds.start < request.runs_max && !request.stop.load(Ordering::Relaxed) {
        let (campaign, _) = campaign::run(&next_seeds, &mut watch)?;
        if let Some(row) = row_of_campaign(request, place, &campaign)? {
            return Ok(Some(row));
        }
        runs = campaign.seeds.end;
        next_seeds.seeds.start = runs;
    }
    Ok((runs >= request.runs_max).then(|| row_with(place, AblationResult::Survived { runs })))
}

/// Returns the guardrails that a row takes out: its own, and those that would mask it.
pub(crate) fn without(place: &Place<'_>) -> Vec<String> {
    std::iter::once(place.name()).chain(place.naive().masked_by.clone()).collect()
}

/// Returns the row of a design whose happy path violates something; none if it works.
pub(crate) fn row_of_happy_path(place: &Place<'_>) -> Result<Option<Row>, Error> {
    let broken = breaks_by_itself(place.entry, &without(place))?;
    Ok(broken.map(|(variant, Violation { invariant, message, .. })| {
        let variant = variant.to_string();
        row_with(place, AblationResult::FailsOnHappyPath { variant, invariant, message })
    }))
}

/// Returns the row of a campaign in which a run violates an invariant of the row; none if no run does.
pub(crate) fn row_of_campaign(
    request: &MatrixRequest<'_>,
    place: &Place<'_>,
    campaign: &Campaign,
) -> Result<Option<Row>, Error> {
    let (entry, naive) = (place.entry, place.naive());
    let met = campaign.failing.iter().find_map(|run| Some((run, row_violation(naive, run)?)));
    let Some((run, violation)) = met else { return Ok(None) };
    let mut runner = entry.runner(&without(place)).map_err(Error::Design)?;
    let failing = (run.seed, violation);
    let mut finding = findings::of_failing(entry, runner.as_mut(), campaign, failing, request.traces)?;
    finding.runs_to_find = run.seed + 1;
    Ok(Some(row_with(place, AblationResult::Caught(Box::new(finding)))))
}

/// Returns a row with this result.
pub(crate) fn row_with(place: &Place<'_>, result: AblationResult) -> Row {
    Row {
        system: place.guardrail.system.clone(),
        guardrail: place.name(),
        naive: place.naive().about.clone(),
        with: place.naive().masked_by.clone(),
        scenario: place.entry.name.to_owned(),
        result,
    }
}

/// Returns the first invariant of the row that the run violates.
fn row_violation<'a>(naive: &NaiveForm, run: &'a FailingRun) -> Option<&'a Violation> {
    let broken = |claim: &String| run.violations.iter().find(|violation| violation.invariant == *claim);
    naive.breaks.iter().find_map(broken)
}

/// The first small variant whose happy path breaks anything: such a design is not naive, it does not work.
fn breaks_by_itself(entry: &Entry, without: &[String]) -> Result<Option<(Variant, Violation)>, Error> {
    let mut runner = entry.runner(without).map_err(Error::Design)?;
    for variant in small_variants(runner.parameters(), &Variant::default()) {
        let plan = Plan::Turns { variant: &variant, turns: &[], task_order: false };
        if let Some(violation) = quiet::running(|| runner.run(plan)).violations.into_iter().next() {
            return Ok(Some((variant, violation)));
        }
    }
    Ok(None)
}

/// Returns the campaign that searches a design.
pub(crate) fn campaign_request<'a>(
    request: &MatrixRequest<'a>,
    entry: &'a Entry,
    without: &'a [String],
) -> CampaignRequest<'a> {
    CampaignRequest {
        entry,
        without,
        variant: None,
        seeds: 0..request.runs_max,
        profile: Profile::MIXED,
        strategy: Strategy::Seeds,
        jobs: request.jobs,
        failures_max: FAILURES_AT_A_TIME,
        deadline: None,
        stop: request.stop,
        timeout: request.timeout,
        sites: None,
    }
}

/// A failing run mostly breaks a claim beside the row; where it does not, one of the next may.
const FAILURES_AT_A_TIME: usize = 4;

/// Runs a whole design.
///
/// # Errors
/// As [`row`].
pub fn guarded(
    request: &MatrixRequest<'_>,
    entry: &Entry,
    seeds: Range<u64>,
    watch: impl FnMut(&Campaign),
) -> Result<Guarded, Error> {
    let whole_design = CampaignRequest { seeds, ..campaign_request(request, entry, &[]) };
    let (campaign, end_reason) = campaign::run(&whole_design, watch)?;
    conclude_guarded(request, entry, &campaign, end_reason)
}

/// Shrinks what failed in the campaign of a whole design.
///
/// # Errors
/// As [`guarded`].
pub(crate) fn conclude_guarded(
    request: &MatrixRequest<'_>,
    entry: &Entry,
    campaign: &Campaign,
    end_reason: EndReason,
) -> Result<Guarded, Error> {
    let mut runner = entry.runner(&[]).map_err(Error::Design)?;
    let findings = findings::of_campaign(entry, runner.as_mut(), campaign, request.traces)?;
    let verdict = match end_reason {
        _ if !findings.is_empty() => Verdict::Violated,
        EndReason::Complete => Verdict::Held,
        _ => Verdict::Inconclusive,
    };
    Ok(Guarded { scenario: entry.name.to_owned(), verdict, runs: campaign.tally.runs, findings })
}
