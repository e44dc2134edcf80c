//! One run as an article: the events, the prevention, the commands that repeat it; the reasons; the differences to
//! the nearest passing run; and the element in which the page's script shows the run step by step.

use super::data::Data;
use super::escape::{Text, script_json};
use super::nearest;
use crate::clock::{self, Clock};
use crate::commands::Program;
use crate::knowledge;
use crate::records::{FailureContext, RestoredGuardrail, Setting};
use crate::story::{self, DeviationTaken, Row, plural};
use shakedown_sim::search::Failure;
use shakedown_sim::{Trace, Violation};
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// A run and all that is known about it.
pub(super) struct RunView<'a> {
    pub(super) trace: &'a Trace,
    pub(super) failure: Option<&'a Failure>,
    /// The other violations of the run; their events are steps of the same trace.
    pub(super) also: Vec<&'a Violation>,
    /// The command that makes it again.
    pub(super) command: Option<String>,
    pub(super) context: &'a FailureContext,
}

/// No context.
const NO_CONTEXT: &FailureContext = &FailureContext {
    claim: String::new(),
    settings: Vec::new(),
    restored: Vec::new(),
    passing: None,
    program: Program::SHAKEDOWN,
};

impl<'a> RunView<'a> {
    /// Returns the view of a run that holds.
    pub(super) fn of_run(trace: &'a Trace) -> Self {
        Self { trace, failure: None, also: Vec::new(), command: None, context: NO_CONTEXT }
    }

    fn violations(&self) -> Vec<&'a Violation> {
        match self.failure {
            Some(failure) => std::iter::once(&failure.violation).chain(self.also.iter().copied()).collect(),
            None => self.trace.violations.iter().collect(),
        }
    }

    /// Returns the steps that show the violations.
    fn evidence(&self) -> Vec<u32> {
        self.violations().iter().flat_map(|violation| violation.events.iter().copied()).collect()
    }

    /// Returns the steps of the story; none if the run holds.
    fn slice(&self) -> Vec<u32> {
        let Some(failure) = self.failure else { return Vec::new() };
        let steps: BTreeSet<u32> = failure.slice.iter().copied().chain(self.evidence()).collect();
        steps.into_iter().collect()
    }
}

/// The greatest number of rows in the story of a run that holds.
const ROWS_MAX: usize = 40;

/// Writes the `number`th article of a page.
pub(super) fn article(view: &RunView<'_>, number: usize) -> String {
    let rows = match view.failure {
        Some(_) => story::rows(view.trace, &view.slice()),
        None => story::of_run(view.trace),
    };
    let shown = if view.failure.is_some() { rows.len() } else { rows.len().min(ROWS_MAX) };
    let mut out = format!("<article class=\"run\" id=\"run-{number}\" data-run=\"{number}\">\n");
    out.push_str(&header(view));
    out.push_str("<div class=\"overview\">\n");
    out.push_str(&happened(view));
    if let Some(failure) = view.failure {
        out.push_str(&prevented(failure, view.context));
    }
    out.push_str(&again(view));
    out.push_str("</div>\n");
    out.push_str(&why(view, &rows[..shown], number));
    if let (Some(failure), Some(passing)) = (view.failure, &view.context.passing) {
        out.push_str(&nearest::section(failure, passing));
    }
    out.push_str(&explorer(view, &rows));
    out.push_str("</article>\n");
    out
}

fn header(view: &RunView<'_>) -> String {
    let script = &view.trace.script;
    let without: String = script
        .without
        .iter()
        .map(|part| format!(" <span class=\"out\">without {}</span>", Text(part)))
        .collect();
    let variant = script.variant.to_string();
    let variant = if variant.is_empty() { variant } else { format!(" <span>{}</span>", Text(&variant)) };
    let violations = view.violations();
    let name = |violation: &&Violation| format!("<code>{}</code>", Text(&violation.invariant));
    let mut violated: Vec<String> = violations.iter().map(name).collect();
    let mut named = BTreeSet::new();
    violated.retain(|name| named.insert(name.clone()));
    let (claim, verdict) = match violations.first() {
        Some(first) => (
            story::capital(&first.message),
            format!("<p class=\"verdict bad\">Violated: {}</p>", violated.join(", ")),
        ),
        None => ("No invariant is violated".to_owned(), "<p class=\"verdict good\">Held</p>".to_owned()),
    };
    let also: String =
        violations.iter().skip(1).map(|other| format!("<p>Also: {}.</p>", Text(&other.message))).collect();
    format!(
        "<header><p class=\"kicker\"><b>{}</b>{without}{variant}</p>\n<h1>{}</h1>\n{also}{verdict}</header>\n",
        Text(&script.scenario),
        Text(&claim)
    )
}

fn happened(view: &RunView<'_>) -> String {
    let deviations = story::deviations(view.trace);
    if deviations.is_empty() {
        return "<section><h2>What happened</h2><p>The happy path.</p></section>\n".to_owned();
    }
    let item = |one: &DeviationTaken| {
        let source = one.source.as_ref().map(|source| format!("<br>made at <code>{}</code>", Text(source)));
        format!(
            "<li>{}<br><code>{}</code>{}</li>\n",
            Text(&one.sentence),
            Text(&one.deviation),
            source.unwrap_or_default()
        )
    };
    let items: String = deviations.iter().map(item).collect();
    format!(
        "<section><h2>What happened</h2><p>The happy path, except:</p>\n<ol class=\"deviations\">\n{items}</ol>\n{}</section>\n",
        settings(&view.context.settings)
    )
}

/// Writes the meaning of the run's parameters.
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

