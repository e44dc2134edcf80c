//! The catalogue: the scenarios of a binary, in the order in which they are listed.

use crate::entry::Entry;
use crate::guardrail::{Guardrail, NaiveForm};
use crate::names::UnknownName;
use crate::regression::Regression;
use std::fs;
use std::path::{Path, PathBuf};

/// The scenarios of a binary.
///
/// ```
/// use shakedown::prelude::*;
/// # #[derive(serde::Serialize)] struct Charged;
/// # impl Fact for Charged { fn sentence(&self) -> String { "charges".to_owned() } }
/// # struct Shop { has_key: bool }
/// # impl Scenario for Shop {
/// #     type Fact = Charged;
/// #     fn name(&self) -> &str { "shop" }
/// #     fn build(&self, stage: &Stage<Charged>) { stage.node(Role::outside("till".into()), |_| {}); }
/// #     fn invariants(&self) -> Vec<Box<dyn Invariant<Charged>>> { Vec::new() }
/// # }
/// let shop = Entry::new("shop", |ablation: &Ablation| Shop { has_key: ablation.keeps("key") })
///     .guardrail(Guardrail::new("key", "the request carries a key").naive(NaiveForm::new("it carries none")));
/// let catalogue = Catalogue::new("shop").with(shop);
/// assert!(catalogue.find("shop").is_ok() && catalogue.find("shelf").is_err());
/// ```
#[derive(Clone)]
pub struct Catalogue {
    name: String,
    about: Option<String>,
    entries: Vec<Entry>,
    regressions: PathBuf,
}

/// A form of a guardrail with the first scenario from whose design it can be taken out: a row of the matrix.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    /// The guardrail.
    pub guardrail: &'a Guardrail,
    /// The index of the form, from 0.
    pub form: usize,
    /// The scenario.
    pub entry: &'a Entry,
}

impl Place<'_> {
    /// Returns the naive form.
    pub fn naive(&self) -> &NaiveForm {
        &self.guardrail.naive[self.form]
    }

    /// Returns the form's name, as `--without` takes it.
    pub fn name(&self) -> String {
        self.guardrail.forms().nth(self.form).map(|(name, _)| name).unwrap_or_default()
    }
}

