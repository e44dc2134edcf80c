//! Replaces `archive` if the feature of that name is off: no flags, and nothing is recorded.

use super::Session;
use super::exit::CliError;
use crate::entry::Entry;
use shakedown_reports::{CampaignResult, Finding};
use std::path::Path;

/// Where campaigns are recorded: nowhere.
#[derive(clap::Args, Clone)]
pub(super) struct ArchiveArgs {}

impl ArchiveArgs {
    /// Returns whether results are recorded.
    pub(super) fn is_given(&self) -> bool {
        false
    }

    /// Knows no failures.
    pub(super) fn known_failures(
        &self,
        _catalogue: &str,
        _entry: &Entry,
        _without: &[String],
        _traces: &Path,
    ) -> Result<Vec<Finding>, CliError> {
        Ok(Vec::new())
    }

    /// Records nothing.
    pub(super) fn record(
        &self,
        _session: &Session,
        _command: &str,
        _results: &[CampaignResult],
    ) -> Result<(), CliError> {
        Ok(())
    }
}

/// Adds nothing.
pub(super) fn add_known(_result: &mut CampaignResult, _known: Vec<Finding>) {}
