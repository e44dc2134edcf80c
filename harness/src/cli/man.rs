//! `man`: manual pages.

use super::exit::{CliError, Exit};
use super::{Session, command};
use std::fs;
use std::path::PathBuf;

/// Writes manual pages into a directory, one for each subcommand
#[derive(clap::Args)]
pub(super) struct Man {
    /// The directory; it is created if it is missing
    directory: PathBuf,
}

impl Man {
    pub(super) fn execute(self, session: &Session) -> Result<Exit, CliError> {
        session.output.without_reports("man")?;
        let written = fs::create_dir_all(&self.directory)
            .and_then(|()| clap_mangen::generate_to(command(&session.catalogue), &self.directory));
        written.map_err(|error| {
            CliError::input(format!("the pages cannot be written: {error}")).at(self.directory.display())
        })?;
        Ok(Exit::Held)
    }
}
