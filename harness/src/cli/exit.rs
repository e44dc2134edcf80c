//! Exit codes, and errors with their place and a remedy.

use std::fmt;

/// The end of the command, in the order of precedence: if several apply, the first is used.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Exit {
    /// The harness itself failed.
    Internal,
    /// The command or its input is wrong.
    Input,
    /// No run was selected.
    Nothing,
    /// A repeated run was different, or a run differs from its trace.
    Drift,
    /// An invariant was violated.
    Violation,
    /// A canary survived: no run without its guardrail violated an invariant.
    CanarySurvived,
    /// A goal was never reached.
    GoalMissed,
    /// Too few runs for a verdict.
    Inconclusive,
    /// All invariants hold.
    Held,
}

impl Exit {
    /// Returns the exit code.
    pub fn code(self) -> u8 {
        match self {
            Exit::Held => 0,
            Exit::Violation => 1,
            Exit::Input => 2,
            Exit::Inconclusive => 3,
            Exit::Nothing => 4,
            Exit::Drift => 5,
            Exit::CanarySurvived | Exit::GoalMissed => 7,
            Exit::Internal => 70,
        }
    }

    /// Returns the one with the highest precedence.
    pub fn of(all: impl IntoIterator<Item = Exit>) -> Exit {
        all.into_iter().min().unwrap_or(Exit::Held)
    }
}

/// The reason why the command fails.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CliError {
    /// The exit code.
    pub exit: Exit,
    what: String,
    place: Option<String>,
    remedy: Option<String>,
}

impl CliError {
    /// Creates an error about the command or its input.
    pub fn input(what: impl Into<String>) -> Self {
        Self::new(Exit::Input, what)
    }

    /// Creates an error with this exit code.
    pub fn new(exit: Exit, what: impl Into<String>) -> Self {
        Self { exit, what: what.into(), place: None, remedy: None }
    }

    /// Adds the place.
    pub fn at(mut self, place: impl fmt::Display) -> Self {
        self.place = Some(place.to_string());
        self
    }

    /// Adds a remedy.
    pub fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }
}

impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.exit == Exit::Internal { "internal error" } else { "error" };
        write!(f, "{kind}: ")?;
        if let Some(place) = &self.place {
            write!(f, "{place}: ")?;
        }
        f.write_str(&self.what)?;
        self.remedy.as_ref().map_or(Ok(()), |remedy| write!(f, "\n  {remedy}"))
    }
}

impl std::error::Error for CliError {}

impl From<crate::names::UnknownName> for CliError {
    fn from(unknown: crate::names::UnknownName) -> Self {
        let remedy = format!("`{} list` shows what there is", super::program());
        Self::input(unknown.to_string()).remedy(remedy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gravest_exit_takes_precedence() {
        use Exit::*;
        let graver =
            [Internal, Input, Nothing, Drift, Violation, CanarySurvived, GoalMissed, Inconclusive, Held];
        let codes: Vec<u8> = graver.iter().map(|exit| exit.code()).collect();
        assert_eq!(codes, [70, 2, 4, 5, 1, 7, 7, 3, 0]);
        for (at, exit) in graver.iter().enumerate() {
            assert_eq!(Exit::of(graver[at..].iter().rev().copied()), *exit);
        }
        assert_eq!(Exit::of([]), Held);
    }
}
