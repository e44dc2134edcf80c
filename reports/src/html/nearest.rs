//! The failing run beside the nearest passing run: the shared steps, and the first difference.

use super::escape::Text;
use crate::clock::Clock;
use crate::comparison::Comparison;
use crate::records::PassingRun;
use crate::story::{self, Row, plural};
use shakedown_sim::Script;
use shakedown_sim::search::Failure;

/// Writes the section of an article.
pub(super) fn section(failure: &Failure, passing: &PassingRun) -> String {
    let Comparison { shared, left, right } = &passing.comparison;
    let latest = shared.iter().chain(left).chain(right).map(|row| row.time).max().unwrap_or_default();
    let clock = Clock::up_to(latest);
    let both = match shared.as_slice() {
        [] => String::new(),
        rows => format!(
            "<details class=\"shared\"><summary>{} in which both runs are the same</summary>{}</details>\n",
            plural(rows.len() as u64, "step"),
            list(clock, rows)
        ),
    };
    format!(
        "<section><h2>Beside the nearest passing run</h2>\n<p>{}</p>\n{both}\
         <p class=\"parts\"><span>The first difference</span></p>\n<div class=\"pair\">\n\
         <div><h3 class=\"bad\">It fails</h3>{}<p class=\"end bad\">{}</p></div>\n\
         <div><h3 class=\"good\">It passes</h3>{}<p class=\"end good\">No invariant is violated.</p></div>\n\
         </div></section>\n",
        difference(failure, &passing.script),
        list(clock, left),
        Text(&failure.violation.message),
        list(clock, right),
    )
}

fn list(clock: Clock, rows: &[Row]) -> String {
    let item = |row: &Row| {
        let class = if row.deviates { " class=\"fault\"" } else { "" };
        let why = match row.why.as_str() {
            "" => String::new(),
            why => format!(" <span class=\"because\">{}</span>", Text(why)),
        };
        let (time, node, what) = (clock.text(row.time), Text(&row.node), Text(&row.what));
        format!("<li{class}><time>{time}</time> <span class=\"what\"><b>{node}</b> {what}{why}</span></li>\n")
    };
    match rows {
        [] => "<p class=\"aside\">Nothing more happens.</p>".to_owned(),
        rows => format!("<ol class=\"story\">\n{}</ol>", rows.iter().map(item).collect::<String>()),
    }
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
