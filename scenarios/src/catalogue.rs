//! The catalogue: every scenario that can be rehearsed, in the order in which it is listed.

use shakedown_model::{GUARDRAILS, Guardrail};
use shakedown_sim::Rehearse;

/// A scenario as the catalogue knows it.
pub struct Entry {
    /// Its name: one word.
    pub name: &'static str,
    /// What it rehearses, in a sentence.
    pub about: &'static str,
    /// What it takes for granted, a sentence each: beyond these a green says nothing.
    pub assumptions: &'static [&'static str],
    /// The systems of the design whose guardrails it exercises; `SYSTEM/NAME` is one guardrail of a system that
    /// several scenarios share.
    pub systems: &'static [&'static str],
    /// For each goal, how many seeds a campaign must run before not reaching it says anything. A goal that is
    /// not named here needs [`LEAST_NEED`].
    pub needs: &'static [(&'static str, u64)],
    /// Makes a runner of the design without these guardrails. Their names have been checked.
    pub rehearse: Build,
}

/// Makes a runner of a scenario whose design lacks the guardrails named; an error says why they cannot go
/// together.
pub type Build = fn(without: &[String]) -> Result<Box<dyn Rehearse>, String>;

/// Seeds that a campaign must run before it says anything of a goal without a need of its own.
pub const LEAST_NEED: u64 = 10_000;

/// Every scenario, in the order of the systems.
pub const CATALOGUE: &[Entry] = &[
    crate::booking::ENTRY,
    crate::restore::ENTRY,
    crate::visit::ENTRY,
    crate::consistency::ENTRY,
    crate::handover::ENTRY,
    crate::notifications::ENTRY,
    crate::caching::ENTRY,
    crate::topology::ENTRY,
    crate::releases::ENTRY,
    crate::lifecycle::ENTRY,
];

/// A name that is not in the catalogue, with what would be right.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("there is no {kind} `{name}`{}; there {verb}: {}", nearest(.name, .valid), .valid.join(", "), verb = if .valid.len() == 1 { "is" } else { "are" })]
pub struct Unknown {
    /// What kind of thing was named.
    pub kind: &'static str,
    /// The name.
    pub name: String,
    /// All names that there are.
    pub valid: Vec<String>,
}

fn nearest(name: &str, valid: &[String]) -> String {
    match suggest(name, valid.iter().map(String::as_str)) {
        Some(other) => format!(", did you mean `{other}`?"),
        None => String::new(),
    }
}

/// The name most like `name`, if one is alike at all.
pub fn suggest<'a>(name: &str, valid: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let scored = valid.map(|other| (strsim::jaro_winkler(name, other), other));
    scored.filter(|(score, _)| *score > 0.7).max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, other)| other)
}

/// The scenario with this name.
///
/// # Errors
/// If there is none; the error lists those that there are.
pub fn find(name: &str) -> Result<&'static Entry, Unknown> {
    let valid = || CATALOGUE.iter().map(|entry| entry.name.to_owned()).collect();
    let found = CATALOGUE.iter().find(|entry| entry.name == name);
    found.ok_or_else(|| Unknown { kind: "scenario", name: name.to_owned(), valid: valid() })
}

/// The scenarios with these names, or all if none is named, each once and in the catalogue's order.
///
/// # Errors
/// If a name is unknown.
pub fn select(names: &[String]) -> Result<Vec<&'static Entry>, Unknown> {
    for name in names {
        find(name)?;
    }
    let wanted = |entry: &&Entry| names.is_empty() || names.iter().any(|name| name == entry.name);
    Ok(CATALOGUE.iter().filter(wanted).collect())
}

impl Entry {
    /// Whether it exercises this guardrail.
    pub fn exercises(&self, guardrail: &Guardrail) -> bool {
        let is_it = |listed: &&str| match listed.split_once('/') {
            Some((system, name)) => (system, name) == (guardrail.system, guardrail.name),
            None => *listed == guardrail.system,
        };
        self.systems.iter().any(is_it)
    }

    /// What can be taken out of its design.
    pub fn guardrails(&self) -> impl Iterator<Item = &'static Guardrail> + '_ {
        GUARDRAILS.iter().filter(|guardrail| self.exercises(guardrail))
    }

    /// Every name that `--without` takes here: of each guardrail its own and those of its forms.
    pub fn removable(&self) -> Vec<String> {
        let names = self.guardrails().flat_map(|guardrail| {
            let forms = guardrail.forms().map(|(name, _)| name).filter(|name| name != guardrail.name);
            std::iter::once(guardrail.name.to_owned()).chain(forms)
        });
        names.collect()
    }

    /// What a campaign must catch the lack of: each form of each guardrail, with those that mask it.
    pub fn canaries(&self) -> Vec<Vec<String>> {
        let forms = self.guardrails().flat_map(Guardrail::forms);
        let without = forms.map(|(name, naive)| {
            let masks = naive.masked_by.iter().map(|mask| (*mask).to_owned());
            std::iter::once(name).chain(masks).collect()
        });
        without.collect()
    }

    /// A runner of the design without these guardrails.
    ///
    /// # Errors
    /// If a guardrail is unknown here, or the design cannot be built without them together.
    pub fn runner(&self, without: &[String]) -> Result<Box<dyn Rehearse>, String> {
        let valid = self.removable();
        for name in without {
            if !valid.contains(name) {
                let unknown = Unknown { kind: "guardrail", name: name.clone(), valid };
                return Err(format!("{unknown} (scenario {})", self.name));
            }
        }
        (self.rehearse)(without)
    }

    /// How many seeds a campaign must run before not reaching this goal says anything.
    pub fn need(&self, goal: &str) -> u64 {
        self.needs.iter().find(|(name, _)| *name == goal).map_or(LEAST_NEED, |(_, need)| *need)
    }
}
