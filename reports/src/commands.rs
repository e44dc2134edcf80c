//! Commands that a reader can paste into a shell.

use crate::printable::printable;
use shakedown_sim::Script;
use std::borrow::Cow;

/// The program that the reader runs, as its shell finds it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Program(Cow<'static, str>);

impl Program {
    /// The command `shakedown`, found on the path.
    pub const SHAKEDOWN: Self = Self(Cow::Borrowed("shakedown"));

    /// Returns the program that the shell runs by this name or path: `till`, or `target/release/till`.
    pub fn new(path: impl AsRef<str>) -> Self {
        Self(Cow::Owned(quoted(path.as_ref())))
    }

    /// Returns the command that runs a script again.
    pub fn run(&self, script: &Script) -> String {
        let mut command = format!("{} run {}", self.0, quoted(&script.scenario));
        let separator = if script.deviations.len() > LINES_MAX { " " } else { " \\\n  " };
        let mut option = |name: &str, value: &str| {
            command.push_str(&format!("{separator}--{name} {}", quoted(value)));
        };
        script.without.iter().for_each(|guardrail| option("without", guardrail));
        if !script.variant.0.is_empty() {
            option("variant", &script.variant.to_string());
        }
        script.deviations.iter().for_each(|deviation| option("deviate", &deviation.compact()));
        command
    }

    /// Returns a command about a trace: `replay`, `explain` or `pin`.
    ///
    /// ```
    /// use shakedown_reports::commands::Program;
    /// let command = Program::SHAKEDOWN.of_trace("pin", "target/a b.jsonl");
    /// assert_eq!(command, "shakedown pin 'target/a b.jsonl'");
    /// ```
    pub fn of_trace(&self, command: &str, path: &str) -> String {
        format!("{} {command} {}", self.0, quoted(path))
    }
}

impl Default for Program {
    fn default() -> Self {
        Self::SHAKEDOWN
    }
}

/// Quotes a value for a shell. A value with characters that cannot be printed is only displayed: its escaped form is
/// another value.
fn quoted(value: &str) -> String {
    shell_words::quote(&printable(value)).into_owned()
}

/// A script with more deviations than this is written in one line.
const LINES_MAX: usize = 40;

#[cfg(test)]
mod tests {
    #[test]
    fn a_shell_takes_a_value_as_it_is() {
        let values = ["a/b@c-1#1=lost", "a/b c@d-1#1=it's", "--flag", "$(x)", "", "*", "a\nb"];
        for value in values {
            let quoted = shell_words::quote(value);
            assert_eq!(shell_words::split(&quoted), Ok(vec![value.to_owned()]));
        }
        assert_eq!(shell_words::quote("a/b c@d-1#1=it's"), r"'a/b c@d-1#1=it'\''s'");
    }
}
