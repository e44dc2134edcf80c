//! The archive of `explore`, `merge` and `history`: its location, the name of a build in it, and the known failures that
//! are run first.

use super::Session;
use super::exit::CliError;
use super::output::print_note;
use crate::archive::history::KnownFailure;
use crate::archive::record::CampaignRecord;
use crate::archive::{Archive, ArchiveError, Recorded};
use crate::entry::Entry;
use crate::{build_identity, findings, quiet, traces};
use shakedown_reports::{CampaignResult, Finding, Verdict};
use shakedown_sim::{Plan, Script};
use std::path::Path;

/// Where campaigns are recorded.
#[derive(clap::Args, Clone)]
pub(super) struct ArchiveArgs {
    /// Record the result in this archive: an SQLite file, or the URL of a PostgreSQL database. Its known failures are run
    /// first
    #[arg(long, env = "SHAKEDOWN_ARCHIVE", value_name = "FILE|URL")]
    archive: Option<String>,
    /// The name of this build in the archive, such as its commit [default: the commit of the CI job, or else a digest of
    /// sample runs]
    #[arg(long, env = "SHAKEDOWN_BUILD", value_name = "NAME")]
    build: Option<String>,
}

/// The variables in which CI systems name the commit.
const COMMITS: [&str; 3] = ["GITHUB_SHA", "CI_COMMIT_SHA", "BUILDKITE_COMMIT"];

/// The greatest number of known failures that are run first.
const KNOWN_MAX: u32 = 1_000;

impl ArchiveArgs {
    /// Returns whether results are recorded.
    pub(super) fn is_given(&self) -> bool {
        self.archive.is_some()
    }

    fn open(&self) -> Result<Option<Archive>, CliError> {
        self.archive.as_deref().map(open).transpose()
    }

    /// Returns the name of the build.
    fn build(&self, entry: &Entry) -> Result<String, CliError> {
        let of_job =
            || COMMITS.iter().find_map(|name| std::env::var(name).ok()).filter(|name| !name.is_empty());
        match self.build.clone().or_else(of_job) {
            Some(name) => Ok(name),
            None => build_identity::of(entry, &[]).map_err(CliError::input),
        }
    }

    /// Runs the known failures of a design, and returns those that still fail, each as a finding. Returns none without an
    /// archive.
    ///
    /// # Errors
    /// If the archive cannot be used, or a trace cannot be written.
    pub(super) fn known_failures(
        &self,
        catalogue: &str,
        entry: &Entry,
        without: &[String],
        traces: &Path,
    ) -> Result<Vec<Finding>, CliError> {
        let Some(mut archive) = self.open()? else { return Ok(Vec::new()) };
        let known = archive
            .known_failures(catalogue, &entry.name, without, KNOWN_MAX)
            .map_err(|error| refused(self.archive.as_deref().unwrap_or_default(), &error))?;
        let mut still = Vec::new();
        for failure in &known {
            still.extend(again(entry, without, failure, traces)?);
        }
        if !known.is_empty() {
            let (still, known) = (still.len(), known.len());
            print_note(&format!("{}: {still} of {known} known failures still fail", entry.name));
        }
        Ok(still)
    }

    /// Records results.
    ///
    /// # Errors
    /// If the archive cannot be used.
    pub(super) fn record(
        &self,
        session: &Session,
        command: &str,
        results: &[CampaignResult],
    ) -> Result<(), CliError> {
        let Some(mut archive) = self.open()? else { return Ok(()) };
        for result in results {
            let build = self.build(session.catalogue.find(&result.scenario)?)?;
            let record = CampaignRecord::of(session.catalogue.name(), command, &build, result);
            let recorded = archive
                .record(&record)
                .map_err(|error| refused(self.archive.as_deref().unwrap_or_default(), &error))?;
            print_note(&match recorded {
                Recorded::New(number) => format!("{}: recorded as campaign {number}", result.scenario),
                Recorded::Known(number) => format!("{}: is campaign {number} already", result.scenario),
            });
        }
        Ok(())
    }
}

/// Opens an archive.
///
/// # Errors
/// If it cannot be used.
pub(super) fn open(place: &str) -> Result<Archive, CliError> {
    Archive::open(place).map_err(|error| refused(place, &error))
}

/// Returns the error about an archive that cannot be used.
pub(super) fn refused(place: &str, error: &ArchiveError) -> CliError {
    CliError::input(error.to_string())
        .at(place)
        .remedy("--archive names a file of SQLite that can be written, or a PostgreSQL such as `postgres://user@host/db`")
}

/// Runs a known failure again; returns `None` if it holds now, or if the current scenario cannot run it.
fn again(
    entry: &Entry,
    without: &[String],
    known: &KnownFailure,
    traces: &Path,
) -> Result<Option<Finding>, CliError> {
    let Ok(script) = known.script.parse::<Script>() else { return Ok(None) };
    let mut runner = entry.runner(without).map_err(CliError::input)?;
    let mut violations = quiet::running(|| runner.run(Plan::Script(&script))).violations;
    violations.retain(|violation| violation.invariant == known.invariant);
    findings::of_known(entry, runner.as_mut(), (&script, &known.signature), &violations, traces)
        .map_err(|error| traces::unwritable(traces, &error))
}

/// Puts known failures that still fail before the campaign's own findings.
pub(super) fn add_known(result: &mut CampaignResult, known: Vec<Finding>) {
    let mut missed: Vec<Finding> = Vec::new();
    for finding in known {
        let is_same = |other: &Finding| other.failure.signature == finding.failure.signature;
        if !result.findings.iter().chain(&missed).any(is_same) {
            missed.push(finding);
        }
    }
    if !missed.is_empty() {
        result.verdict = Verdict::Violated;
        result.findings.splice(0..0, missed);
    }
}
