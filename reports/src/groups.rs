//! Findings grouped by their cause: by the guardrail that would prevent them, otherwise by the first needed
//! deviation. A missing guardrail can have many symptoms; one of them is shown in full, the others in a line each.

use crate::records::Finding;
use shakedown_sim::search::Needed;
use std::fmt;

/// The common cause of a group of findings.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Cause {
    /// This guardrail prevents them.
    Guardrail(String),
    /// Without this deviation they hold.
    Deviation {
        /// Its choice site.
        site: String,
        /// The alternative that it takes.
        alternative: String,
    },
    /// No single guardrail or deviation prevents them; they violate this invariant.
    Invariant(String),
}

impl Cause {
    /// Returns the cause of a finding.
    pub fn of(finding: &Finding) -> Self {
        let prevents = finding.context.restored.iter().find(|one| one.still_violated.is_empty());
        if let Some(restored) = prevents {
            return Self::Guardrail(restored.guardrail.clone());
        }
        let failure = &finding.failure;
        let is_needed = |one: &&Needed| one.still_broken.is_empty();
        match failure.needed.iter().find(is_needed) {
            Some(Needed { deviation, .. }) => Self::Deviation {
                site: deviation.id.site.clone(),
                alternative: deviation.alternative.clone(),
            },
            None => Self::Invariant(failure.violation.invariant.clone()),
        }
    }
}

impl fmt::Display for Cause {
    /// Writes the prevention of the findings.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Guardrail(name) => write!(f, "prevented by {name}"),
            Self::Deviation { site, alternative } => write!(f, "needs {site} = {alternative}"),
            Self::Invariant(name) => write!(f, "violates {name}"),
        }
    }
}

/// Findings with one cause; never empty.
#[derive(Clone, Debug)]
pub struct Group<'a> {
    /// Their common cause.
    pub cause: Cause,
    /// The findings, in the order found.
    pub findings: Vec<&'a Finding>,
}

impl<'a> Group<'a> {
    /// Returns the finding to show in full: the first of those with the fewest deviations.
    pub fn shown(&self) -> &'a Finding {
        let simplest = self.findings.iter().min_by_key(|one| one.failure.shrunk.deviations.len());
        simplest.copied().expect("a group has a finding")
    }

    /// Returns the other findings of the shown one's run: its story shows them, too.
    pub fn same_run(&self) -> Vec<&'a Finding> {
        let shown = self.shown();
        let is_same =
            |other: &&&Finding| !std::ptr::eq(**other, shown) && other.failure.shrunk == shown.failure.shrunk;
        self.findings.iter().filter(is_same).copied().collect()
    }

    /// Returns the findings that are shown in a line each: all but the shown one.
    pub fn others(&self) -> Vec<&'a Finding> {
        let shown = self.shown();
        self.findings.iter().filter(|other| !std::ptr::eq(**other, shown)).copied().collect()
    }
}

/// Groups findings by cause, in the order of the first of each group.
pub fn groups<'a>(findings: impl IntoIterator<Item = &'a Finding>) -> Vec<Group<'a>> {
    let mut groups: Vec<Group<'a>> = Vec::new();
    for finding in findings {
        let cause = Cause::of(finding);
        match groups.iter_mut().find(|group| group.cause == cause) {
            Some(group) => group.findings.push(finding),
            None => groups.push(Group { cause, findings: vec![finding] }),
        }
    }
    groups
}
