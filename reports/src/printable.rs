//! Text from models and traces, made harmless for terminals, logs, Markdown and job summaries.
//!
//! A model can put anything into its messages: escape sequences that repaint a terminal, marks that reverse the
//! reading order, or workflow commands that a CI server executes. Every form passes such text through [`printable`]
//! first. Forms for programs (JSON, trace events) keep the text as it is; their syntax escapes it.

use std::borrow::Cow;

/// Returns the text in one line without control characters, bidirectional marks and invisible characters, and
/// without anything that GitHub Actions takes for a workflow command. White space becomes a blank; any other such
/// character is written as its escape. A second call changes nothing.
///
/// ```
/// use shakedown_reports::printable::printable;
/// assert_eq!(printable("R1 is lost"), "R1 is lost");
/// assert_eq!(printable("two\nlines, \u{1b}[2J"), "two lines, \\u{1b}[2J");
/// assert_eq!(printable("::error::x and a::b"), ": :error::x and a::b");
/// ```
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(is_hostile) && !text.contains(COMMAND) && !text.contains(OLD_COMMAND) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            _ if is_line_or_tab(character) => out.push(' '),
            _ if is_hostile(character) => out.extend(character.escape_unicode()),
            _ => out.push(character),
        }
    }
    Cow::Owned(without_commands(&out))
}

/// Begins a workflow command at the beginning of a line.
const COMMAND: &str = "::";
/// Begins a workflow command of the older form, anywhere in a line.
const OLD_COMMAND: &str = "##[";

/// Wrapping can put every word at the beginning of a line, so no word may begin like a command.
fn without_commands(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut is_word_start = true;
    for character in text.replace(OLD_COMMAND, "## [").chars() {
        if character == ':' && out.ends_with(':') && is_word_start {
            out.push(' ');
        }
        is_word_start = character.is_whitespace() || is_word_start && character == ':';
        out.push(character);
    }
    out
}

fn is_line_or_tab(character: char) -> bool {
    matches!(character, '\n' | '\r' | '\t' | '\u{0B}' | '\u{0C}' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// Returns whether a character is a control, changes the reading order, or is invisible.
fn is_hostile(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{061C}' | '\u{180E}' | '\u{200B}' | '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}' | '\u{FFFE}' | '\u{FFFF}'
            | '\u{E0000}'..='\u{E007F}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_word_begins_like_a_command() {
        for (text, shown) in [
            ("::error::x", ": :error::x"),
            ("a ::error::x", "a : :error::x"),
            (":::", ": : :"),
            ("a::b ##[group]", "a::b ## [group]"),
            ("\u{202E}::", "\\u{202e}::"),
        ] {
            assert_eq!(printable(text), shown);
            assert_eq!(printable(shown), shown, "a second call changes nothing");
        }
    }
}
