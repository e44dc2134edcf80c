//! The failing run beside the nearest passing run: the shared steps, and the first difference.

use super::escape::Text;
use super::pair::{self, Side};
use crate::records::PassingRun;
use crate::story;
use shakedown_sim::Script;
use shakedown_sim::search::Failure;

/// Writes the section of an article.
pub(super) fn section(failure: &Failure, passing: &PassingRun) -> String {
    let fails = Side { heading: "It fails", holds: false, end: failure.violation.message.clone() };
    let passes = Side { heading: "It passes", holds: true, end: "No invariant is violated.".to_owned() };
    format!(
        "<section><h2>Beside the nearest passing run</h2>\n<p>{}</p>\n{}</section>\n",
        difference(failure, &passing.script),
        pair::pair(&passing.comparison, &fails, &passes)
    )
}

/// Writes the change of the script that makes the run pass, as a sentence of markup.
fn difference(failure: &Failure, passing: &Script) -> String {
    let code = |text: &str| format!("<code>{}</code>", Text(text));
    let Some(nearest) = &failure.nearest else { return format!("It runs {}.", code(&passing.to_string())) };
    let at = failure.shrunk.deviations.iter().position(|deviation| *deviation == nearest.deviation);
    let number = at.map_or(0, |at| at + 1);
    let given = code(&nearest.deviation.to_string());
    match story::changed(nearest) {
        None => format!("It is the same script without ({number}), {given}."),
        Some(changed) => {
            let changed = code(&changed.to_string());
            format!("It is the same script, but ({number}) is {changed} instead of {given}.")
        }
    }
}
