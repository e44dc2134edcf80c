//! `pin`: a trace's script, committed as a regression.

use super::Session;
use super::exit::{CliError, Exit};
use crate::regression::Regression;
use crate::{atomic_file, traces};
use std::fs;
use std::path::{Path, PathBuf};

/// Writes the script of a trace into a regression file, to be committed
#[derive(clap::Args)]
pub(super) struct Pin {
    /// The trace file that `explore`, `certify`, `matrix` or `run` wrote
    trace: PathBuf,
    /// The directory of regressions [default: that of the catalogue, or ./regressions if that does not exist]
    #[arg(long, env = "SHAKEDOWN_DIR", value_name = "DIR")]
    dir: Option<PathBuf>,
    /// The name of the regression [default: scenario and signature]
    #[arg(long, env = "SHAKEDOWN_NAME", value_name = "NAME")]
    name: Option<String>,
}

impl Pin {
    pub(super) fn execute(self, session: &Session) -> Result<Exit, CliError> {
        let output = &session.output;
        output.without_reports("pin")?;
        let file = traces::read(&self.trace)?;
        traces::runner_of(&session.catalogue, &self.trace, &file)?;
        let directory = self.dir.clone().unwrap_or_else(|| directory(session.catalogue.regressions()));
        let name = self.name.clone().unwrap_or_else(|| traces::stem(&file));
        let path = directory.join(format!("{name}.script"));
        let text = Regression::of(&file).to_string();
        fs::create_dir_all(&directory).map_err(|error| {
            CliError::input(format!("the directory cannot be made: {error}"))
                .at(directory.display())
                .remedy("--dir says where regressions are")
        })?;
        let known = match fs::read_to_string(&path) {
            Ok(known) if known == text => true,
            Ok(_) => {
                return Err(CliError::input("exists already, and holds something else")
                    .at(path.display())
                    .remedy("choose another name with --name, or remove the file"));
            }
            Err(_) => false,
        };
        if !known {
            atomic_file::write(&path, &text)
                .map_err(|error| CliError::input(format!("cannot be written: {error}")).at(path.display()))?;
        }
        let path = path.display().to_string();
        let did = if known { "was pinned already" } else { "pinned" };
        output.print(
            |_| {
                format!(
                    "{did}  {path}\n  next    commit it: a test that calls `Catalogue::check_regressions` runs it from now on\n"
                )
            },
            || format!("{}\n", serde_json::json!({ "pinned": path, "new": !known })),
        )?;
        Ok(Exit::Held)
    }
}

/// Returns where a catalogue's regressions are. An installed binary may know a directory of the machine that built it.
fn directory(of_catalogue: &Path) -> PathBuf {
    match of_catalogue.is_absolute() && !of_catalogue.is_dir() {
        true => "regressions".into(),
        false => of_catalogue.to_owned(),
    }
}
