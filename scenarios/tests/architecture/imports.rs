//! The imports between modules, read from the sources of one crate, and rules about them.
//!
//! An import is a path that starts with `crate`, `super` or `self`, in a `use` or inline. A path to a re-exported name
//! counts as an import of the module that re-exports it. `mod` declarations and unit tests do not count.

use std::collections::{BTreeMap, BTreeSet};

/// The files of a crate, by their path below `src`, with their texts.
pub(crate) type Sources = BTreeMap<String, String>;

/// The files that each file imports.
pub(crate) type Imports = BTreeMap<String, BTreeSet<String>>;

/// Reads the imports of a crate.
pub(crate) fn imports(sources: &Sources) -> Imports {
    let files: BTreeMap<Vec<&str>, &str> = sources.keys().map(|file| (module(file), file.as_str())).collect();
    let of_file = |(file, text): (&String, &String)| {
        let own = module(file);
        let named = paths(&code(text)).into_iter().filter_map(|path| {
            let target = resolve(&own, &path, &files)?;
            (target != file.as_str()).then(|| target.to_owned())
        });
        (file.clone(), named.collect())
    };
    sources.iter().map(of_file).collect()
}

/// Returns the path of the module in a file: `a/mod.rs` and `a.rs` are both `a`, `lib.rs` is the root.
fn module(file: &str) -> Vec<&str> {
    let mut parts: Vec<&str> = file.trim_end_matches(".rs").split('/').collect();
    if matches!(parts.last(), Some(&"mod" | &"lib" | &"main")) {
        parts.pop();
    }
    parts
}

/// Returns a text without comments and unit tests.
fn code(text: &str) -> String {
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    code.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

/// Returns the relative paths in code, each as its segments.
fn paths(code: &str) -> Vec<Vec<String>> {
    let is_name = |character: char| character.is_alphanumeric() || character == '_';
    let mut found = Vec::new();
    for (at, _) in ["crate::", "super::", "self::"].iter().flat_map(|root| code.match_indices(root)) {
        // Not in the middle of a path or a word (`$crate::`, `super::super::`).
        let before = code[..at].chars().next_back();
        if before.is_none_or(|character| !is_name(character) && !":$".contains(character)) {
            found.extend(expand(&code[at..]).into_iter().map(|path| {
                path.split("::")
                    .map(|part| part.trim().chars().take_while(|c| is_name(*c)).collect())
                    .collect()
            }));
        }
    }
    found
}

/// Returns the paths that begin at the start of `code`; `{..}` stands for several.
fn expand(code: &str) -> Vec<String> {
    let end = code
        .find(|character: char| !character.is_alphanumeric() && !"_:".contains(character))
        .unwrap_or(code.len());
    let path = &code[..end];
    if !path.ends_with("::") || !code[end..].starts_with('{') {
        return vec![path.to_owned()];
    }
    let (mut depth, mut start, mut all) = (0, end + 1, Vec::new());
    for (at, character) in code.char_indices().skip_while(|(at, _)| *at < end) {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if (character == ',' && depth == 1) || depth == 0 {
            all.extend(expand(code[start..at].trim_start()).iter().map(|rest| format!("{path}{rest}")));
            start = at + 1;
        }
        if depth == 0 {
            break;
        }
    }
    all
}

/// Returns the file of the module that a path within module `own` names, or whose item it names.
fn resolve<'a>(own: &[&str], path: &[String], files: &BTreeMap<Vec<&str>, &'a str>) -> Option<&'a str> {
    let mut at: Vec<&str> = own.to_vec();
    for (place, part) in path.iter().enumerate() {
        match part.as_str() {
            "crate" if place == 0 => at.clear(),
            "self" => {}
            "super" => drop(at.pop()),
            part => {
                let inner = [at.as_slice(), &[part]].concat();
                match files.keys().any(|module| module.starts_with(&inner)) {
                    true => at = inner,
                    false => break,
                }
            }
        }
    }
    files.get(&at).copied()
}

/// Returns the imports from files that satisfy `from` of files that satisfy `to`.
pub(crate) fn forbidden(
    imports: &Imports,
    from: impl Fn(&str) -> bool,
    to: impl Fn(&str) -> bool,
) -> Vec<String> {
    let of_file = imports.iter().filter(|(file, _)| from(file.as_str()));
    let pairs = of_file.flat_map(|(file, named)| named.iter().map(move |other| (file, other)));
    pairs.filter(|(_, other)| to(other.as_str())).map(|(file, other)| format!("{file} -> {other}")).collect()
}

/// Returns the imports between files of different directories that are on a cycle.
pub(crate) fn cycles_across_directories(imports: &Imports) -> Vec<String> {
    let directory = |file: &str| file.rsplit_once('/').map_or("", |(directory, _)| directory).to_owned();
    let mut found = Vec::new();
    for (file, named) in imports {
        for other in named {
            if directory(file) != directory(other) && reached(imports, other).contains(file) {
                found.push(format!("{file} -> {other}"));
            }
        }
    }
    found
}

