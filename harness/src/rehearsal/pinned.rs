//! Scripts that violated a test once, in a file beside the test's crate. The test names the file; nothing depends on
//! the environment.
//!
//! ```text
//! # breaks charged-once: order-1 is charged twice
//! scenario till
//! variant orders=1
//! till.charge/response @ order-1/attempt-1 #1 = lost
//! ```

use super::unmet::Unmet;
use shakedown_sim::search::Failure;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// The directory, below the directory of the crate.
const DIRECTORY: &str = "rehearsal-regressions";

/// The file of one test.
pub(super) struct PinnedScripts {
    path: PathBuf,
}

impl PinnedScripts {
    pub(super) fn new(directory: &Path, test: &str) -> Self {
        Self { path: directory.join(DIRECTORY).join(format!("{test}.script")) }
    }

    /// Returns the scripts in the file, in the order in which they were found; none if there is no file.
    pub(super) fn read(&self) -> Result<Vec<String>, Unmet> {
        match fs::read_to_string(&self.path) {
            Ok(text) => Ok(scripts(&text)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(self.error("read", &error)),
        }
    }

    /// Adds the shrunk script of a failure, unless the file contains it. Returns the file.
    pub(super) fn add(&self, failure: &Failure) -> Result<PathBuf, Unmet> {
        let script = failure.shrunk.to_string();
        if !self.read()?.contains(&script) {
            let before = fs::read_to_string(&self.path).unwrap_or_default();
            let blank = if before.is_empty() { "" } else { "\n" };
            let violation = &failure.violation;
            let reason = violation.message.replace('\n', " ");
            let text = format!("{before}{blank}# breaks {}: {reason}\n{script}", violation.invariant);
            let directory = self.path.parent().unwrap_or(Path::new("."));
            let written = fs::create_dir_all(directory).and_then(|()| fs::write(&self.path, text));
            written.map_err(|error| self.error("written", &error))?;
        }
        Ok(self.path.clone())
    }

    /// Adds the location of the script to an error about a script that no longer fits.
    pub(super) fn locate(&self, unmet: Unmet) -> Unmet {
        match unmet {
            Unmet::Unfit { script, problem } => {
                let problem = format!("{problem} (in {}: correct it or remove it)", self.path.display());
                Unmet::Unfit { script, problem }
            }
            other => other,
        }
    }

    fn error(&self, what: &'static str, error: &std::io::Error) -> Unmet {
        Unmet::File { path: self.path.clone(), what, problem: error.to_string() }
    }
}

/// Returns the scripts in a file: each begins with its line `scenario`. Comments and blank lines are skipped.
fn scripts(text: &str) -> Vec<String> {
    let mut scripts: Vec<String> = Vec::new();
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    for line in lines {
        if line.starts_with("scenario ") || scripts.is_empty() {
            scripts.push(String::new());
        }
        if let Some(script) = scripts.last_mut() {
            script.push_str(line);
            script.push('\n');
        }
    }
    scripts
}
