//! A mutant as cargo-mutants lists it.

use serde::Deserialize;
use std::ops::Range;

/// What a mutant changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub(crate) enum Genre {
    /// An operator between two operands is another one.
    BinaryOperator,
    /// The body of a function is a constant.
    FnValue,
    /// An arm of a match is gone, so that its wildcard takes over.
    MatchArm,
    /// A guard of an arm is a constant.
    MatchArmGuard,
    /// A field of a struct expression is gone, so that its base gives the value.
    StructField,
    /// An operator before its operand is gone.
    UnaryOperator,
}

/// A place in a text; both count from 1, and columns are characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub(crate) struct Position {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

impl Position {
    /// Returns the byte of `text` at this place.
    pub(crate) fn byte(self, text: &str) -> usize {
        let line = text.split_inclusive('\n').take(self.line - 1).map(str::len).sum();
        let before = text[line..].chars().take(self.column - 1).map(char::len_utf8);
        line + before.sum::<usize>()
    }
}

/// A part of a text.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(crate) struct Span {
    pub(crate) start: Position,
    pub(crate) end: Position,
}

impl Span {
    /// Returns the bytes of `text` that this is.
    pub(crate) fn bytes(self, text: &str) -> Range<usize> {
        self.start.byte(text)..self.end.byte(text)
    }
}

/// A function that has a mutant.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Function {
    pub(crate) span: Span,
}

/// A mutant.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Mutant {
    pub(crate) name: String,
    pub(crate) file: String,
    pub(crate) genre: Genre,
    pub(crate) replacement: String,
    pub(crate) span: Span,
    pub(crate) function: Option<Function>,
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Returns a mutant of which nothing matters.
    pub(crate) fn any() -> Mutant {
        let start = Position { line: 1, column: 1 };
        Mutant {
            name: String::new(),
            file: String::new(),
            genre: Genre::FnValue,
            replacement: String::new(),
            span: Span { start, end: start },
            function: None,
        }
    }

    #[test]
    fn the_list_of_cargo_mutants_is_read() {
        let list = r#"[{"diff": "", "file": "a.rs", "function": null, "genre": "MatchArm", "name": "n", "package": "p",
            "replacement": "", "span": {"start": {"line": 2, "column": 2}, "end": {"line": 2, "column": 3}}}]"#;
        let mutants: Vec<Mutant> = serde_json::from_str(list).unwrap();
        assert_eq!(mutants[0].genre, Genre::MatchArm);
        assert_eq!(mutants[0].span.bytes("é\néab"), 5..6);
    }
}