impl Catalogue {
    /// Creates a catalogue without scenarios. `name` is the command in messages where no binary runs; pinned scripts
    /// are in `regressions` below the working directory.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), about: None, entries: Vec::new(), regressions: "regressions".into() }
    }

    /// Sets the description of the command, for its help.
    pub fn about(mut self, about: impl Into<String>) -> Self {
        self.about = Some(about.into());
        self
    }

    /// Adds a scenario.
    ///
    /// # Panics
    /// If another scenario has the same name.
    pub fn with(mut self, mut entry: Entry) -> Self {
        assert!(self.find(&entry.name).is_err(), "two scenarios are called `{}`", entry.name);
        entry.program = Some(self.name.clone());
        self.entries.push(entry);
        self
    }

    /// Sets the directory of pinned scripts: an absolute path, such as `concat!(env!("CARGO_MANIFEST_DIR"),
    /// "/regressions")`, works in every working directory.
    pub fn regressions_in(mut self, directory: impl Into<PathBuf>) -> Self {
        self.regressions = directory.into();
        self
    }

    /// Sets another name of the command: that of the running binary.
    pub(crate) fn called(mut self, program: &str) -> Self {
        self.entries.iter_mut().for_each(|entry| entry.program = Some(program.to_owned()));
        self
    }

    /// Returns its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the description of the command, if it was set.
    pub fn described(&self) -> Option<&str> {
        self.about.as_deref()
    }

    /// Returns its scenarios, in order.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Returns the directory of pinned scripts.
    pub fn regressions(&self) -> &Path {
        &self.regressions
    }

    /// Returns the scenario with this name.
    ///
    /// # Errors
    /// If there is none; the error lists the existing ones.
    pub fn find(&self, name: &str) -> Result<&Entry, UnknownName> {
        let valid = || self.entries.iter().map(|entry| entry.name.clone()).collect();
        let found = self.entries.iter().find(|entry| entry.name == name);
        found.ok_or_else(|| UnknownName { kind: "scenario", name: name.to_owned(), valid: valid() })
    }

    /// Returns the scenarios with these names, or all if `names` is empty, each once and in the catalogue's order.
    ///
    /// # Errors
    /// If a name is unknown.
    pub fn select(&self, names: &[String]) -> Result<Vec<&Entry>, UnknownName> {
        for name in names {
            self.find(name)?;
        }
        let wanted = |entry: &&Entry| names.is_empty() || names.contains(&entry.name);
        Ok(self.entries.iter().filter(wanted).collect())
    }

    /// Returns every form of every guardrail whose name or form is in `names`, or of all if `names` is empty. A
    /// guardrail that several scenarios share is listed for the first of them. The forms of one system are listed
    /// together, in the order in which scenarios declare them.
    pub fn places(&self, names: &[String]) -> Vec<Place<'_>> {
        let mut guardrails: Vec<(&Entry, &Guardrail)> = Vec::new();
        for (entry, guardrail) in
            self.entries.iter().flat_map(|entry| entry.guardrails.iter().map(move |one| (entry, one)))
        {
            if guardrails.iter().all(|(_, known)| known.name != guardrail.name) {
                let after = guardrails.iter().rposition(|(_, known)| known.system == guardrail.system);
                guardrails.insert(after.map_or(guardrails.len(), |at| at + 1), (entry, guardrail));
            }
        }
        let wanted = |name: &str| names.is_empty() || names.iter().any(|wanted| wanted == name);
        let forms = guardrails.into_iter().flat_map(|(entry, guardrail)| {
            let chosen = guardrail
                .forms()
                .enumerate()
                .filter(move |(_, (form, _))| wanted(&guardrail.name) || wanted(form));
            chosen.map(move |(form, _)| Place { guardrail, form, entry }).collect::<Vec<_>>()
        });
        forms.collect()
    }

    /// Runs every pinned script: those of the entries and each `.script` in the directory of regressions. Returns
    /// their number.
    ///
    /// # Errors
    /// Names each script with an unexpected result, and the reason.
    pub fn check_regressions(&self) -> Result<usize, RegressionErrors> {
        let own = self.entries.iter().flat_map(|entry| entry.regressions.iter().cloned());
        let pinned = own.map(|(name, regression)| (name, Ok(regression))).chain(self.pinned_scripts());
        let (mut count, mut failed) = (0, Vec::new());
        for (name, regression) in pinned {
            count += 1;
            let checked = regression.and_then(|regression| regression.check(self));
            failed.extend(checked.err().map(|problem| (name, problem)));
        }
        if failed.is_empty() { Ok(count) } else { Err(RegressionErrors(failed)) }
    }

    /// Returns the scripts in the directory of regressions, in alphabetical order; none if there is no such
    /// directory.
    fn pinned_scripts(&self) -> Vec<(String, Result<Regression, String>)> {
        let files = fs::read_dir(&self.regressions).into_iter().flatten();
        let mut paths: Vec<PathBuf> = files.filter_map(|file| Some(file.ok()?.path())).collect();
        paths.retain(|path| path.extension().is_some_and(|ending| ending == "script"));
        paths.sort();
        let read = |path: PathBuf| {
            let text = fs::read_to_string(&path).map_err(|error| format!("cannot be read: {error}"));
            (path.display().to_string(), text.and_then(|text| text.parse()))
        };
        paths.into_iter().map(read).collect()
    }
}

/// Pinned scripts with unexpected results, each with the reason.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{}", .0.iter().map(|(name, problem)| format!("{name}: {problem}")).collect::<Vec<_>>().join("\n"))]
pub struct RegressionErrors(pub Vec<(String, String)>);
