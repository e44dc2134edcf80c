//! The design that a platform is built with: one form of each guardrail, and the one list of all guardrails.
//!
//! Each part of the platform declares its guardrails in its own table (see `guardrail`); this
//! module joins the tables.

use crate::guardrail::Guardrail;
use crate::{backbone, booking, releases, visit};

/// The systems, in the order in which guardrails are listed.
const SYSTEMS: [&str; 11] = [
    "booking",
    "visit",
    "idempotency",
    "consistency",
    "request path",
    "notifications",
    "caching",
    "topology",
    "jobs",
    "releases",
    "job lifecycle",
];

/// The guardrails of each part.
const PARTS: [&[Guardrail]; 5] = [
    &booking::Design::GUARDRAILS,
    &visit::Design::GUARDRAILS,
    &releases::Design::GUARDRAILS,
    &backbone::Design::GUARDRAILS,
    &backbone::mail::Design::GUARDRAILS,
];

/// How many guardrails there are.
const COUNT: usize = {
    let (mut count, mut part) = (0, 0);
    while part < PARTS.len() {
        count += PARTS[part].len();
        part += 1;
    }
    count
};

/// All guardrails, ordered by system.
pub const GUARDRAILS: &[Guardrail] = &by_system();

/// Returns the guardrails of all parts, system by system.
const fn by_system() -> [Guardrail; COUNT] {
    let (mut all, mut count, mut system) = ([PARTS[0][0]; COUNT], 0, 0);
    while system < SYSTEMS.len() {
        let mut part = 0;
        while part < PARTS.len() {
            let mut row = 0;
            while row < PARTS[part].len() {
                if is_same(PARTS[part][row].system, SYSTEMS[system]) {
                    all[count] = PARTS[part][row];
                    count += 1;
                }
                row += 1;
            }
            part += 1;
        }
        system += 1;
    }
    assert!(count == COUNT, "the system of some guardrail is not in the list of systems");
    all
}

/// Returns whether two texts are equal: `==` is not available in constants.
const fn is_same(one: &str, other: &str) -> bool {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    let mut at = 0;
    while at < one.len() && at < other.len() && one[at] == other[at] {
        at += 1;
    }
    at == one.len() && at == other.len()
}

/// The forms of all guardrails, part by part.
pub struct Design {
    /// The forms of the backbone's guardrails.
    pub backbone: backbone::Design,
    /// The forms of mail's guardrails.
    pub mail: backbone::mail::Design,
    /// The forms of the booking flow's guardrails.
    pub booking: booking::Design,
    /// The forms of the visit flow's guardrails.
    pub visit: visit::Design,
    /// The forms of the guardrails of the order flow under releases.
    pub releases: releases::Design,
}

/// The name of a guardrail or form that does not exist.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("`{0}` is no guardrail")]
pub struct UnknownGuardrail(pub String);

impl Design {
    /// Returns the design with every guardrail in place.
    pub fn guarded() -> Self {
        Self {
            backbone: backbone::Design::guarded(),
            mail: backbone::mail::Design::guarded(),
            booking: booking::Design::guarded(),
            visit: visit::Design::guarded(),
            releases: releases::Design::guarded(),
        }
    }

    /// Returns the design without these guardrails: each is replaced by its naive form (`NAME` means `NAME:a`).
    ///
    /// # Errors
    /// If a name is not a form of one of the [`GUARDRAILS`].
    ///
    /// ```
    /// use shakedown_model::Design;
    /// assert!(Design::without(&["execution-log".to_owned()]).is_ok());
    /// assert!(Design::without(&["execution-log:b".to_owned()]).is_err());
    /// ```
    pub fn without(names: &[String]) -> Result<Self, UnknownGuardrail> {
        let mut design = Self::guarded();
        for name in names {
            let (guardrail, form) = match name.split_once(':') {
                None | Some((_, "a")) => (name.strip_suffix(":a").unwrap_or(name), 0),
                Some((guardrail, "b")) => (guardrail, 1),
                Some(_) => return Err(UnknownGuardrail(name.clone())),
            };
            if !design.take_out(guardrail, form) {
                return Err(UnknownGuardrail(name.clone()));
            }
        }
        Ok(design)
    }

    fn take_out(&mut self, guardrail: &str, form: usize) -> bool {
        self.backbone.take_out(guardrail, form)
            || self.mail.take_out(guardrail, form)
            || self.booking.take_out(guardrail, form)
            || self.visit.take_out(guardrail, form)
            || self.releases.take_out(guardrail, form)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_every_guardrail_can_be_taken_out() {
        for guardrail in GUARDRAILS {
            assert!((1..=2).contains(&guardrail.naive.len()), "{}", guardrail.name);
            let forms = guardrail.forms().map(|(name, _)| name);
            for name in forms.chain([guardrail.name.to_owned()]) {
                assert!(Design::without(&[name]).is_ok(), "{}", guardrail.name);
            }
        }
        for unknown in ["seat-belt", "execution-log:b", "execution-log:c", "execution-log:a:a"] {
            let error = Design::without(&[unknown.to_owned()]).err();
            assert_eq!(error, Some(UnknownGuardrail(unknown.to_owned())));
        }
    }

    #[test]
    fn every_row_describes_each_form_that_its_table_names() {
        for guardrail in GUARDRAILS {
            let form = ["a", "b", "c"][guardrail.naive.len()];
            let name = format!("{}:{form}", guardrail.name);
            assert!(Design::without(std::slice::from_ref(&name)).is_err(), "{name} has no description");
        }
    }
}