/// Returns all files that a file imports, directly or indirectly.
fn reached(imports: &Imports, from: &str) -> BTreeSet<String> {
    let (mut all, mut open) = (BTreeSet::new(), vec![from.to_owned()]);
    while let Some(file) = open.pop() {
        for other in imports.get(&file).into_iter().flatten() {
            if all.insert(other.clone()) {
                open.push(other.clone());
            }
        }
    }
    all
}

/// Returns the lines of code that contain one of these words, whole and in any notation (`BookingCase`,
/// `booking_id`).
pub(crate) fn lines_with_words(sources: &Sources, words: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for (file, text) in sources {
        for line in code(text).lines() {
            if let Some(word) = words.iter().find(|word| parts(line).any(|part| part == **word)) {
                found.push(format!("{file} says `{word}`: {}", line.trim()));
            }
        }
    }
    found
}

/// Returns the words of a line in lower case, with identifiers split; a plural counts as its singular.
fn parts(line: &str) -> impl Iterator<Item = String> {
    let mut spaced = String::new();
    for character in line.chars() {
        if character.is_uppercase() || !character.is_alphanumeric() {
            spaced.push(' ');
        }
        spaced.extend(character.to_lowercase().filter(|character| character.is_alphanumeric()));
    }
    let words: Vec<String> =
        spaced.split_whitespace().map(|word| word.trim_end_matches('s').to_owned()).collect();
    words.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[(&str, &str)]) -> Sources {
        files.iter().map(|(file, text)| ((*file).to_owned(), (*text).to_owned())).collect()
    }

    fn imported(files: &[(&str, &str)], by: &str) -> Vec<String> {
        imports(&tree(files))[by].iter().cloned().collect()
    }

    #[test]
    fn paths_of_every_kind_are_resolved() {
        let others = [("a/mod.rs", ""), ("a/b.rs", ""), ("a/c.rs", ""), ("d.rs", ""), ("lib.rs", "")];
        let check = |text: &str, expected: &[&str]| {
            let files: Vec<(&str, &str)> = others.into_iter().chain([("a/own.rs", text)]).collect();
            assert_eq!(imported(&files, "a/own.rs"), expected, "{text}");
        };
        check("use crate::a::b::Name;", &["a/b.rs"]);
        check("use super::b;", &["a/b.rs"]);
        check("use super::Name;", &["a/mod.rs"]);
        check("use crate::{a::{b::Name, c::{self, Other}}, d};", &["a/b.rs", "a/c.rs", "d.rs"]);
        check("pub use super::super::d::Name as Other;", &["d.rs"]);
        check("fn name(it: &crate::a::b::Name<super::c::Other>) {}", &["a/b.rs", "a/c.rs"]);
        check("use crate::Fact;", &["lib.rs"]);
        check("mod b; use std::fmt; // use crate::a::b;", &[]);
        check("#[cfg(test)] mod tests { use crate::d; }", &[]);
    }

    #[test]
    fn an_import_of_what_must_not_be_known_is_found() {
        let planted = [("backbone/jobs.rs", "use crate::booking::rows::Booking;"), ("booking/rows.rs", "")];
        let is_below = |directory: &'static str| move |file: &str| file.starts_with(directory);
        let found = forbidden(&imports(&tree(&planted)), is_below("backbone/"), is_below("booking/"));
        assert_eq!(found, ["backbone/jobs.rs -> booking/rows.rs"]);
        let sound = [("backbone/jobs.rs", ""), ("booking/rows.rs", "use crate::backbone::jobs::Job;")];
        let found = forbidden(&imports(&tree(&sound)), is_below("backbone/"), is_below("booking/"));
        assert!(found.is_empty(), "{found:?}");
    }

    #[test]
    fn a_cycle_is_found_where_it_crosses_a_directory() {
        let within = [("a/b.rs", "use super::c::X;"), ("a/c.rs", "use super::b::Y;")];
        assert!(cycles_across_directories(&imports(&tree(&within))).is_empty());
        let across = [
            ("a/b.rs", "use crate::d::e::X;"),
            ("d/e.rs", "use super::f::Y;"),
            ("d/f.rs", "use crate::a::b::Z;"),
        ];
        let found = cycles_across_directories(&imports(&tree(&across)));
        assert_eq!(found, ["a/b.rs -> d/e.rs", "d/f.rs -> a/b.rs"]);
        let parent = [("a/mod.rs", "use b::c::X; pub use self::b::c;"), ("a/b/c.rs", "use crate::a::Y;")];
        let found = cycles_across_directories(&imports(&tree(&parent)));
        assert_eq!(found, ["a/b/c.rs -> a/mod.rs", "a/mod.rs -> a/b/c.rs"]);
    }

    #[test]
    fn a_domain_word_is_found_in_any_form() {
        let check = |line: &str, is_found: bool| {
            let found = lines_with_words(&tree(&[("lib.rs", line)]), &["booking", "clinic"]);
            assert_eq!(!found.is_empty(), is_found, "{line}");
        };
        check("struct BookingCase;", true);
        check("let booking_id = 1;", true);
        check("\"two clinics\"", true);
        check("let clinical = true;", false);
        check("// a booking", false);
    }
}
