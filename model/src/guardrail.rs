//! Guardrails, and the macro that declares those of one part of the platform.
//!
//! A guardrail is a component of the design that can be taken out. Its module holds the row that describes it
//! (`ROW`), the seam (a trait), the guarded form, and the naive forms that teams ship instead. The module lives in
//! the folder of the part that it belongs to, because the seam uses that part's types. The table of the part, in
//! the folder's `mod.rs`, has one row for each of its guardrails.

/// A component of the design that can be taken out.
#[derive(Clone, Copy, Debug)]
pub struct Guardrail {
    /// Its name, as `--without` takes it.
    pub name: &'static str,
    /// The system that it belongs to.
    pub system: &'static str,
    /// What it does.
    pub guarded: &'static str,
    /// The naive forms that replace it: one or two, `NAME:a` and `NAME:b`.
    pub naive: &'static [Naive],
}

/// A naive form that teams ship in place of a guardrail.
#[derive(Clone, Copy, Debug)]
pub struct Naive {
    /// What it does.
    pub what: &'static str,
    /// The claims about the whole platform that no longer hold: the form is found when one of them is violated.
    pub breaks: &'static [&'static str],
    /// Guardrails that repair the damage: they must be taken out, too, for the damage to show.
    pub masked_by: &'static [&'static str],
}

impl Guardrail {
    /// Returns the names of its forms, as `--without` takes them: `NAME`, or `NAME:a` and `NAME:b`.
    pub fn forms(&self) -> impl Iterator<Item = (String, &'static Naive)> + '_ {
        let several = self.naive.len() > 1;
        let name = self.name;
        self.naive.iter().zip(["a", "b"]).map(move |(naive, form)| {
            (if several { format!("{name}:{form}") } else { name.to_owned() }, naive)
        })
    }
}

/// Declares the guardrails of one part of the platform, one row for each: the module, which gives the field of the
/// design its name; the seam; the guarded form; the naive forms in the order of `NAME:a` and `NAME:b`.
///
/// The macro declares the modules, and a `Design` that has one form of each.
macro_rules! guardrails {
    ($($module:ident: $seam:ident = $guarded:ident $(| $naive:ident)+;)+) => {
        $(pub mod $module;)+

        /// The forms of the guardrails with which this part of the platform is built.
        pub struct Design {
            $(pub(crate) $module: Box<dyn $module::$seam>,)+
        }

        impl Design {
            /// The guardrails of this part.
            pub const GUARDRAILS: [$crate::guardrail::Guardrail; [$(stringify!($module)),+].len()] =
                [$($module::ROW),+];

            /// Returns the design with every guardrail in place.
            pub fn guarded() -> Self {
                Self { $($module: Box::new($module::$guarded)),+ }
            }

            /// Replaces a guardrail by its naive form number `form`, from 0. Returns whether there is such a form.
            pub(crate) fn take_out(&mut self, guardrail: &str, form: usize) -> bool {
                $(if guardrail == $module::ROW.name {
                    let forms: &[fn() -> Box<dyn $module::$seam>] = &[$(|| Box::new($module::$naive)),+];
                    let Some(form) = forms.get(form) else { return false };
                    self.$module = form();
                    return true;
                })+
                false
            }
        }
    };
}

pub(crate) use guardrails;
