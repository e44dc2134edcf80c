//! Guardrails: components of a design that can be taken out, and their naive forms.

/// A component of the design that can be taken out.
///
/// ```
/// use shakedown::guardrail::{Guardrail, NaiveForm};
/// let key = Guardrail::new("key", "the request carries one key for all attempts")
///     .naive(NaiveForm::new("each attempt has a key of its own").breaks("charged-once"));
/// assert_eq!(key.forms().map(|(name, _)| name).collect::<Vec<_>>(), ["key"]);
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Guardrail {
    /// Its name, as `--without` takes it.
    pub name: String,
    /// The part of the design that it belongs to; lists and the matrix are grouped by it.
    pub system: String,
    /// A description.
    pub about: String,
    /// The forms that replace it. A single form is named like the guardrail, several are named `NAME:a`, `NAME:b` and
    /// so on.
    pub naive: Vec<NaiveForm>,
}

/// A form that replaces a guardrail.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NaiveForm {
    /// A description.
    pub about: String,
    /// The invariants that no longer hold: the ablation is caught when one of them is violated.
    pub breaks: Vec<String>,
    /// Guardrails that repair the damage. They must be taken out, too, for the damage to show.
    pub masked_by: Vec<String>,
}

impl Guardrail {
    /// Creates a guardrail without naive forms, of a system named `design`.
    pub fn new(name: impl Into<String>, about: impl Into<String>) -> Self {
        Self { name: name.into(), system: "design".to_owned(), about: about.into(), naive: Vec::new() }
    }

    /// Sets the part of the design that it belongs to.
    pub fn system(mut self, system: impl Into<String>) -> Self {
        self.system = system.into();
        self
    }

    /// Adds a naive form.
    pub fn naive(mut self, form: NaiveForm) -> Self {
        self.naive.push(form);
        self
    }

    /// Returns its forms with their names, as `--without` takes them: `NAME`, or `NAME:a`, `NAME:b` and so on.
    pub fn forms(&self) -> impl Iterator<Item = (String, &NaiveForm)> {
        let several = self.naive.len() > 1;
        self.naive.iter().zip('a'..='z').map(move |(naive, letter)| {
            (if several { format!("{}:{letter}", self.name) } else { self.name.clone() }, naive)
        })
    }
}

impl NaiveForm {
    /// Creates a naive form that breaks no invariant yet.
    pub fn new(about: impl Into<String>) -> Self {
        Self { about: about.into(), breaks: Vec::new(), masked_by: Vec::new() }
    }

    /// Adds an invariant that no longer holds.
    pub fn breaks(mut self, invariant: impl Into<String>) -> Self {
        self.breaks.push(invariant.into());
        self
    }

    /// Adds a guardrail that repairs the damage.
    pub fn masked_by(mut self, guardrail: impl Into<String>) -> Self {
        self.masked_by.push(guardrail.into());
        self
    }
}
