//! One run as an article: what happened, what would have prevented it, how to see it again; why; what a run
//! that holds does instead; and the place where the script lets one step through it.

use super::beside;
use super::data::Data;
use super::escape::{Text, script_json};
use crate::clock::{self, Clock};
use crate::knowledge;
use crate::records::{Beside, PutBack, Setting};
use crate::story::{self, Row, plural};
use shakedown_sim::search::Failure;
use shakedown_sim::{Trace, Violation};
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// A run, and what is known about it.
pub(super) struct Telling<'a> {
    pub(super) trace: &'a Trace,
    pub(super) failure: Option<&'a Failure>,
    /// What else the run breaks; its events are steps of the same trace.
    pub(super) also: Vec<&'a Violation>,
    /// Where its trace is, as one would type it.
    pub(super) path: Option<&'a str>,
    pub(super) beside: &'a Beside,
}

/// Nothing to compare with.
const ALONE: &Beside =
    &Beside { claim: String::new(), settings: Vec::new(), put_back: Vec::new(), holding: None };

impl<'a> Telling<'a> {
    /// A run that nobody has explained.
    pub(super) fn of_run(trace: &'a Trace, path: Option<&'a str>) -> Self {
        Self { trace, failure: None, also: Vec::new(), path, beside: ALONE }
    }

    fn violations(&self) -> Vec<&'a Violation> {
        match self.failure {
            Some(failure) => std::iter::once(&failure.violation).chain(self.also.iter().copied()).collect(),
            None => self.trace.violations.iter().collect(),
        }
    }

    /// The steps that show what is broken.
    fn shows(&self) -> Vec<u32> {
        self.violations().iter().flat_map(|violation| violation.events.iter().copied()).collect()
    }

    /// The steps that tell the story; none if nobody has explained the run.
    fn slice(&self) -> Vec<u32> {
        let Some(failure) = self.failure else { return Vec::new() };
        let steps: BTreeSet<u32> = failure.slice.iter().copied().chain(self.shows()).collect();
        steps.into_iter().collect()
    }
}

/// A run told without a failure shows no more rows than this as its story.
const ROWS_MAX: usize = 40;

/// The `number`th article of a page.
pub(super) fn article(telling: &Telling<'_>, number: usize) -> String {
    let rows = match telling.failure {
        Some(_) => story::rows(telling.trace, &telling.slice()),
        None => story::of_run(telling.trace),
    };
    let told = if telling.failure.is_some() { rows.len() } else { rows.len().min(ROWS_MAX) };
    let mut out = format!("<article class=\"run\" id=\"run-{number}\" data-run=\"{number}\">\n");
    out.push_str(&header(telling));
    out.push_str("<div class=\"answers\">\n");
    out.push_str(&happened(telling));
    if let Some(failure) = telling.failure {
        out.push_str(&prevented(failure, telling.beside));
    }
    out.push_str(&again(telling));
    out.push_str("</div>\n");
    out.push_str(&why(telling, &rows[..told], number));
    if let (Some(failure), Some(holding)) = (telling.failure, &telling.beside.holding) {
        out.push_str(&beside::section(failure, holding));
    }
    out.push_str(&explorer(telling, &rows));
    out.push_str("</article>\n");
    out
}

fn header(telling: &Telling<'_>) -> String {
    let script = &telling.trace.script;
    let without: String = script
        .without
        .iter()
        .map(|part| format!(" <span class=\"out\">without {}</span>", Text(part)))
        .collect();
    let variant = script.variant.to_string();
    let variant = if variant.is_empty() { variant } else { format!(" <span>{}</span>", Text(&variant)) };
    let violations = telling.violations();
    let broken = |violation: &&Violation| format!("<code>{}</code>", Text(&violation.invariant));
    let mut broken: Vec<String> = violations.iter().map(broken).collect();
    let mut named = BTreeSet::new();
    broken.retain(|name| named.insert(name.clone()));
    let (claim, verdict) = match violations.first() {
        Some(first) => (
            story::capital(&first.message),
            format!("<p class=\"verdict bad\">Broken: {}</p>", broken.join(", ")),
        ),
        None => ("No invariant is broken".to_owned(), "<p class=\"verdict good\">Held</p>".to_owned()),
    };
    let also: String =
        violations.iter().skip(1).map(|other| format!("<p>Also: {}.</p>", Text(&other.message))).collect();
    format!(
        "<header><p class=\"kicker\"><b>{}</b>{without}{variant}</p>\n<h1>{}</h1>\n{also}{verdict}</header>\n",
        Text(&script.scenario),
        Text(&claim)
    )
}

