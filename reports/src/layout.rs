//! The layout of text: wrapped by display width, in aligned columns, with or without colour.
//!
//! Colour only repeats the words. `textwrap` breaks lines. Tables are laid out here: table libraries break a word
//! that is longer than its column, and a script or a path must stay whole so that it can be pasted.

use crate::printable::printable;
use textwrap::core::display_width;
use textwrap::{Options, WordSeparator, WordSplitter, WrapAlgorithm};

/// The medium of a report.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Style {
    /// The number of columns of a line.
    pub width: usize,
    /// Whether escape sequences for colour may be used.
    pub colour: bool,
}

impl Style {
    /// Style for files and pipes: wide enough for the tables, always the same.
    pub const PLAIN: Style = Style { width: 110, colour: false };

    /// Marks a violation.
    pub fn bad(self, text: &str) -> String {
        self.ink("1;31", text)
    }

    /// Marks a result that holds.
    pub fn good(self, text: &str) -> String {
        self.ink("1;32", text)
    }

    /// Marks a heading or a name.
    pub fn strong(self, text: &str) -> String {
        self.ink("1", text)
    }

    fn ink(self, code: &str, text: &str) -> String {
        let text = printable(text);
        if self.colour { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.into_owned() }
    }
}

/// Returns how many columns a text takes on a terminal. Colours take none.
pub fn width(text: &str) -> usize {
    display_width(text)
}

/// Returns the text with blanks after it, up to `columns`.
pub fn pad(text: &str, columns: usize) -> String {
    format!("{text}{}", " ".repeat(columns.saturating_sub(width(text))))
}

/// Breaks a text between words into lines of at most `columns`. A longer word has a line of its own: text to be
/// pasted is never cut.
///
/// ```
/// use shakedown_reports::layout::wrap;
/// assert_eq!(wrap("asks the till to charge", 12), ["asks the", "till to", "charge"]);
/// assert_eq!(wrap("", 12), [""]);
/// ```
pub fn wrap(text: &str, columns: usize) -> Vec<String> {
    filled(text, between_words(columns))
}

/// Options that break lines at blanks only, never within a word.
fn between_words<'a>(columns: usize) -> Options<'a> {
    Options::new(columns)
        .break_words(false)
        .word_separator(WordSeparator::AsciiSpace)
        .word_splitter(WordSplitter::NoHyphenation)
        .wrap_algorithm(WrapAlgorithm::FirstFit)
}

fn filled(text: &str, options: Options<'_>) -> Vec<String> {
    let words = printable(text).split_whitespace().collect::<Vec<_>>().join(" ");
    textwrap::wrap(&words, options).into_iter().map(|line| line.trim_end().to_owned()).collect()
}

/// The columns that a sentence keeps beside its label on the narrowest terminal.
const SENTENCE_MIN: usize = 24;

/// Writes a sentence behind a label, its further lines under its first.
pub fn labelled(label: &str, text: &str, columns: usize) -> String {
    let indent = " ".repeat(width(label));
    let mut out = String::new();
    for (at, line) in wrap(text, columns.saturating_sub(indent.len()).max(SENTENCE_MIN)).iter().enumerate() {
        out.push_str(if at == 0 { label } else { &indent });
        out.push_str(line);
        out.push('\n');
    }
    out
}

/// Writes a sentence with `indent` blanks before each of its lines.
pub fn indented(indent: usize, text: &str, columns: usize) -> String {
    labelled(&" ".repeat(indent), text, columns)
}

