//! Escapes text inside Markdown: the only place that does so.

use crate::printable::printable;

/// Returns text that a paragraph, a list item or a table cell shows literally.
///
/// It escapes what begins markup in GitHub's dialect: emphasis, code, links, tables, HTML, entities, mathematics,
/// and at the beginning of a line headings, lists, quotes and rules.
pub(crate) fn sentence(text: &str) -> String {
    let text = printable(text);
    let text = text.trim();
    let mut out = String::with_capacity(text.len() + 8);
    let mut before = None;
    let mut rest = text.chars().peekable();
    while let Some(character) = rest.next() {
        let within_word = |side: Option<&char>| side.is_some_and(|c| c.is_alphanumeric());
        match character {
            '<' => out.push_str("&lt;"),
            '&' => out.push_str("&amp;"),
            '$' => out.push_str("&#36;"),
            '_' if within_word(before.as_ref()) && within_word(rest.peek()) => out.push('_'),
            '\\' | '|' | '*' | '`' | '[' | ']' | '~' | '_' => out.extend(['\\', character]),
            '#' | '+' | '-' | '=' | '>' if before.is_none() => out.extend(['\\', character]),
            '.' | ')' if out.chars().all(|c| c.is_ascii_digit()) && before.is_some() => {
                out.extend(['\\', character]);
            }
            _ => out.push(character),
        }
        before = Some(character);
    }
    out
}

/// Returns a code span that shows the text literally, in a paragraph or list item. Table cells need
/// [`sentence`]: a `|` ends a cell within a code span, too.
pub(crate) fn code(text: &str) -> String {
    let text = printable(text);
    let fence = "`".repeat(longest_run(&text) + 1);
    let blank = text.starts_with('`') || text.ends_with('`') || text.trim().is_empty();
    let pad = if blank || text.starts_with(' ') && text.ends_with(' ') { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}

/// Returns a fenced block that no line of `body` ends.
pub(crate) fn block(language: &str, body: &str) -> String {
    let fence = "`".repeat(longest_run(body).max(2) + 1);
    let lines: String = body.lines().map(|line| format!("{}\n", printable(line))).collect();
    format!("{fence}{language}\n{lines}{fence}\n")
}

/// Returns the longest run of backticks.
fn longest_run(text: &str) -> usize {
    text.split(|character| character != '`').map(str::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_s_text_cannot_begin_markup() {
        for (text, shown) in [
            ("a|b <i>*c*", "a\\|b &lt;i>\\*c\\*"),
            ("# heading\n- item", "\\# heading - item"),
            ("1. one", "1\\. one"),
            ("`a` [b](c) ~d~ $e$ &lt;", "\\`a\\` \\[b\\](c) \\~d\\~ &#36;e&#36; &amp;lt;"),
            ("snake_case _x_", "snake_case \\_x\\_"),
        ] {
            assert_eq!(sentence(text), shown);
        }
    }

    #[test]
    fn no_text_ends_its_code() {
        assert_eq!(code("a"), "`a`");
        assert_eq!(code("a``b"), "```a``b```");
        assert_eq!(code("`"), "`` ` ``");
        assert_eq!(code(""), "`  `");
        assert_eq!(block("sh", "a\n```\nb"), "````sh\na\n```\nb\n````\n");
    }
}
