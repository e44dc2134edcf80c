//! Regressions: committed scripts, each with the verdict that it must have.
//!
//! ```text
//! # expect: violates charged-once
//! scenario till
//! without memory
//! variant orders=1
//! till.charge/response @ order-1/attempt-1 #1 = lost
//! ```
//!
//! The verdict stands in a comment, so a regression is a script that `run --script` takes as it is. Where the
//! script takes guardrails out, the design with all of them must hold under the same deviations.

use crate::catalogue::Catalogue;
use crate::quiet;
use shakedown_sim::search::fit;
use shakedown_sim::{Plan, Script, ScriptError, TraceFile};
use std::fmt;
use std::str::FromStr;

/// The expected result of a regression.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Expected {
    /// No invariant is violated.
    Holds,
    /// This invariant is violated, perhaps among others.
    Violates(String),
}

/// A committed script.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Regression {
    /// Its expected result.
    pub expected: Expected,
    /// The run.
    pub script: Script,
}

const HOLDS: &str = "# expect: holds";
const VIOLATES: &str = "# expect: violates ";

impl Regression {
    /// Returns the regression of a trace: the same run must have the same verdict.
    pub fn of(file: &TraceFile) -> Self {
        let explained = file.explained.as_ref().map(|explained| &explained.violation);
        let broken = explained.or(file.trace.violations.first()).map(|violation| violation.invariant.clone());
        Self {
            expected: broken.map_or(Expected::Holds, Expected::Violates),
            script: file.trace.script.clone(),
        }
    }

    /// Runs it, and the whole design under the same deviations.
    ///
    /// # Errors
    /// The unexpected result, as text.
    pub fn check(&self, catalogue: &Catalogue) -> Result<(), String> {
        self.check_without(catalogue, &self.script.without, &self.expected)?;
        match self.script.without.is_empty() {
            true => Ok(()),
            false => self
                .check_without(catalogue, &[], &Expected::Holds)
                .map_err(|what| format!("with every guardrail: {what}")),
        }
    }

    fn check_without(
        &self,
        catalogue: &Catalogue,
        without: &[String],
        expected: &Expected,
    ) -> Result<(), String> {
        let entry = catalogue.find(&self.script.scenario).map_err(|unknown| unknown.to_string())?;
        let mut runner = entry.runner(without)?;
        let whole = without.len() < self.script.without.len();
        let script = Script { without: without.to_vec(), ..self.script.clone() };
        let script = match fit(runner.as_mut(), &script) {
            Ok(script) => script,
            // A guardrail may remove the choice at which the script deviates.
            Err(_) if whole => script,
            Err(misfit) => return Err(misfit.to_string()),
        };
        let outcome = quiet::running(|| runner.run(Plan::Script(&script)));
        let broken: Vec<&str> =
            outcome.violations.iter().map(|violation| violation.invariant.as_str()).collect();
        if let (false, Some(deviation)) = (whole, outcome.unapplied.first()) {
            return Err(format!("`{deviation}` was never offered"));
        }
        match expected {
            Expected::Holds if broken.is_empty() => Ok(()),
            Expected::Holds => Err(format!("it breaks {}", broken.join(", "))),
            Expected::Violates(invariant) if broken.contains(&invariant.as_str()) => Ok(()),
            Expected::Violates(invariant) if broken.is_empty() => {
                Err(format!("it no longer breaks {invariant}"))
            }
            Expected::Violates(invariant) => Err(format!("it breaks {}, not {invariant}", broken.join(", "))),
        }
    }
}

impl fmt::Display for Regression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.expected {
            Expected::Holds => writeln!(f, "{HOLDS}")?,
            Expected::Violates(invariant) => writeln!(f, "{VIOLATES}{invariant}")?,
        }
        self.script.fmt(f)
    }
}

impl FromStr for Regression {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let first = text.lines().next().unwrap_or_default().trim_end();
        let expected = match (first == HOLDS, first.strip_prefix(VIOLATES)) {
            (true, _) => Expected::Holds,
            (_, Some(invariant)) => Expected::Violates(invariant.to_owned()),
            _ => return Err(format!("line 1: expected `{HOLDS}` or `{VIOLATES}INVARIANT`")),
        };
        Ok(Self { expected, script: text.parse().map_err(|error: ScriptError| error.to_string())? })
    }
}
