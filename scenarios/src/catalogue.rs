//! The catalogue: every scenario that can be rehearsed, in the order in which it is listed.

use shakedown::catalogue::Catalogue;
use shakedown::entry;
use shakedown::guardrail::{Guardrail, NaiveForm};
use shakedown_model::GUARDRAILS;
use shakedown_sim::Rehearse;

/// A scenario as its module registers it.
pub struct Entry {
    /// Its name: one word.
    pub name: &'static str,
    /// What it rehearses, in a sentence.
    pub about: &'static str,
    /// Its assumptions, a sentence each: a passing result says nothing beyond them.
    pub assumptions: &'static [&'static str],
    /// The systems of the design whose guardrails it exercises; `SYSTEM/NAME` is one guardrail of a system that
    /// several scenarios share.
    pub systems: &'static [&'static str],
    /// For each goal, the number of seeds from which on missing it counts; goals that are not listed use the default.
    pub needs: &'static [(&'static str, u64)],
    /// Creates a runner of the design without these guardrails.
    pub rehearse: Build,
}

/// Creates a runner of a scenario without these guardrails, or returns why they cannot be taken out together.
pub type Build = fn(without: &[String]) -> Result<Box<dyn Rehearse>, String>;

/// Every scenario, in the order of the systems.
const ENTRIES: &[Entry] = &[
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

/// Returns the catalogue of the `shakedown` binary.
pub fn catalogue() -> Catalogue {
    let empty = Catalogue::new("shakedown")
        .about("Rehearses the failures of a booking back end before production does")
        .regressions_in(concat!(env!("CARGO_MANIFEST_DIR"), "/regressions"));
    ENTRIES.iter().map(Entry::to_entry).fold(empty, Catalogue::with)
}

impl Entry {
    /// Returns the entry in the form of the harness, with the rows of the model's guardrails that it exercises.
    pub fn to_entry(&self) -> entry::Entry {
        let rehearse = self.rehearse;
        let mut entry = entry::Entry::with_runner(self.name, move |ablation| rehearse(ablation.names()));
        entry = entry.about(self.about);
        entry.assumptions = self.assumptions.iter().map(|text| (*text).to_owned()).collect();
        entry.needs = self.needs.iter().map(|(goal, seeds)| ((*goal).to_owned(), *seeds)).collect();
        entry.guardrails = GUARDRAILS.iter().filter(|row| self.exercises(row)).map(guardrail).collect();
        entry
    }

    fn exercises(&self, row: &shakedown_model::Guardrail) -> bool {
        let is_it = |listed: &&str| match listed.split_once('/') {
            Some((system, name)) => (system, name) == (row.system, row.name),
            None => *listed == row.system,
        };
        self.systems.iter().any(is_it)
    }
}

fn guardrail(row: &shakedown_model::Guardrail) -> Guardrail {
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let form = |naive: &shakedown_model::Naive| NaiveForm {
        about: naive.what.to_owned(),
        breaks: owned(naive.breaks),
        masked_by: owned(naive.masked_by),
    };
    Guardrail {
        naive: row.naive.iter().map(form).collect(),
        ..Guardrail::new(row.name, row.guarded).system(row.system)
    }
}
