//! The matrix: each form of each guardrail taken out in turn, to see that a claim beside its row is broken, by
//! how little, and how soon; and each whole design, to see that it holds.

use crate::campaign::{self, Broken, Order};
use crate::catalogue::{CATALOGUE, Entry};
use crate::{findings, quiet};
use shakedown_model::{GUARDRAILS, Naive};
use shakedown_reports::matrix::{Fate, Guarded, Row};
use shakedown_reports::{Ending, Verdict};
use shakedown_sim::search::{Campaign, FailingRun};
use shakedown_sim::{Plan, Profile, Variant, Violation, small_variants};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How the matrix is to be made.
pub struct Asked<'a> {
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
    Broken(#[from] Broken),
    /// A trace could not be written.
    #[error("a trace cannot be written: {0}")]
    Trace(#[from] std::io::Error),
}

/// A form of a guardrail, and where it is to be taken out.
pub struct Place {
    /// The system that the guardrail belongs to.
    pub system: &'static str,
    /// The form, as `--without` takes it.
    pub form: String,
    /// What is built instead.
    pub naive: &'static Naive,
    /// The first scenario that exercises it; none if there is none yet.
    pub entry: Option<&'static Entry>,
}

/// Every form of every guardrail whose name begins with one of `names`, or of all if there are none, in the
/// order of the systems.
pub fn places(names: &[String]) -> Vec<Place> {
    let wanted = |name: &str| names.is_empty() || names.iter().any(|wanted| wanted == name);
    let rows = GUARDRAILS.iter().flat_map(|guardrail| {
        guardrail.forms().filter(move |(form, _)| wanted(guardrail.name) || wanted(form)).map(
            move |(form, naive)| {
                let entry = CATALOGUE.iter().find(|entry| entry.exercises(guardrail));
                Place { system: guardrail.system, form, naive, entry }
            },
        )
    });
    rows.collect()
}

/// Takes one form out and searches for a run that breaks a claim beside its row.
///
/// # Errors
/// If the design cannot be built, the harness failed, or a trace cannot be written.
pub fn row(asked: &Asked<'_>, place: &Place, mut watch: impl FnMut(&Campaign)) -> Result<Option<Row>, Error> {
    let Some(entry) = place.entry else { return Ok(None) };
    let masks = place.naive.masked_by.iter().map(|mask| (*mask).to_owned());
    let without: Vec<String> = std::iter::once(place.form.clone()).chain(masks).collect();
    let made = |fate| Row {
        system: place.system.to_owned(),
        guardrail: place.form.clone(),
        naive: place.naive.what.to_owned(),
        with: without[1..].to_vec(),
        scenario: entry.name.to_owned(),
        fate,
    };
    if let Some((variant, violation)) = breaks_by_itself(entry, &without)? {
        let (variant, claim) = (variant.to_string(), violation.invariant);
        return Ok(Some(made(Fate::ByItself { variant, invariant: claim, message: violation.message })));
    }
    let mut order = order(asked, entry, &without);
    let mut runs = 0;
    while order.seeds.start < asked.runs_max && !asked.stop.load(Ordering::Relaxed) {
        let (campaign, _) = campaign::run(&order, &mut watch)?;
        let met = campaign.failing.iter().find_map(|run| Some((run, beside(place.naive, run)?)));
        if let Some((run, violation)) = met {
            let mut runner = entry.runner(&without).map_err(Error::Design)?;
            let mut finding =
                findings::of_failing(runner.as_mut(), &campaign, (run.seed, violation), asked.traces)?;
            finding.runs_to_find = run.seed + 1;
            return Ok(Some(made(Fate::Caught(Box::new(finding)))));
        }
        runs = campaign.seeds.end;
        order.seeds.start = runs;
    }
    Ok((runs >= asked.runs_max).then(|| made(Fate::Survived { runs })))
}

/// The claim beside the row that a run breaks, the row's first if there are several.
fn beside<'a>(naive: &Naive, run: &'a FailingRun) -> Option<&'a Violation> {
    let broken = |claim: &&str| run.violations.iter().find(|violation| violation.invariant == *claim);
    naive.breaks.iter().find_map(broken)
}

/// The first small variant whose happy path breaks anything: such a design is not naive, it does not work.
fn breaks_by_itself(entry: &Entry, without: &[String]) -> Result<Option<(Variant, Violation)>, Error> {
    let mut runner = entry.runner(without).map_err(Error::Design)?;
    for variant in small_variants(runner.parameters(), &Variant::default()) {
        let plan = Plan::Turns { variant: &variant, turns: &[] };
        if let Some(violation) = quiet::running(|| runner.run(plan)).violations.into_iter().next() {
            return Ok(Some((variant, violation)));
        }
    }
    Ok(None)
}

fn order<'a>(asked: &Asked<'a>, entry: &'static Entry, without: &'a [String]) -> Order<'a> {
    Order {
        entry,
        without,
        seeds: 0..asked.runs_max,
        profile: Profile::MIXED,
        guided: false,
        jobs: asked.jobs,
        failures_max: FAILURES_AT_A_TIME,
        deadline: None,
        stop: asked.stop,
        timeout: asked.timeout,
    }
}

/// A failing run mostly breaks a claim beside the row; where it does not, one of the next may.
const FAILURES_AT_A_TIME: usize = 4;

/// Runs a whole design.
///
/// # Errors
/// As [`row`].
pub fn guarded(
    asked: &Asked<'_>,
    entry: &'static Entry,
    seeds: u64,
    watch: impl FnMut(&Campaign),
) -> Result<Guarded, Error> {
    let order = Order { seeds: 0..seeds, ..order(asked, entry, &[]) };
    let (campaign, ending) = campaign::run(&order, watch)?;
    let mut runner = entry.runner(&[]).map_err(Error::Design)?;
    let findings = findings::of_campaign(runner.as_mut(), &campaign, asked.traces)?;
    let verdict = match ending {
        _ if !findings.is_empty() => Verdict::Violated,
        Ending::Complete => Verdict::Held,
        _ => Verdict::Inconclusive,
    };
    Ok(Guarded { scenario: entry.name.to_owned(), verdict, runs: campaign.tally.runs, findings })
}
