//! Ablations: the guardrails that are taken out of a design.

/// The guardrails that are taken out of a design, each replaced by one of its forms. An
/// [`Entry`](crate::entry::Entry) builds its scenario from it.
///
/// ```
/// # use shakedown::prelude::*;
/// # #[derive(serde::Serialize)] struct Charged;
/// # impl Fact for Charged { fn sentence(&self) -> String { "charges".to_owned() } }
/// struct Shop {
///     sends_key: bool,
/// }
/// # impl Scenario for Shop {
/// #     type Fact = Charged;
/// #     fn name(&self) -> &str { "shop" }
/// #     fn build(&self, stage: &Stage<Charged>) { stage.node(Role::outside("bank".into()), |_| {}); }
/// #     fn invariants(&self) -> Vec<Box<dyn Invariant<Charged>>> { Vec::new() }
/// # }
/// let design = |ablation: &Ablation| Shop { sends_key: ablation.keeps("key") };
/// let entry = Entry::new("shop", design)
///     .guardrail(Guardrail::new("key", "one key for all attempts").naive(NaiveForm::new("no key")));
/// assert!(entry.runner(&["key".to_owned()]).is_ok());
/// assert!(entry.runner(&["keys".to_owned()]).is_err());
/// ```
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Ablation {
    removed: Vec<String>,
    /// The names of all guardrails of the entry.
    known: Vec<String>,
}

impl Ablation {
    pub(crate) fn new(removed: &[String], known: Vec<String>) -> Self {
        Self { removed: removed.to_vec(), known }
    }

    /// Returns the forms, as they were named: `memory`, `key:b`.
    pub fn names(&self) -> &[String] {
        &self.removed
    }

    /// Returns whether the design has this guardrail.
    ///
    /// # Panics
    /// If the entry declares no guardrail of this name: a misspelt name would otherwise always count as in place.
    pub fn keeps(&self, guardrail: &str) -> bool {
        self.form(guardrail).is_none()
    }

    /// Returns the form that replaces this guardrail, `'a'` for the first; `None` if the guardrail is in place.
    ///
    /// # Panics
    /// If the entry declares no guardrail of this name.
    pub fn form(&self, guardrail: &str) -> Option<char> {
        assert!(
            self.known.iter().any(|known| known == guardrail),
            "the entry declares no guardrail `{guardrail}`; it declares: {}",
            self.known.join(", ")
        );
        let form = |name: &String| match name.split_once(':') {
            Some((removed, form)) => (removed == guardrail).then(|| form.chars().next().unwrap_or('a')),
            None => (name == guardrail).then_some('a'),
        };
        self.removed.iter().find_map(form)
    }
}