fn happened(telling: &Telling<'_>) -> String {
    let befallen = story::befalls(telling.trace);
    if befallen.is_empty() {
        return "<section><h2>What happened</h2><p>Nothing went wrong: this is the happy path.</p></section>\n".to_owned();
    }
    let item = |(deviation, sentence): &(String, String)| {
        format!("<li>{}<br><code>{}</code></li>\n", Text(sentence), Text(deviation))
    };
    let items: String = befallen.iter().map(item).collect();
    format!(
        "<section><h2>What happened</h2><p>All went well, except:</p>\n<ol class=\"deviations\">\n{items}</ol>\n{}</section>\n",
        settings(&telling.beside.settings)
    )
}

/// What the run's parameters mean.
fn settings(settings: &[Setting]) -> String {
    let item = |one: &Setting| format!("<dt>{}</dt><dd>{}</dd>\n", Text(&one.written), Text(&one.about));
    let items: String = settings.iter().map(item).collect();
    match items.as_str() {
        "" => items,
        items => {
            format!("<details><summary>What the run was built from</summary>\n<dl>\n{items}</dl></details>\n")
        }
    }
}

fn prevented(failure: &Failure, beside: &Beside) -> String {
    let mut lines: Vec<String> = beside.put_back.iter().map(put_back).collect();
    if failure.shrunk.without.is_empty() {
        lines.push("<p>No guardrail is taken out: the design itself breaks.</p>".to_owned());
    }
    for sentence in story::needed(&failure.needed) {
        lines.push(format!("<p class=\"aside\">As it is, {}.</p>", Text(&sentence)));
    }
    format!("<section><h2>What would have prevented it</h2>\n{}</section>\n", lines.join("\n"))
}

fn put_back(one: &PutBack) -> String {
    let name = format!("<strong>{}</strong>", Text(&one.guardrail));
    let came = match (one.still_broken.as_slice(), one.met) {
        ([], true) => "With it in, the same script <strong class=\"good\">holds</strong>.".to_owned(),
        ([], false) => {
            "With it in, the run <strong class=\"good\">holds</strong>, and leaves no place for what went wrong.".to_owned()
        }
        (broken, _) => {
            format!("With it in alone, the same script still breaks {}.", Text(&broken.join(" and ")))
        }
    };
    let (about, instead) = (Text(&one.about), Text(&one.instead));
    let item = |sentence: &String| format!("<li>{}</li>\n", Text(sentence));
    let otherwise: String = one.otherwise.iter().map(item).collect();
    let otherwise = match otherwise.as_str() {
        "" => otherwise,
        items => format!("\n<p>What happens instead:</p>\n<ul>\n{items}</ul>"),
    };
    format!(
        "<p>Without {name} it broke. {came}</p>\n<p class=\"aside\">{name}: {about}. Without it: {instead}.</p>{otherwise}"
    )
}

fn again(telling: &Telling<'_>) -> String {
    let command = |text: String| format!("<pre><code>{}</code></pre>\n", Text(&text));
    let commands = match telling.path {
        Some(path) => command(format!("shakedown replay {path}")),
        None => String::new(),
    };
    let script = telling.trace.script.to_string();
    format!(
        "<section><h2>How to see it again</h2>\n{commands}<details><summary>The whole script, to run with <code>--script</code></summary>\n{}</details></section>\n",
        command(script)
    )
}

