//! Exit codes, and errors that say where they are and what would be right.

use std::fmt;

/// How the command ends. In the order of precedence: when several apply, the first does.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Exit {
    /// The harness itself failed.
    Internal,
    /// The command or its input is wrong.
    Input,
    /// Nothing was selected to run.
    Nothing,
    /// A run was not the same twice, or not what its trace says.
    Drift,
    /// An invariant was broken.
    Violation,
    /// A design that lacks something was not caught.
    CanarySurvived,
    /// A goal was never reached.
    GoalMissed,
    /// Too few runs to say.
    Inconclusive,
    /// All well.
    Held,
}

impl Exit {
    /// The code.
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

    /// The one of these that takes precedence.
    pub fn of(all: impl IntoIterator<Item = Exit>) -> Exit {
        all.into_iter().min().unwrap_or(Exit::Held)
    }
}

/// Why the command fails.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CliError {
    /// With which code it ends.
    pub exit: Exit,
    what: String,
    place: Option<String>,
    remedy: Option<String>,
}

impl CliError {
    /// The command or its input is wrong.
    pub fn input(what: impl Into<String>) -> Self {
        Self::new(Exit::Input, what)
    }

    /// Ends with this code for this reason.
    pub fn new(exit: Exit, what: impl Into<String>) -> Self {
        Self { exit, what: what.into(), place: None, remedy: None }
    }

    /// Where it is.
    pub fn at(mut self, place: impl fmt::Display) -> Self {
        self.place = Some(place.to_string());
        self
    }

    /// What would be right.
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
