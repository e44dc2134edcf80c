//! `merge` of the shards of `certify`. The layers above the last are run again here, which takes little time; they determine
//! the parents of the last layer.

use super::super::exit::{CliError, Exit};
use super::super::merge::Merging;
use super::super::shard::ShardArgs;
use super::{Certify, Division, Merged};
use crate::checkpoint::{Checkpoint, Identity};
use crate::shard::file::{Command, Section};
use crate::shard::union::Search;
use shakedown_reports::{Certificate, certificate};

impl Certify {
    /// Creates the command that a search belongs to, with the arguments of each shard.
    fn of_search(merging: &Merging<'_>, identity: &Identity) -> Result<Self, CliError> {
        let (variant, allow_trivial) = match &merging.union.header.command {
            Command::Certify { variant, allow_trivial } => (variant.as_str(), *allow_trivial),
            _ => ("", false),
        };
        let wrong = |what: String| CliError::input(what).at(merging.union.sources[0].path.display());
        Ok(Self {
            scenarios: vec![identity.scenario.clone()],
            deviations: u8::try_from(identity.deviations).map_err(|error| wrong(error.to_string()))?,
            jobs: merging.options.jobs,
            without: identity.without.clone(),
            variant: (!variant.is_empty())
                .then(|| variant.parse())
                .transpose()
                .map_err(|error| wrong(format!("`{variant}` names no variant: {error}")))?,
            schedules: identity.task_order,
            statements: identity.statements,
            no_pruning: !identity.pruning,
            shard: ShardArgs::none(),
            prepare: false,
            checkpoint: None,
            resume: Vec::new(),
            allow_trivial,
            traces: merging.options.traces.clone(),
            watchdog: merging.options.watchdog,
        })
    }

    /// Merges exhaustive searches and prints their certificates.
    ///
    /// # Errors
    /// If runs are missing or not those of this build, or if the harness itself failed.
    pub(in super::super) fn merge(merging: &Merging<'_>) -> Result<Exit, CliError> {
        let output = &merging.session.output;
        let reports = output.open()?;
        let (mut certificates, mut exits) = (Vec::new(), Vec::new());
        for search in &merging.union.searches {
            let Search::Scripts(identity, _) = search else { continue };
            let certify = Self::of_search(merging, identity)?;
            let entry = merging.session.catalogue.find(&identity.scenario)?;
            let checkpoints = certify.checkpoints(merging, &identity.scenario);
            let division = Division::Merge(Merged { union: merging.union, checkpoints });
            let (certificate, exit) = certify.checked(entry, merging.stop, None, division)?;
            certificates.push(certificate);
            exits.push(exit);
        }
        output.print(
            |style| {
                certificates.iter().map(|one| certificate::human(style, one)).collect::<Vec<_>>().join("\n")
            },
            || certificate::json(&certificates),
        )?;
        reports.write_certificates(&certificates)?;
        let results: Vec<_> = certificates.iter().map(Certificate::campaign).collect();
        merging.options.archive.record(merging.session, "certify", &results)?;
        Ok(Exit::of(exits))
    }

    /// Returns the runs of a scenario's search in each file.
    fn checkpoints(&self, merging: &Merging<'_>, scenario: &str) -> Vec<(std::path::PathBuf, Checkpoint)> {
        let mut checkpoints = Vec::new();
        for source in &merging.union.sources {
            for section in &source.file.sections {
                let Section::Scripts(identity, parts) = section else { continue };
                // A file whose shard ran nothing of the last layer contains nothing to check.
                if identity.scenario == scenario && !identity.build.is_empty() {
                    let mut checkpoint = Checkpoint::new(identity.clone());
                    parts.iter().cloned().for_each(|part| checkpoint.add(part));
                    checkpoints.push((source.path.clone(), checkpoint));
                }
            }
        }
        checkpoints
    }
}
