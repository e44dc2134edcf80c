//! The text form of failures and verdicts.

use super::{Change, Failure, Verdict};
use std::fmt;

impl fmt::Display for Failure {
    /// Writes the violation, the deviations, the story, and what was needed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {}\n\nthe happy path, except", self.violation.invariant, self.violation.message)?;
        for (deviation, number) in self.shrunk.deviations.iter().zip(1..) {
            writeln!(f, "  {number}  {deviation}")?;
        }
        writeln!(f, "\nwhy")?;
        let steps: Vec<_> = self.slice.iter().map(|number| &self.trace.steps[*number as usize]).collect();
        let width = steps.iter().map(|step| step.node.len()).max().unwrap_or_default();
        for step in steps {
            let because =
                step.because.as_ref().map(|because| format!(", because {because}")).unwrap_or_default();
            writeln!(f, "  {}  {:width$}  {}{because}", step.time, step.node, step.text)?;
        }
        writeln!(f)?;
        for (needed, number) in self.needed.iter().zip(1..) {
            match needed.still_broken.as_slice() {
                [] => writeln!(f, "needed    without ({number}) it holds")?,
                still => writeln!(f, "needed    without ({number}) it still breaks {}", still.join(", "))?,
            }
        }
        // The lines above already show that dropping a deviation is enough.
        if let Some(nearest) = self.nearest.as_ref().filter(|nearest| nearest.change != Change::Dropped) {
            writeln!(f, "nearest   {} {} holds", nearest.deviation, nearest.change)?;
        }
        let (before, after) = (self.found.deviations.len(), self.shrunk.deviations.len());
        writeln!(f, "shrunk    from {before} to {after}, in {} runs", self.runs)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Verdict::Exact => f.write_str("exact"),
            Verdict::Equivalent => f.write_str("equivalent"),
            Verdict::Drifted { at, why } => write!(f, "drifted from step {at} on: {why}"),
            Verdict::Lost => f.write_str("lost: nothing is broken any more"),
        }
    }
}
