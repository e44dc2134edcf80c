//! The source of a file with a switch for each mutant.

use crate::Failure;
use crate::mutant::Mutant;
use crate::report::Outcome;
use crate::sites::{self, Obstacle, Place, Site};
use std::cmp::Reverse;
use std::ops::Range;
use std::path::Path;

/// A mutant and where it acts.
#[derive(Clone, Debug)]
struct Edit {
    number: u32,
    site: Site,
    replacement: String,
    function: Option<Range<usize>>,
}

impl Edit {
    /// The part of the source that the switch takes in.
    fn part(&self) -> Range<usize> {
        match &self.site.place {
            Place::Choice { whole, .. } => whole.clone(),
            Place::Field { value, .. } => value.clone(),
            Place::Return(at) | Place::Guard(at) => *at..*at,
        }
    }

    /// The outermost first; and a statement before the expression that begins at the same byte.
    fn order(&self) -> (usize, bool, Reverse<usize>, u32) {
        let part = self.part();
        (part.start, !part.is_empty(), Reverse(part.end), self.number)
    }
}

/// A file with mutants.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    file: String,
    text: String,
    edits: Vec<Edit>,
}

impl Source {
    /// Reads a file. The numbers of the mutants are their places in the list, from 1: 0 is none of them.
    pub(crate) fn read(tree: &Path, file: &str, mutants: &[Mutant]) -> Result<Self, Failure> {
        let text = std::fs::read_to_string(tree.join(file))?;
        Self::new(file, text, (1..).zip(mutants).filter(|(_, mutant)| mutant.file == file))
    }

    fn new<'m>(
        file: &str,
        text: String,
        mutants: impl Iterator<Item = (u32, &'m Mutant)>,
    ) -> Result<Self, Failure> {
        let sites = sites::find(&text).map_err(|error| format!("{file}: {error}"))?;
        let mut edits = Vec::new();
        for (number, mutant) in mutants {
            let known = sites.get(&(mutant.genre, mutant.span.start));
            let site =
                known.ok_or_else(|| format!("no place is found for the mutant {}", mutant.name))?.clone();
            let function = mutant.function.as_ref().map(|function| function.span.bytes(&text));
            edits.push(Edit { number, site, replacement: mutant.replacement.clone(), function });
        }
        edits.sort_by_key(Edit::order);
        Ok(Self { file: file.to_owned(), text, edits })
    }

    /// Takes out the mutants for which no switch is possible. Returns their outcomes.
    pub(crate) fn drop_impossible(&mut self) -> Vec<(u32, Outcome)> {
        let outcomes = self.edits.iter().filter_map(|edit| Some((edit.number, outcome(edit.site.obstacle?))));
        let dropped: Vec<(u32, Outcome)> = outcomes.collect();
        self.edits.retain(|edit| edit.site.obstacle.is_none());
        dropped
    }

    /// Takes out a mutant.
    pub(crate) fn drop(&mut self, number: u32) {
        self.edits.retain(|edit| edit.number != number);
    }

    /// Returns the source with its switches.
    pub(crate) fn switched(&self) -> Switched<'_> {
        let mut switched =
            Switched { source: self, text: String::new(), marks: Vec::new(), copies: Vec::new() };
        switched.write(0..self.text.len(), &self.edits);
        switched
    }
}

fn outcome(obstacle: Obstacle) -> Outcome {
    match obstacle {
        Obstacle::Constant => Outcome::NotTried("in a constant".to_owned()),
        Obstacle::ConstFn => Outcome::NotTried("in a const function".to_owned()),
        Obstacle::OpaqueResult => Outcome::NotTried("the function returns an `impl Trait`".to_owned()),
        Obstacle::LetChain => Outcome::Unviable("`||` may not join conditions with `let`".to_owned()),
    }
}

/// Where a mutant is in the source with switches.
#[derive(Debug)]
struct Mark {
    number: u32,
    /// The code that runs only with this mutant.
    own: Range<usize>,
    /// The switch with all that is inside it.
    switch: Range<usize>,
}

