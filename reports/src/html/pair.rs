//! Two runs side by side: the steps that both share, and those of each from the first difference on.

use super::escape::Text;
use crate::clock::Clock;
use crate::comparison::Comparison;
use crate::story::{Row, plural};

/// One of the two runs.
pub(super) struct Side<'a> {
    pub(super) heading: &'a str,
    /// Whether it violates no invariant.
    pub(super) holds: bool,
    /// How it ends, as a sentence.
    pub(super) end: String,
}

/// Writes both runs: `left` is the first run of the comparison.
pub(super) fn pair(comparison: &Comparison, left: &Side<'_>, right: &Side<'_>) -> String {
    let Comparison { shared, left: left_rows, right: right_rows } = comparison;
    let rows = shared.iter().chain(left_rows).chain(right_rows);
    let clock = Clock::up_to(rows.map(|row| row.time).max().unwrap_or_default());
    let both = match shared.as_slice() {
        [] => String::new(),
        rows => format!(
            "<details class=\"shared\"><summary>{} in which both runs are the same</summary>{}</details>\n",
            plural(rows.len() as u64, "step"),
            list(clock, rows)
        ),
    };
    format!(
        "{both}<p class=\"parts\"><span>The first difference</span></p>\n<div class=\"pair\">\n{}{}</div>\n",
        side(clock, left_rows, left),
        side(clock, right_rows, right)
    )
}

fn side(clock: Clock, rows: &[Row], side: &Side<'_>) -> String {
    let class = if side.holds { "good" } else { "bad" };
    format!(
        "<div><h3 class=\"{class}\">{}</h3>{}<p class=\"end {class}\">{}</p></div>\n",
        Text(side.heading),
        list(clock, rows),
        Text(&side.end)
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
