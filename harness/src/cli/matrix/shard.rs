//! `matrix --shard`: a row is assigned to one shard as a whole, since it ends at its first catch. Whole designs are
//! split into blocks.

use super::super::Session;
use super::super::exit::{CliError, Exit};
use super::super::explore::stop_on_interrupt;
use super::super::shard::{Share, fill};
use super::{Chart, exercised};
use crate::campaign::CampaignRequest;
use crate::catalogue::Place;
use crate::matrix;
use crate::shard::Shard;
use crate::shard::file::{Command, Header, Section};
use crate::shard::seeded::{BLOCK, SeededSearch};
use crate::supervision;

/// Returns whether a shard runs the row with this index.
pub(super) fn owns_row(shard: Shard, row: usize, rows: usize) -> bool {
    shard.share(0..rows as u64, 1).contains(&(row as u64))
}

impl Chart {
    /// Runs one shard of the matrix.
    ///
    /// # Errors
    /// If the harness failed, or the file cannot be written.
    pub(super) fn execute_shard(&self, session: &Session, shard: Shard) -> Result<Exit, CliError> {
        session.output.without_reports("matrix --shard")?;
        let (catalogue, stop) = (&session.catalogue, stop_on_interrupt());
        supervision::set_timeout(self.watchdog);
        let request = self.request(&stop);
        let places = catalogue.places(&self.guardrails);
        let designs = exercised(catalogue, &places);
        let mut sections = Vec::new();
        for place in &places {
            let without = matrix::without(place);
            let searched = matrix::campaign_request(&request, place.entry, &without);
            let search = SeededSearch::of(&searched).map_err(CliError::input)?;
            let (row, claims) = (Some(place.name()), place.naive().breaks.clone());
            sections
                .push(Section::Seeds(SeededSearch { row, claims, failures_max: 1, ..search }, Vec::new()));
        }
        for entry in &designs {
            let whole = CampaignRequest {
                seeds: self.seeds.clone(),
                ..matrix::campaign_request(&request, entry, &[])
            };
            sections.push(Section::Seeds(SeededSearch::of(&whole).map_err(CliError::input)?, Vec::new()));
        }
        let command = Command::Matrix { guardrails: self.guardrails.clone() };
        let mut writer = self.shard.open(Header::new(catalogue.name(), shard, command), sections)?;
        let mut is_complete = true;
        for (section, place) in places.iter().enumerate() {
            if owns_row(shard, section, places.len()) && !self.fails_by_itself(place)? {
                let without = matrix::without(place);
                let searched = matrix::campaign_request(&request, place.entry, &without);
                let share = Share { section, seeds: searched.seeds.clone() };
                is_complete &= fill(&searched, &share, &mut writer)?;
            }
        }
        for (at, entry) in designs.iter().enumerate() {
            let seeds = self.seeds.clone();
            let searched =
                CampaignRequest { seeds: seeds.clone(), ..matrix::campaign_request(&request, entry, &[]) };
            let share = Share { section: places.len() + at, seeds: shard.share(seeds, BLOCK) };
            is_complete &= fill(&searched, &share, &mut writer)?;
        }
        writer.write()?;
        writer.report(&session.output, is_complete)?;
        Ok(if is_complete { self.shard.complete() } else { Exit::Inconclusive })
    }

    /// Returns whether the happy path of a row violates an invariant. If so, no seed is run.
    fn fails_by_itself(&self, place: &Place<'_>) -> Result<bool, CliError> {
        let row = matrix::row_of_happy_path(place).map_err(|error| self.complain(error))?;
        Ok(row.is_some())
    }
}
