//! `certify --shard`: stores the runs of a shard in the shard's file.

use super::super::Session;
use super::super::exit::{CliError, Exit};
use super::super::shard::Writer;
use super::{Certify, Division};
use crate::checkpoint::{self, Checkpoint};
use crate::entry::Entry;
use crate::shard::Shard;
use crate::shard::file::{Command, Header, Section};
use shakedown_reports::{Certificate, EndReason};
use shakedown_sim::search::Bounded;
use shakedown_sim::small_variants;
use std::ops::Range;
use std::path::PathBuf;

impl Certify {
    /// Opens the file of a shard, with a section for each scenario.
    ///
    /// # Errors
    /// If it cannot be written, or holds another shard.
    pub(super) fn open_shard(
        &self,
        session: &Session,
        entries: &[&Entry],
        shard: Shard,
    ) -> Result<Writer, CliError> {
        let variant = self.variant.as_ref().map(ToString::to_string).unwrap_or_default();
        let command = Command::Certify { variant, allow_trivial: self.allow_trivial };
        let mut sections = Vec::new();
        for entry in entries {
            let runner = entry.runner(&self.without).map_err(CliError::input)?;
            let variants = small_variants(runner.parameters(), &self.variant.clone().unwrap_or_default());
            sections.push(Section::Scripts(self.identity(entry, &variants), Vec::new()));
        }
        self.shard.open(Header::new(session.catalogue.name(), shard, command), sections)
    }

    /// Ends a shard: writes its file, and reports whether it is complete. `ended` is the exit code of its certificates.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub(super) fn end_shard(
        &self,
        writer: &mut Writer,
        certificates: &[Certificate],
        ended: Exit,
    ) -> Result<Exit, CliError> {
        writer.write()?;
        let is_complete = certificates.len() == writer.file.sections.len()
            && certificates.iter().all(|certificate| certificate.end_reason != EndReason::Interrupted);
        writer.announce(is_complete);
        Ok(if is_complete && self.shard.is_ok() { Exit::Held } else { ended })
    }
}

impl Division<'_> {
    /// Returns the earlier runs, by file: those of the shard itself, or of the merged files.
    pub(super) fn kept(&self) -> Vec<(PathBuf, Checkpoint)> {
        match self {
            Self::Whole => Vec::new(),
            Self::Merge(merged) => merged.checkpoints.clone(),
            Self::Shard(kept) => match &kept.writer.file.sections[kept.section] {
                Section::Scripts(identity, parts) if !parts.is_empty() => {
                    let mut checkpoint = Checkpoint::new(identity.clone());
                    parts.iter().cloned().for_each(|part| checkpoint.add(part));
                    vec![(kept.writer.path().to_owned(), checkpoint)]
                }
                _ => Vec::new(),
            },
        }
    }

    /// Adds runs to the shard's file, and writes it.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub(super) fn keep(&mut self, checkpoint: &Checkpoint) -> Result<(), CliError> {
        let Self::Shard(kept) = self else { return Ok(()) };
        let section = Section::Scripts(checkpoint.identity.clone(), checkpoint.parts().to_vec());
        kept.writer.file.sections[kept.section] = section;
        kept.writer.write()
    }

    /// Rejects an incomplete merge, in which the parents `gaps` are missing.
    ///
    /// # Errors
    /// If this is a merge, and parents are missing.
    pub(super) fn check_gaps(&self, gaps: &[Range<usize>], search: &Bounded) -> Result<(), CliError> {
        let (Self::Merge(merged), Some(gap)) = (self, gaps.first()) else { return Ok(()) };
        let parents = search.parents().len();
        let owns =
            |shard: Shard| checkpoint::shard(parents, shard.number(), shard.count()).contains(&gap.start);
        let scenario = merged.checkpoints.first().map_or("", |(_, one)| one.identity.scenario.as_str());
        let runs: u64 = gaps.iter().map(|gap| search.expected(gap.clone())).sum();
        let what = format!("{runs} runs of {scenario}, from parent {} on,", gap.start);
        Err(super::super::merge::refused(merged.union.missing(owns, what)))
    }

    /// Returns the error about a file that cannot be used, with the remedy for this kind of division.
    pub(super) fn refused(&self, error: CliError) -> CliError {
        match self {
            Self::Whole => error,
            Self::Shard(_) => error.remedy("remove the file, or name another folder with --into"),
            Self::Merge(_) => error.remedy("run this shard again with the build that merges"),
        }
    }
}
