//! `explore --shard`: runs one shard, and writes its file instead of a result.

use super::super::Session;
use super::super::exit::{CliError, Exit};
use super::super::shard::{Share, fill};
use super::{Explore, stop_on_interrupt};
use crate::entry::Entry;
use crate::shard::Shard;
use crate::shard::file::{Command, Header, Section};
use crate::shard::seeded::{BLOCK, SeededSearch};
use crate::supervision;
use std::sync::atomic::AtomicBool;

impl Explore {
    /// Runs one shard of the campaigns.
    ///
    /// # Errors
    /// If an option cannot be divided among shards, the harness failed, or the file cannot be written.
    pub(super) fn execute_shard(
        &self,
        session: &Session,
        entries: &[&Entry],
        shard: Shard,
    ) -> Result<Exit, CliError> {
        self.check_shardable()?;
        session.output.without_reports("explore --shard")?;
        let stop = stop_on_interrupt();
        supervision::set_timeout(self.watchdog);
        let command = Command::Explore { canary: self.canary.clone(), allow_trivial: self.allow_trivial };
        let header = Header::new(session.catalogue.name(), shard, command);
        let mut sections = Vec::new();
        for entry in entries {
            sections.push(Section::Seeds(self.search(entry, &stop)?, Vec::new()));
        }
        let mut writer = self.shard.open(header, sections)?;
        let mut is_complete = true;
        for (at, entry) in entries.iter().enumerate() {
            let request = self.request(entry, None, &stop)?;
            let share = Share { section: at, seeds: shard.share(request.seeds.clone(), BLOCK) };
            is_complete &= fill(&request, &share, &mut writer)?;
        }
        writer.write()?;
        writer.report(&session.output, is_complete)?;
        Ok(if is_complete { self.shard.complete() } else { Exit::Inconclusive })
    }

    /// Rejects options whose effect one shard cannot decide without the others.
    fn check_shardable(&self) -> Result<(), CliError> {
        let refused = |what: &str, remedy: &str| {
            Err(CliError::input(what.to_owned()).at("--shard").remedy(remedy.to_owned()))
        };
        if self.budget.is_some() {
            return refused(
                "a budget of time gives another result on each machine",
                "leave --budget out; --seeds says how many runs all shards make together",
            );
        }
        if self.archive.is_given() {
            return refused("only the result of all shards is recorded", "give --archive to `merge`");
        }
        if self.guided {
            return refused(
                "a guided campaign learns from all runs before, which are in other shards",
                "leave --guided out, or run it on one machine",
            );
        }
        Ok(())
    }

    /// Returns the search of one scenario.
    fn search(&self, entry: &Entry, stop: &AtomicBool) -> Result<SeededSearch, CliError> {
        SeededSearch::of(&self.request(entry, None, stop)?).map_err(CliError::input)
    }
}
