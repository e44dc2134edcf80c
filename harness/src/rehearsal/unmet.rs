//! What a rehearsal found, and what it prints when an expectation is not met.

use shakedown_reports::{Finding, Style, terminal};
use shakedown_sim::Script;
use std::fmt;
use std::path::PathBuf;

/// A run that violates something, shrunk. Its `Display` is the report that `explore` prints, then the script.
#[derive(Clone, Debug)]
pub struct Found {
    /// The failure with its trace.
    pub finding: Finding,
    /// How many runs were made up to it, it included.
    pub runs: u64,
    /// The file that holds it from now on, if the test names one.
    pub pinned: Option<PathBuf>,
    /// Whether a binary offers the scenario, so that commands can replay and pin the trace.
    pub(super) has_binary: bool,
}

impl Found {
    /// Expects that it takes at most this many deviations.
    ///
    /// # Panics
    /// If it took more; the message is the report.
    #[track_caller]
    pub fn within(self, deviations: usize) -> Self {
        let count = self.finding.failure.shrunk.deviations.len();
        assert!(count <= deviations, "it takes {count} deviations, not {deviations} at most\n\n{self}");
        self
    }
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.has_binary {
            f.write_str(&terminal::failure(Style::PLAIN, &self.finding))?;
        } else {
            f.write_str(&terminal::failure_without_commands(Style::PLAIN, &self.finding))?;
            writeln!(f, "  replay    call `.script(\"…\")` on the rehearsal, with the script below")?;
        }
        let runs = if self.runs == 1 { "run" } else { "runs" };
        writeln!(f, "  seen      after {} {runs}\n\n  script", self.runs)?;
        let script = self.finding.failure.shrunk.to_string();
        script.lines().try_for_each(|line| writeln!(f, "    {line}"))?;
        if let Some(path) = &self.pinned {
            writeln!(f, "\n  pinned    in {}: commit it, and it is run first from now on", path.display())?;
        }
        Ok(())
    }
}

/// Why an expectation is not met.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Unmet {
    /// No run was to violate anything, and one does.
    #[error("{0}")]
    Violated(Box<Found>),
    /// An invariant was to be violated, and no run does.
    #[error("{subject}: no run of {runs} breaks {invariant}{}", others(violated))]
    NotViolated {
        /// The scenario with what its design lacks.
        subject: String,
        /// Which invariant.
        invariant: String,
        /// How many runs were made.
        runs: u64,
        /// What is violated instead.
        violated: Vec<String>,
    },
    /// Goals were to be reached, and no run reaches them.
    #[error("{subject}: no run of {runs} reaches {}", goals.join(", "))]
    GoalsMissed {
        /// The scenario with what its design lacks.
        subject: String,
        /// Which goals.
        goals: Vec<String>,
        /// How many runs were made.
        runs: u64,
    },
    /// Nothing was tested: no run was made, or none could have differed from the happy path.
    #[error("{subject}: nothing was tested: {reason}; `allow_trivial` accepts this")]
    NothingTested {
        /// The scenario with what its design lacks.
        subject: String,
        /// Why not.
        reason: &'static str,
    },
    /// A run is not the same when it is made again.
    #[error(
        "{subject}: {difference}; made again on a fresh thread of this process, which does not show what statics of the process hide"
    )]
    Nondeterministic {
        /// The scenario with what its design lacks.
        subject: String,
        /// The first step that differs.
        difference: String,
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
    /// A script does not fit the scenario; if it was pinned, it is of a time when it did.
    #[error("{problem}, in the script\n{script}")]
    Unfit {
        /// The script as it was given.
        script: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The design cannot be built, or the harness itself failed.
    #[error("{0}")]
    Internal(String),
    /// A file cannot be read or written.
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

fn others(violated: &[String]) -> String {
    if violated.is_empty() {
        ", or anything else".to_owned()
    } else {
        format!("; broken are {}", violated.join(", "))
    }
}

/// A scenario with what its design lacks, as a headline.
pub(super) fn subject(script: &Script) -> String {
    if script.without.is_empty() {
        script.scenario.clone()
    } else {
        format!("{} without {}", script.scenario, script.without.join(", "))
    }
}