fn why(telling: &Telling<'_>, rows: &[Row], number: usize) -> String {
    let clock = Clock::up_to(rows.iter().map(|row| row.time).max().unwrap_or_default());
    let however = knowledge::however(telling.trace, rows);
    let shows = telling.shows();
    let breaks = telling.violations().first().and_then(|broken| broken.events.iter().max().copied());
    let mut items = String::new();
    for (row, however) in rows.iter().zip(&however) {
        let shown = shows.contains(&row.step);
        let classes = [(row.deviates, "fault"), (shown, "shows")];
        let classes: Vec<&str> = classes.iter().filter(|(is, _)| *is).map(|(_, class)| *class).collect();
        let because = if row.why.is_empty() {
            String::new()
        } else {
            format!(" <span class=\"because\">{}</span>", Text(&row.why))
        };
        let however =
            however.as_ref().map(|text| format!(" <span class=\"however\">However, {}.</span>", Text(text)));
        let seen = match (shown, breaks == Some(row.step)) {
            (_, true) => " <span class=\"mark\">this breaks it</span>",
            (true, false) => " <span class=\"mark\">evidence</span>",
            _ => "",
        };
        let _ = writeln!(
            items,
            "<li class=\"{}\"><a href=\"{}\" title=\"Go to this step\"><time>{}</time></a> <span class=\"what\"><b>{}</b> {}{because}{}{seen}</span></li>",
            classes.join(" "),
            link(number, row.step),
            clock.text(row.time),
            Text(&row.node),
            Text(&row.what),
            however.unwrap_or_default(),
        );
    }
    let title = if telling.failure.is_some() { "Why" } else { "What happened, step by step" };
    let more = telling.trace.steps.len().saturating_sub(rows.len());
    let more = if telling.failure.is_none() && rows.len() == ROWS_MAX {
        format!(
            "<p class=\"aside\">The first {ROWS_MAX}; {} in all.</p>",
            plural((more + rows.len()) as u64, "step")
        )
    } else {
        String::new()
    };
    format!("<section><h2>{title}</h2>\n<ol class=\"story\">\n{items}</ol>{more}</section>\n")
}

fn link(number: usize, step: u32) -> String {
    if number == 1 { format!("#step={step}") } else { format!("#run={number}&amp;step={step}") }
}

fn explorer(telling: &Telling<'_>, rows: &[Row]) -> String {
    let data = Data::of(telling.trace, rows, &telling.slice(), telling.shows());
    let cut = match data.left_out() {
        0 => String::new(),
        left_out => format!(
            "<p class=\"cut\">This run has {} steps. The page holds the {} nearest to the story; {} are left out. The trace has them all.</p>\n",
            clock::count(telling.trace.steps.len() as u64),
            clock::count((telling.trace.steps.len() - left_out) as u64),
            clock::count(left_out as u64),
        ),
    };
    format!(
        "<section class=\"explorer\"><h2>Step through the run</h2>\n{cut}<noscript>{}</noscript>\n\
         <div class=\"mount\"></div>\n<script type=\"application/json\">{}</script></section>\n",
        table(telling.trace, rows),
        script_json(&data)
    )
}

/// The story as a table, for a browser without scripts.
fn table(trace: &Trace, rows: &[Row]) -> String {
    let clock = Clock::up_to(rows.iter().map(|row| row.time).max().unwrap_or_default());
    let mut out = String::from(
        "<p>Stepping through needs scripts. These are the steps of the story:</p><div class=\"scroll\"><table><thead><tr><th>Step</th><th>Time</th><th>Node</th><th>What happens</th><th>Why</th><th>Follows from</th></tr></thead><tbody>",
    );
    for (row, causes) in rows.iter().zip(story::causes(trace, rows)).take(super::data::STEPS_MAX) {
        let causes: Vec<String> = causes.into_iter().map(|at| rows[at].step.to_string()).collect();
        let _ = writeln!(
            out,
            "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            row.step,
            clock.text(row.time),
            Text(&row.node),
            Text(&row.what),
            Text(&row.why),
            causes.join(", ")
        );
    }
    out.push_str("</tbody></table></div>");
    out
}
