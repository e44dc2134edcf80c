//! The result of a rehearsal, and the text that it prints when an expectation is not met.

use shakedown_reports::{Finding, Style, terminal};
use shakedown_sim::Script;
use std::fmt;
use std::path::PathBuf;

/// A shrunk run that violates an invariant. Its `Display` prints the report of `explore`, then the script.
#[derive(Clone, Debug)]
pub struct Found {
    /// The failure with its trace.
    pub finding: Finding,
    /// The number of runs up to and including this one.
    pub runs: u64,
    /// The file in which the script is now pinned, if the test names one.
    pub pinned: Option<PathBuf>,
    /// Whether a binary contains the scenario, so that commands can replay and pin the trace.
    pub(super) has_binary: bool,
}

impl Found {
    /// Expects that the failure needs at most this many deviations.
    ///
    /// # Panics
    /// If the failure needs more deviations; the message is the report.
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

/// The reason why an expectation is not met.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Unmet {
    /// No violation was expected, and a run violates an invariant.
    #[error("{0}")]
    Violated(Box<Found>),
    /// A violation of an invariant was expected, and no run violates it.
    #[error("{subject}: no run of {runs} violates {invariant}{}", others(violated))]
    NotViolated {
        /// The scenario with the guardrails that its design lacks.
        subject: String,
        /// The expected invariant.
        invariant: String,
        /// The number of runs.
        runs: u64,
        /// The invariants that were violated instead.
        violated: Vec<String>,
    },
    /// Goals were expected to be reached, and no run reaches them.
    #[error("{subject}: no run of {runs} reaches {}", goals.join(", "))]
    GoalsMissed {
        /// The scenario with the guardrails that its design lacks.
        subject: String,
        /// The missed goals.
        goals: Vec<String>,
        /// The number of runs.
        runs: u64,
    },
    /// Little or nothing was tested: no run was made, no run could have differed from the happy path, or faults were not
    /// possible for most of it.
    #[error("{subject}: little or nothing was tested: {reason}; `allow_trivial` accepts this")]
    NothingTested {
        /// The scenario with the guardrails that its design lacks.
        subject: String,
        /// The reason.
        reason: &'static str,
    },
    /// A repeated run differs from the original.
    #[error(
        "{subject}: {difference}\n  the second run was made on a fresh thread: look for a clock, entropy, a hash order, a thread-local or an address (the process and its statics were the same)"
    )]
    Nondeterministic {
        /// The scenario with the guardrails that its design lacks.
        subject: String,
        /// The first step that differs.
        difference: String,
    },
    /// The scenario has no item with this name.
    #[error("{subject} has no {kind} `{name}`: expected one of {known}")]
    Unknown {
        /// The scenario with the guardrails that its design lacks.
        subject: String,
        /// The kind of item.
        kind: &'static str,
        /// The unknown name.
        name: String,
        /// The known names.
        known: String,
    },
    /// A script does not fit the scenario. A pinned script may come from an earlier version of the scenario.
    #[error("{problem}, in the script\n{script}")]
    Unfit {
        /// The script.
        script: String,
        /// The reason why it does not fit.
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
        /// The attempted operation.
        what: &'static str,
        /// The error of the operating system.
        problem: String,
    },
}

fn others(violated: &[String]) -> String {
    if violated.is_empty() {
        ", or anything else".to_owned()
    } else {
        format!("; violated are {}", violated.join(", "))
    }
}

/// Returns the scenario and the guardrails that its design lacks, as a headline.
pub(super) fn subject(script: &Script) -> String {
    if script.without.is_empty() {
        script.scenario.clone()
    } else {
        format!("{} without {}", script.scenario, script.without.join(", "))
    }
}