/// Writes parts in one line behind a word that may be coloured. If they do not all fit, the others go below it.
///
/// ```
/// use shakedown_reports::layout::side_by_side;
/// let parts = ["till", "without memory", "orders=1"].map(str::to_owned);
/// assert_eq!(side_by_side("FAIL", &parts, 40), "FAIL  till  without memory  orders=1\n");
/// assert_eq!(side_by_side("FAIL", &parts, 26), "FAIL  till  without memory\n    orders=1\n");
/// ```
pub fn side_by_side(word: &str, parts: &[String], columns: usize) -> String {
    let (mut out, mut taken) = (word.to_owned(), width(word));
    for part in parts {
        let part = printable(part);
        if taken + GAP + width(&part) <= columns {
            out.push_str(&" ".repeat(GAP));
            out.push_str(&part);
            taken += GAP + width(&part);
            continue;
        }
        for line in wrap(&part, columns.saturating_sub(2 * GAP)) {
            out.push_str(&format!("\n{}{line}", " ".repeat(2 * GAP)));
            taken = 2 * GAP + width(&line);
        }
    }
    out + "\n"
}

const GAP: usize = 2;

/// Writes rows of cells in aligned columns. Columns keep their natural width as long as they fit; then the widest
/// ones share the remaining width and wrap.
pub fn table<const N: usize>(indent: usize, rows: &[[String; N]], columns: usize) -> String {
    let rows: Vec<[String; N]> =
        rows.iter().map(|row| row.each_ref().map(|cell| printable(cell).into_owned())).collect();
    let mut widths = [0; N];
    for row in &rows {
        for (at, cell) in row.iter().enumerate() {
            widths[at] = widths[at].max(width(cell));
        }
    }
    fit(&mut widths, columns.saturating_sub(indent + GAP * (N - 1)));
    let mut out = String::new();
    for row in &rows {
        let cells: Vec<Vec<String>> =
            row.iter().zip(widths).map(|(cell, width)| lines_of(cell, width)).collect();
        let height = cells.iter().map(Vec::len).max().unwrap_or(0);
        for line in 0..height {
            let mut text = " ".repeat(indent);
            for (cell, columns) in cells.iter().zip(widths) {
                let part = cell.get(line).map_or("", String::as_str);
                // A word that is wider than its column keeps its distance from the next one.
                text.push_str(&pad(part, columns.max(width(part)) + GAP));
            }
            out.push_str(text.trim_end());
            out.push('\n');
        }
    }
    out
}

/// A cell that fits is left as it is, blanks included.
fn lines_of(cell: &str, columns: usize) -> Vec<String> {
    if width(cell) <= columns { vec![cell.to_owned()] } else { wrap(cell, columns) }
}

/// The least width of a column that wraps.
const COLUMN_MIN: usize = 16;

/// Takes columns from the widest until all fit.
fn fit(widths: &mut [usize], columns: usize) {
    while widths.iter().sum::<usize>() > columns {
        let widest = widths.iter_mut().max().expect("a table has columns");
        if *widest <= COLUMN_MIN {
            return;
        }
        *widest -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(cells: [&str; 3]) -> [String; 3] {
        cells.map(str::to_owned)
    }

    #[test]
    fn columns_are_aligned_by_display_width() {
        let rows = [row(["00:00", "café", "pays"]), row(["00:01", "銀行", "confirms"])];
        assert_eq!(table(2, &rows, 80), "  00:00  café  pays\n  00:01  銀行  confirms\n");
    }

    #[test]
    fn the_widest_column_wraps_first() {
        let rows = [row(["a", "one two three four five six seven eight", "short"])];
        assert_eq!(table(0, &rows, 30), "a  one two three four    short\n   five six seven eight\n");
    }

    #[test]
    fn a_word_that_is_wider_than_its_column_does_not_touch_the_next_one() {
        let rows = [row(["a", "a-word-of-more-than-sixteen-letters", "short"])];
        assert_eq!(table(0, &rows, 20), "a  a-word-of-more-than-sixteen-letters  short\n");
    }

    #[test]
    fn text_to_be_pasted_is_never_cut() {
        assert_eq!(wrap("see target/a-very-long-path/of-a-trace.jsonl", 10).len(), 2);
    }

    #[test]
    fn colours_take_no_columns() {
        assert_eq!(width("\u{1b}[1;31mFAIL\u{1b}[0m"), 4);
    }
}