/// A source with switches.
#[derive(Debug)]
pub(crate) struct Switched<'s> {
    source: &'s Source,
    text: String,
    marks: Vec<Mark>,
    /// Which bytes of the text are copied from which bytes of the source: where both begin.
    copies: Vec<(usize, usize)>,
}

impl Switched<'_> {
    /// Returns whether this is the file of this name.
    pub(crate) fn is(&self, file: &str) -> bool {
        self.source.file == file
    }

    /// Writes the file into a tree.
    pub(crate) fn save(&self, tree: &Path) -> Result<(), Failure> {
        Ok(std::fs::write(tree.join(&self.source.file), &self.text)?)
    }

    fn copy(&mut self, part: Range<usize>) {
        self.copies.push((self.text.len(), part.start));
        self.text.push_str(&self.source.text[part]);
    }

    /// Writes a part of the source with the switches in it.
    fn write(&mut self, part: Range<usize>, mut edits: &[Edit]) {
        let mut written = part.start;
        while let Some(first) = edits.first() {
            let at = first.part();
            let same = edits.iter().take_while(|edit| edit.part() == at).count();
            let inside = edits[same..].iter().take_while(|edit| edit.part().start < at.end).count();
            self.copy(written..at.start);
            self.switch(&at, &edits[..same], &edits[same..same + inside]);
            written = at.end;
            edits = &edits[same + inside..];
        }
        self.copy(written..part.end);
    }

    /// Writes the switches of one place, each around those of the next mutants, and `inside` them the source.
    fn switch(&mut self, at: &Range<usize>, edits: &[Edit], inside: &[Edit]) {
        let Some((edit, others)) = edits.split_first() else { return self.write(at.clone(), inside) };
        let (number, begin) = (edit.number, self.text.len());
        let own = match &edit.site.place {
            Place::Choice { whole, cut } => {
                let source = &self.source.text;
                let (before, after) = (&source[whole.start..cut.start], &source[cut.end..whole.end]);
                let value = format!("{before}{}{after}", edit.replacement);
                self.choose(number, &value, |switched| switched.switch(at, others, inside))
            }
            Place::Field { base, field, shorthand, .. } => {
                if *shorthand {
                    self.text.push_str(&format!("{field}: "));
                }
                let value = format!("({}).{field}", &self.source.text[base.clone()]);
                self.choose(number, &value, |switched| switched.switch(at, others, inside))
            }
            Place::Return(_) => {
                let returned = format!("return {};", edit.replacement);
                self.text.push_str(&format!("if ::shakedown_sim::mutant({number}) {{ {returned} }} "));
                self.switch(at, others, inside);
                begin..begin + self.text[begin..].find(&returned).map_or(0, |start| start + returned.len())
            }
            Place::Guard(_) => {
                self.text.push_str(&format!(" if !::shakedown_sim::mutant({number})"));
                begin..self.text.len()
            }
        };
        self.marks.push(Mark { number, own, switch: begin..self.text.len() });
    }

    /// Writes a choice between what `usual` writes and a value, and returns where the value is. The usual code comes first, as the
    /// compiler takes the first for the right one: an error about two types is then one of the mutant. Parentheses, as a block at the
    /// beginning of an operand would otherwise be a statement.
    fn choose(&mut self, number: u32, value: &str, usual: impl FnOnce(&mut Self)) -> Range<usize> {
        self.text.push_str(&format!("(if !::shakedown_sim::mutant({number}) {{("));
        usual(self);
        self.text.push_str(")} else ");
        let start = self.text.len();
        self.text.push_str(&format!("{{({value})}}"));
        let own = start..self.text.len();
        self.text.push(')');
        own
    }

    /// Returns the mutants that may have caused an error at these bytes of the text, and whether it is an error of the mutant
    /// itself, not of its switch.
    pub(crate) fn blamed(&self, primary: &[usize], others: &[usize]) -> (Vec<u32>, bool) {
        let at = |bytes: &[usize], range: &Range<usize>| bytes.iter().any(|byte| range.contains(byte));
        let with = |has: &dyn Fn(&Mark) -> bool| -> Vec<u32> {
            self.marks.iter().filter(|mark| has(mark)).map(|mark| mark.number).collect()
        };
        let own = with(&|mark| at(primary, &mark.own));
        if !own.is_empty() {
            return (own, true);
        }
        let ways: [Vec<u32>; 3] = [
            with(&|mark| at(others, &mark.own)),
            with(&|mark| at(primary, &mark.switch)),
            primary.iter().flat_map(|byte| self.in_function_at(*byte)).collect(),
        ];
        (ways.into_iter().find(|numbers| !numbers.is_empty()).unwrap_or_default(), false)
    }

    /// Returns the mutants of the functions around this byte of the text.
    fn in_function_at(&self, byte: usize) -> Vec<u32> {
        let before = self.copies.partition_point(|(written, _)| *written <= byte);
        let Some((written, copied)) = before.checked_sub(1).map(|last| self.copies[last]) else {
            return Vec::new();
        };
        let origin = copied + (byte - written);
        let around = |edit: &&Edit| edit.function.as_ref().is_some_and(|function| function.contains(&origin));
        self.source.edits.iter().filter(around).map(|edit| edit.number).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mutant::{Function, Genre, Position, Span};

    /// Returns where the last `part` of a text begins, and where it ends.
    fn span(text: &str, part: &str) -> Span {
        let start = text.rfind(part).unwrap_or_else(|| panic!("{text} has no {part}"));
        let position = |byte: usize| {
            let line = text[..byte].matches('\n').count() + 1;
            let column = text[..byte].rsplit('\n').next().map_or(0, |line| line.chars().count()) + 1;
            Position { line, column }
        };
        Span { start: position(start), end: position(start + part.len()) }
    }

    /// Returns mutants of a text: each the genre, the part that is replaced, and the replacement.
    fn source(text: &str, mutants: &[(Genre, &str, &str)]) -> Source {
        let all = Span { start: Position { line: 1, column: 1 }, end: span(text, "}").end };
        let mutants: Vec<Mutant> = mutants
            .iter()
            .map(|(genre, part, replacement)| Mutant {
                name: part.to_string(),
                file: "lib.rs".to_owned(),
                genre: *genre,
                replacement: replacement.to_string(),
                span: span(text, part),
                function: Some(Function { span: all }),
            })
            .collect();
        Source::new("lib.rs", text.to_owned(), (1..).zip(&mutants)).unwrap()
    }

    /// Checks the text with switches, in which `on(1)` is short for that of mutant 1.
    #[track_caller]
    fn check(text: &str, mutants: &[(Genre, &str, &str)], expected: &str) {
        let source = source(text, mutants);
        let switched = source.switched();
        syn::parse_file(&switched.text).unwrap();
        assert_eq!(switched.text.replace("::shakedown_sim::mutant", "on"), expected);
    }

    #[test]
    fn an_operator_is_one_of_two() {
        let with = [(Genre::BinaryOperator, "<", "==")];
        check("fn f() { if a < b {} }", &with, "fn f() { if (if !on(1) {(a < b)} else {(a == b)}) {} }");
    }

    #[test]
    fn the_operands_of_a_mutant_are_those_of_the_source_so_that_precedence_is() {
        let with = [(Genre::BinaryOperator, "-", "/")];
        check("fn f() { a + b - c }", &with, "fn f() { (if !on(1) {(a + b - c)} else {(a + b / c)}) }");
    }

    #[test]
    fn mutants_of_one_operator_nest() {
        let with = [(Genre::BinaryOperator, "+", "-"), (Genre::BinaryOperator, "+", "*")];
        let expected = "fn f() { (if !on(1) {((if !on(2) {(a + b)} else {(a * b)}))} else {(a - b)}) }";
        check("fn f() { a + b }", &with, expected);
    }

    #[test]
    fn mutants_of_operands_are_in_the_usual_code() {
        let with = [(Genre::BinaryOperator, "==", "!="), (Genre::UnaryOperator, "-", "")];
        let expected = "fn f() { (if !on(1) {(a == (if !on(2) {(-b)} else {(b)}))} else {(a != -b)}) }";
        check("fn f() { a == -b }", &with, expected);
    }

    #[test]
    fn an_assignment_is_one_of_two() {
        let with = [(Genre::BinaryOperator, "+=", "-=")];
        check(
            "fn f() { if a {} b += 1; }",
            &with,
            "fn f() { if a {} (if !on(1) {(b += 1)} else {(b -= 1)}); }",
        );
    }

    #[test]
    fn a_function_returns_before_its_first_statement() {
        let with = [(Genre::FnValue, "a < 1", "true"), (Genre::BinaryOperator, "<", ">")];
        let expected = "fn f() -> bool { if on(1) { return true; } (if !on(2) {(a < 1)} else {(a > 1)}) }";
        check("fn f() -> bool { a < 1 }", &with, expected);
    }

    #[test]
    fn an_arm_without_guard_gains_one() {
        let with = [(Genre::MatchArm, "A(b) | B(b) => b,", "")];
        let expected = "fn f() { match a { A(b) | B(b) if !on(1) => b, _ => 0 } }";
        check("fn f() { match a { A(b) | B(b) => b, _ => 0 } }", &with, expected);
    }

    #[test]
    fn a_guard_is_one_of_two() {
        let with = [(Genre::MatchArmGuard, "b > 1", "false")];
        let expected = "fn f() { match a { b if (if !on(1) {(b > 1)} else {(false)}) => b, _ => 0 } }";
        check("fn f() { match a { b if b > 1 => b, _ => 0 } }", &with, expected);
    }

    #[test]
    fn a_field_is_that_of_its_base() {
        let with = [(Genre::StructField, "b: 1,", ""), (Genre::StructField, "c,", "")];
        let expected = "fn f() { A { b: (if !on(1) {(1)} else {((*a).b)}), c: (if !on(2) {(c)} else {((*a).c)}), ..*a } }";
        check("fn f() { A { b: 1, c, ..*a } }", &with, expected);
    }

    #[test]
    fn columns_are_characters() {
        let with = [(Genre::UnaryOperator, "!", "")];
        check("fn f() {\n'é'; !a }", &with, "fn f() {\n'é'; (if !on(1) {(!a)} else {(a)}) }");
    }

    /// Checks which obstacle a mutant of an operator has.
    #[track_caller]
    fn check_obstacle(text: &str, operator: &str, obstacle: Option<Obstacle>) {
        let source = source(text, &[(Genre::BinaryOperator, operator, "|")]);
        assert_eq!(source.edits[0].site.obstacle, obstacle);
    }

    #[test]
    fn what_is_computed_by_the_compiler_has_no_switch() {
        check_obstacle("const A: u8 = { 1 + 2 };", "+", Some(Obstacle::Constant));
        check_obstacle("const fn f() { 1 + 2 }", "+", Some(Obstacle::ConstFn));
        check_obstacle("fn f() { [0; 1 + 2] }", "+", Some(Obstacle::Constant));
        check_obstacle("fn f() { if let A = b && c == d {} }", "&&", Some(Obstacle::LetChain));
        check_obstacle("fn f() { if let A = b && c == d {} }", "==", None);
    }

    #[test]
    fn an_error_is_that_of_the_innermost_code_around_it() {
        let with = [(Genre::BinaryOperator, "<", ">"), (Genre::FnValue, "a;", "()")];
        let source = source("fn f() { a; b < c }", &with);
        let switched = source.switched();
        let at = |part: &str| switched.text.find(part).unwrap();
        assert_eq!(switched.blamed(&[at("b >")], &[at("return")]), (vec![1], true));
        assert_eq!(switched.blamed(&[at("a;")], &[at("return")]), (vec![2], false));
        assert_eq!(switched.blamed(&[at("b <")], &[]), (vec![1], false));
        assert_eq!(switched.blamed(&[at("a;")], &[]), (vec![2, 1], false));
    }
}