fn prevented(failure: &Failure, context: &FailureContext) -> String {
    let mut lines: Vec<String> = context.restored.iter().map(restored).collect();
    if failure.shrunk.without.is_empty() {
        lines.push("<p>No guardrail is taken out: the design itself fails.</p>".to_owned());
    }
    for sentence in story::needed(failure) {
        lines.push(format!("<p class=\"aside\">As it was built, {}.</p>", Text(&sentence)));
    }
    format!("<section><h2>What would have prevented it</h2>\n{}</section>\n", lines.join("\n"))
}

fn restored(one: &RestoredGuardrail) -> String {
    let name = format!("<strong>{}</strong>", Text(&one.guardrail));
    let result = match (one.still_violated.as_slice(), one.all_offered) {
        ([], true) => "With it in place, the same script <strong class=\"good\">holds</strong>.".to_owned(),
        ([], false) => {
            "With it in place, the run <strong class=\"good\">holds</strong>, and a choice of the script is never offered.".to_owned()
        }
        (violated, _) => {
            format!("With it alone in place, the same script still violates {}.", Text(&violated.join(" and ")))
        }
    };
    let (about, instead) = (Text(&one.about), Text(&one.instead));
    let item = |sentence: &String| format!("<li>{}</li>\n", Text(sentence));
    let instead_facts: String = one.facts_instead.iter().map(item).collect();
    let instead_facts = match instead_facts.as_str() {
        "" => instead_facts,
        items => format!("\n<p>What happens instead:</p>\n<ul>\n{items}</ul>"),
    };
    format!(
        "<p>Without {name} the run fails. {result}</p>\n<p class=\"aside\">{name}: {about}. Without it: {instead}.</p>{instead_facts}"
    )
}

/// A longer command is folded: on a phone it would fill the screen.
const LINES_SHOWN: usize = 10;

fn again(view: &RunView<'_>) -> String {
    let command = |text: &str| format!("<pre><code>{}</code></pre>\n", Text(text));
    let script = view.trace.script.to_string();
    let folded = |text: &str| match text.lines().count() {
        0..=LINES_SHOWN => command(text),
        lines => format!(
            "<details><summary>The command, in {lines} lines</summary>\n{}</details>\n",
            command(text)
        ),
    };
    let commands = view.command.as_deref().map(folded).unwrap_or_default();
    format!(
        "<section><h2>How to see it again</h2>\n{commands}<details><summary>The whole script, to run with <code>--script</code></summary>\n{}</details></section>\n",
        command(&script)
    )
}

fn why(view: &RunView<'_>, rows: &[Row], number: usize) -> String {
    let clock = Clock::up_to(rows.iter().map(|row| row.time).max().unwrap_or_default());
    let unknown = knowledge::unknown(view.trace, rows);
    let evidence = view.evidence();
    let violates = view.violations().first().and_then(|violated| violated.events.iter().max().copied());
    let mut items = String::new();
    for (row, unknown) in rows.iter().zip(&unknown) {
        let shown = evidence.contains(&row.step);
        let classes = [(row.deviates, "fault"), (shown, "shows")];
        let classes: Vec<&str> = classes.iter().filter(|(is, _)| *is).map(|(_, class)| *class).collect();
        let because = if row.why.is_empty() {
            String::new()
        } else {
            format!(" <span class=\"because\">{}</span>", Text(&row.why))
        };
        let unknown =
            unknown.as_ref().map(|text| format!(" <span class=\"however\">However, {}.</span>", Text(text)));
        let mark = match (shown, violates == Some(row.step)) {
            (_, true) => " <span class=\"mark\">this violates it</span>",
            (true, false) => " <span class=\"mark\">evidence</span>",
            _ => "",
        };
        let _ = writeln!(
            items,
            "<li class=\"{}\"><a href=\"{}\" title=\"Go to this step\"><time>{}</time></a> <span class=\"what\"><b>{}</b> {}{because}{}{mark}</span></li>",
            classes.join(" "),
            link(number, row.step),
            clock.text(row.time),
            Text(&row.node),
            Text(&row.what),
            unknown.unwrap_or_default(),
        );
    }
    let title = if view.failure.is_some() { "Why" } else { "What happened, step by step" };
    let more = view.trace.steps.len().saturating_sub(rows.len());
    let more = if view.failure.is_none() && rows.len() == ROWS_MAX {
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

fn explorer(view: &RunView<'_>, rows: &[Row]) -> String {
    let data = Data::of(view.trace, rows, &view.slice(), view.evidence());
    let cut = match data.left_out() {
        0 => String::new(),
        left_out => format!(
            "<p class=\"cut\">This run has {} steps. The page holds the {} nearest to the story; {} are left out. The trace has them all.</p>\n",
            clock::count(view.trace.steps.len() as u64),
            clock::count((view.trace.steps.len() - left_out) as u64),
            clock::count(left_out as u64),
        ),
    };
    format!(
        "<section class=\"explorer\"><h2>Step through the run</h2>\n{cut}<noscript>{}</noscript>\n\
         <div class=\"mount\"></div>\n<script type=\"application/json\">{}</script></section>\n",
        table(view.trace, rows),
        script_json(&data)
    )
}

/// Writes the story as a table, for a browser without scripts.
fn table(trace: &Trace, rows: &[Row]) -> String {
    let clock = Clock::up_to(rows.iter().map(|row| row.time).max().unwrap_or_default());
    let mut out = String::from(
        "<p>Stepping through the run needs JavaScript. These are the steps of the story:</p><div class=\"scroll\"><table><thead><tr><th>Step</th><th>Time</th><th>Node</th><th>What happens</th><th>Why</th><th>Follows from</th></tr></thead><tbody>",
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
