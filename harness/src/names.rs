//! Unknown names, and the existing ones.

/// A name that does not exist, with those that do.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("there is no {kind} `{name}`{}; there {verb}: {}", nearest(.name, .valid), .valid.join(", "), verb = if .valid.len() == 1 { "is" } else { "are" })]
pub struct UnknownName {
    /// The kind of name.
    pub kind: &'static str,
    /// The name.
    pub name: String,
    /// All existing names.
    pub valid: Vec<String>,
}

fn nearest(name: &str, valid: &[String]) -> String {
    match suggest(name, valid.iter().map(String::as_str)) {
        Some(other) => format!(" (did you mean `{other}`?)"),
        None => String::new(),
    }
}

/// Returns the existing name most similar to `name`, if one is similar at all.
pub fn suggest<'a>(name: &str, valid: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let scored = valid.map(|other| (strsim::jaro_winkler(name, other), other));
    scored.filter(|(score, _)| *score > 0.7).max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, other)| other)
}
