//! `completions`: completions for a shell.

use super::exit::{CliError, Exit};
use super::{Session, command, program};
use clap_complete::{Shell, generate};

/// Prints the completion script of a shell
///
/// For bash: completions bash > ~/.local/share/bash-completion/completions/NAME
#[derive(clap::Args)]
pub(super) struct Completions {
    /// The shell
    shell: Shell,
}

impl Completions {
    pub(super) fn execute(self, session: &Session) -> Result<Exit, CliError> {
        session.output.without_reports("completions")?;
        let mut text = Vec::new();
        generate(self.shell, &mut command(&session.catalogue), program(), &mut text);
        session.output.print_text(&String::from_utf8_lossy(&text))?;
        Ok(Exit::Held)
    }
}
