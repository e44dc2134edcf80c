//! How text is laid out: wrapped by display width, in aligned columns, with or without colour.
//!
//! Colour only repeats what the words already say.

use unicode_width::UnicodeWidthStr;

/// What a report is written on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Style {
    /// Columns of a line.
    pub width: usize,
    /// Whether escape sequences for colour may be used.
    pub colour: bool,
}

impl Style {
    /// Style for files and pipes: wide enough for the tables, always the same.
    pub const PLAIN: Style = Style { width: 110, colour: false };

    /// Marks what is broken.
    pub fn bad(self, text: &str) -> String {
        self.ink("1;31", text)
    }

    /// Marks what holds.
    pub fn good(self, text: &str) -> String {
        self.ink("1;32", text)
    }

    /// Marks a heading or a name.
    pub fn strong(self, text: &str) -> String {
        self.ink("1", text)
    }

    fn ink(self, code: &str, text: &str) -> String {
        if self.colour { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

/// How many columns a text takes on a terminal.
pub fn width(text: &str) -> usize {
    UnicodeWidthStr::width(text)
}

/// The text with blanks after it, up to `columns`.
pub fn pad(text: &str, columns: usize) -> String {
    format!("{text}{}", " ".repeat(columns.saturating_sub(width(text))))
}

/// Breaks a text between words into lines of at most `columns`. A longer word has a line of its own: what is
/// meant to be pasted is never cut.
///
/// ```
/// use shakedown_reports::layout::wrap;
/// assert_eq!(wrap("asks the till to charge", 12), ["asks the", "till to", "charge"]);
/// assert_eq!(wrap("", 12), [""]);
/// ```
pub fn wrap(text: &str, columns: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let last = lines.last_mut().expect("there is always a line");
        if last.is_empty() {
            last.push_str(word);
        } else if width(last) + 1 + width(word) <= columns {
            last.push(' ');
            last.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}

/// A sentence behind a label, its further lines under its first.
pub fn labelled(label: &str, text: &str, columns: usize) -> String {
    let indent = width(label);
    let mut out = String::new();
    for (at, line) in wrap(text, columns.saturating_sub(indent).max(24)).iter().enumerate() {
        if at == 0 {
            out.push_str(label)
        } else {
            out.push_str(&" ".repeat(indent))
        }
        out.push_str(line);
        out.push('\n');
    }
    out
}

/// Parts of one line behind a word that may be coloured. Where they do not all fit, the others go beneath it.
///
/// ```
/// use shakedown_reports::layout::side_by_side;
/// let parts = ["till", "without memory", "orders=1"].map(str::to_owned);
/// assert_eq!(side_by_side("FAIL", &parts, 40), "FAIL  till  without memory  orders=1\n");
/// assert_eq!(side_by_side("FAIL", &parts, 26), "FAIL  till  without memory\n    orders=1\n");
/// ```
pub fn side_by_side(word: &str, parts: &[String], columns: usize) -> String {
    let (mut out, mut taken) = (word.to_owned(), seen(word));
    for part in parts {
        if taken + GAP + width(part) <= columns {
            out.push_str(&" ".repeat(GAP));
            out.push_str(part);
            taken += GAP + width(part);
            continue;
        }
        for line in wrap(part, columns.saturating_sub(2 * GAP)) {
            out.push_str(&format!("\n{}{line}", " ".repeat(2 * GAP)));
            taken = 2 * GAP + width(&line);
        }
    }
    out + "\n"
}

/// How many columns a text takes whose colours are no columns.
fn seen(text: &str) -> usize {
    let mut parts = text.split('\u{1b}');
    let plain = parts.next().map_or(0, width);
    plain + parts.map(|part| part.split_once('m').map_or(0, |(_, text)| width(text))).sum::<usize>()
}

const GAP: usize = 2;

/// Writes rows of cells in aligned columns. Columns keep their natural width as long as they fit; then the
/// widest ones share what is left and wrap.
pub fn table<const N: usize>(indent: usize, rows: &[[String; N]], columns: usize) -> String {
    let mut widths = [0; N];
    for row in rows {
        for (at, cell) in row.iter().enumerate() {
            widths[at] = widths[at].max(width(cell));
        }
    }
    fit(&mut widths, columns.saturating_sub(indent + GAP * (N - 1)));
    let mut out = String::new();
    for row in rows {
        let cells: Vec<Vec<String>> =
            row.iter().zip(widths).map(|(cell, width)| broken(cell, width)).collect();
        let height = cells.iter().map(Vec::len).max().unwrap_or(0);
        for line in 0..height {
            let mut text = " ".repeat(indent);
            for (cell, columns) in cells.iter().zip(widths) {
                text.push_str(&pad(cell.get(line).map_or("", String::as_str), columns + GAP));
            }
            out.push_str(text.trim_end());
            out.push('\n');
        }
    }
    out
}

/// A cell that fits is left as it is, blanks included.
fn broken(cell: &str, columns: usize) -> Vec<String> {
    if width(cell) <= columns { vec![cell.to_owned()] } else { wrap(cell, columns) }
}

/// No column that wraps gets narrower than this.
const NARROWEST: usize = 16;

/// Takes columns from the widest until all fit.
fn fit(widths: &mut [usize], columns: usize) {
    while widths.iter().sum::<usize>() > columns {
        let widest = widths.iter_mut().max().expect("a table has columns");
        if *widest <= NARROWEST {
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
    fn columns_are_aligned_by_what_is_seen() {
        let rows = [row(["00:00", "café", "pays"]), row(["00:01", "銀行", "answers"])];
        assert_eq!(table(2, &rows, 80), "  00:00  café  pays\n  00:01  銀行  answers\n");
    }

    #[test]
    fn the_widest_column_wraps_first() {
        let rows = [row(["a", "one two three four five six seven eight", "short"])];
        assert_eq!(table(0, &rows, 30), "a  one two three four    short\n   five six seven eight\n");
    }

    #[test]
    fn what_is_meant_to_be_pasted_is_never_cut() {
        assert_eq!(wrap("see target/a-very-long-path/of-a-trace.jsonl", 10).len(), 2);
    }
}
