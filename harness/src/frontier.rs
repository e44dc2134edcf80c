//! The file of a frontier: the results of all layers of an exhaustive search above the last, and the scripts that the last
//! layer continues. It is computed once for all shards.
//!
//! A frontier is checked before it is used: it belongs to the same search; the happy paths give the same results; a sample of
//! its scripts, and the one that violates an invariant, are run again. A frontier that was changed elsewhere and sealed again is
//! noticed by `merge`, which computes its own.

use crate::checkpoint::Identity;
use crate::records::{Records, RecordsError};
use serde::Serialize;
use shakedown_sim::runner::Rehearse;
use shakedown_sim::seal;
use shakedown_sim::search::{Bounded, Frontier, Parent};
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// The schema of the files that this version writes and reads.
pub const SCHEMA: &str = "shakedown-frontier/1";

/// The number of scripts that are run again before a frontier is used.
const SAMPLE: usize = 64;

/// The frontier of a search.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FrontierFile {
    /// The search.
    pub identity: Identity,
    /// What its upper layers determine about the last.
    pub frontier: Frontier,
}

/// The reason why a frontier cannot be used.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum FrontierError {
    /// The file cannot be read.
    #[error(transparent)]
    File(#[from] RecordsError),
    /// It belongs to another search.
    #[error("it is the frontier of another search: {field} differs")]
    OtherSearch {
        /// What differs.
        field: &'static str,
    },
    /// Its runs do not give the same results any more.
    #[error("{run} does not give the recorded result: it belongs to another build, or the file was changed")]
    OtherBuild {
        /// The run.
        run: String,
    },
}

impl FrontierFile {
    /// Returns the path of the frontier of a scenario in a folder.
    pub fn path(folder: &Path, scenario: &str) -> PathBuf {
        folder.join(format!("{scenario}.frontier.jsonl"))
    }

    /// Checks that this is the frontier of `search`, whose happy paths were run.
    ///
    /// # Errors
    /// If it belongs to another search or build.
    pub fn check(
        &self,
        identity: &Identity,
        search: &Bounded,
        rehearse: &mut dyn Rehearse,
    ) -> Result<(), FrontierError> {
        if let Some(field) = self.identity.difference(identity) {
            return Err(FrontierError::OtherSearch { field });
        }
        let other = |run: String| Err(FrontierError::OtherBuild { run });
        let Frontier { depths, broken, parents, .. } = &self.frontier;
        if depths.first() != search.depths().first() {
            return other("the happy path".to_owned());
        }
        let is_complete = depths.len() == search.deviations() || broken.is_some();
        let is_known = |script: &Parent| script.variant < search.variants().len();
        if !is_complete || !parents.iter().all(|(script, _)| is_known(script)) {
            return other("the search of its layers".to_owned());
        }
        let run =
            |script: &Parent| format!("the script {} {:?}", search.variants()[script.variant], script.turns);
        for at in (0..SAMPLE.min(parents.len())).map(|at| at * parents.len() / SAMPLE.min(parents.len())) {
            let (script, ways) = &parents[at];
            if search.probe(rehearse, script) != (Vec::new(), *ways) {
                return other(run(script));
            }
        }
        match broken {
            Some(broken) if !is_known(&broken.script) => {
                other("the script that violates an invariant".to_owned())
            }
            Some(broken) if search.probe(rehearse, &broken.script).0 != broken.violations => {
                other(run(&broken.script))
            }
            _ => Ok(()),
        }
    }
}

impl fmt::Display for FrontierFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = line(&Identity { schema: SCHEMA.to_owned(), ..self.identity.clone() });
        text.push_str(&line(&self.frontier));
        self.frontier.parents.iter().for_each(|parent| text.push_str(&line(parent)));
        f.write_str(&text)?;
        f.write_str(&seal::seal(&text))
    }
}

fn line(record: &impl Serialize) -> String {
    serde_json::to_string(record).expect("a frontier has text keys") + "\n"
}

impl FromStr for FrontierFile {
    type Err = FrontierError;

    fn from_str(text: &str) -> Result<Self, FrontierError> {
        let (identity, mut records) = Records::open(text, "frontier", SCHEMA)?;
        let frontier: Option<Frontier> = records.next()?;
        let mut frontier = frontier.ok_or_else(|| records.malformed("no frontier follows the header"))?;
        frontier.parents = records.rest()?;
        Ok(Self { identity, frontier })
    }
}
