//! What a rehearsal found, and what it says when an expectation is not met.

use crate::script::Script;
use crate::search::Failure;
use std::fmt;
use std::path::PathBuf;

/// A run that breaks something, shrunk: its `Display` is the story, the script, and how to make it again.
#[derive(Clone, PartialEq, Debug)]
pub struct Found {
    /// The failure.
    pub failure: Failure,
    /// How many runs were made up to it, it included.
    pub runs: u64,
    /// The command that runs scripts of this scenario, if the test named one.
    pub command: Option<String>,
    /// The file in which it is kept, if it is.
    pub kept: Option<PathBuf>,
}

impl Found {
    /// Expects that it takes at most this many deviations.
    ///
    /// # Panics
    /// If it took more, with the story.
    #[track_caller]
    pub fn within(self, deviations: usize) -> Self {
        let count = self.failure.shrunk.deviations.len();
        assert!(count <= deviations, "it takes {count} deviations, not {deviations} at most\n\n{self}");
        self
    }
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let script = &self.failure.shrunk;
        writeln!(f, "{} breaks, in run {}\n\n{}\nscript", subject(script), self.runs, self.failure)?;
        script.to_string().lines().try_for_each(|line| writeln!(f, "  {line}"))?;
        if let Some(command) = &self.command {
            write!(f, "\nreplay    {command} {}", script.arguments())?;
        }
        if let Some(path) = &self.kept {
            write!(f, "\nkept      in {}: commit it, and it is run first from now on", path.display())?;
        }
        Ok(())
    }
}

/// Why an expectation is not met.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
pub enum Unmet {
    /// It was to hold, and a run breaks it.
    #[error("{0}")]
    Broken(Box<Found>),
    /// An invariant was to be broken, and no run breaks it.
    #[error("{subject}: no run of {runs} breaks {invariant}{}", others(broken))]
    Unbroken {
        /// The scenario with what its design lacks.
        subject: String,
        /// Which invariant.
        invariant: String,
        /// How many runs were made.
        runs: u64,
        /// What is broken instead.
        broken: Vec<String>,
    },
    /// Goals were to be reached, and no run reaches them.
    #[error("{subject}: no run of {runs} reaches {}", goals.join(", "))]
    Missed {
        /// The scenario with what its design lacks.
        subject: String,
        /// Which goals.
        goals: Vec<String>,
        /// How many runs were made.
        runs: u64,
    },
    /// The scenario has no such thing.
    #[error("{subject} has no {kind} `{name}`: expected one of {known}")]
    Unknown {
        /// The scenario with what its design lacks.
        subject: String,
        /// What kind of thing.
        kind: &'static str,
        /// The name.
        name: String,
        /// Those that there are.
        known: String,
    },
    /// A script does not fit the scenario; if it was kept, it is of a time when it did.
    #[error("{problem}, in the script\n{script}")]
    Unfit {
        /// The script as it was given.
        script: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The file of kept scripts is out of reach.
    #[error("{} cannot be {what}: {problem}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What was to be done with it.
        what: &'static str,
        /// What the system says.
        problem: String,
    },
}

fn others(broken: &[String]) -> String {
    if broken.is_empty() {
        ", or anything else".to_owned()
    } else {
        format!("; broken are {}", broken.join(", "))
    }
}

/// A scenario with what its design lacks, as a headline.
pub(super) fn subject(script: &Script) -> String {
    match script.without.is_empty() {
        true => script.scenario.clone(),
        false => format!("{} without {}", script.scenario, script.without.join(", ")),
    }
}
