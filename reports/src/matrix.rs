//! The matrix of guardrails: for each one taken out, which claim breaks, how little it takes, and how soon it is
//! found; in each form.

use crate::clock;
use crate::json;
use crate::layout::{Style, labelled, table};
use crate::markdown::{sentence, up_to};
use crate::records::{Finding, Verdict};
use crate::story::plural;
use crate::terminal;
use serde::Serialize;
use std::fmt::Write as _;

/// One form of one guardrail, taken out.
#[derive(Clone, Debug)]
pub struct Row {
    /// The part of the design that it belongs to.
    pub system: String,
    /// The form, as one would type it.
    pub guardrail: String,
    /// What was built instead.
    pub naive: String,
    /// What was taken out with it, since it repairs the damage.
    pub with: Vec<String>,
    /// Where.
    pub scenario: String,
    /// What came of it.
    pub fate: Fate,
}

/// What came of a design that lacks something.
#[derive(Clone, Debug)]
pub enum Fate {
    /// A run broke a claim beside the row.
    Caught(Box<Finding>),
    /// No run did.
    Survived {
        /// Of how many.
        runs: u64,
    },
    /// It breaks something though nothing goes wrong: nobody would ship it, and it shows nothing.
    ByItself {
        /// Built from what.
        variant: String,
        /// What it breaks.
        invariant: String,
        /// What is the case.
        message: String,
    },
}

/// A whole design.
#[derive(Clone, Debug)]
pub struct Guarded {
    /// The scenario.
    pub scenario: String,
    /// What its runs say.
    pub verdict: Verdict,
    /// How many there were.
    pub runs: u64,
    /// What they broke.
    pub findings: Vec<Finding>,
}

/// The matrix.
#[derive(Clone, Debug, Default)]
pub struct Matrix {
    /// In the order of the systems.
    pub rows: Vec<Row>,
    /// In the order of the catalogue.
    pub guarded: Vec<Guarded>,
}

impl Row {
    fn name(&self) -> String {
        self.with.iter().fold(self.guardrail.clone(), |name, with| format!("{name} with {with}"))
    }

    fn finding(&self) -> Option<&Finding> {
        match &self.fate {
            Fate::Caught(finding) => Some(finding),
            Fate::Survived { .. } | Fate::ByItself { .. } => None,
        }
    }

    /// Whether a claim beside it broke, by something that went wrong.
    pub fn is_caught(&self) -> bool {
        self.finding().is_some()
    }

    fn deviations(&self) -> Option<usize> {
        self.finding().map(|finding| finding.failure.shrunk.deviations.len())
    }

    /// What happened, in a line.
    pub(crate) fn story(&self) -> String {
        match &self.fate {
            Fate::Caught(finding) => {
                let script = &finding.failure.shrunk;
                let wrong =
                    script.deviations.iter().map(|one| format!("{} = {}", one.id.site, one.alternative));
                format!("{}: {}", wrong.collect::<Vec<_>>().join(", "), finding.failure.violation.message)
            }
            Fate::Survived { runs } => format!("not caught in {}", plural(*runs, "run")),
            Fate::ByItself { invariant, message, .. } => {
                format!("breaks {invariant} though nothing goes wrong: {message}")
            }
        }
    }
}

impl Matrix {
    /// The failure to show where one can be shown: of a whole design, if one has any.
    pub fn shown(&self) -> Option<&Finding> {
        let whole = self.guarded.iter().flat_map(|guarded| &guarded.findings).next();
        whole.or_else(|| self.findings().next())
    }

    /// What breaks without a guardrail, and what breaks all the same.
    pub(crate) fn findings(&self) -> impl Iterator<Item = &Finding> {
        let whole = self.guarded.iter().flat_map(|guarded| &guarded.findings);
        self.rows.iter().filter_map(Row::finding).chain(whole)
    }
}

/// The matrix at a terminal.
pub fn human(style: Style, matrix: &Matrix) -> String {
    let mut out = String::new();
    for guarded in &matrix.guarded {
        for finding in &guarded.findings {
            out.push_str(&terminal::failure(style, finding));
            out.push('\n');
        }
    }
    let mut system = "";
    for row in &matrix.rows {
        if row.system != system {
            system = &row.system;
            let _ = writeln!(out, "{}", style.strong(system));
        }
        out.push_str(&one(style, row));
    }
    let _ = writeln!(out, "\n{}", style.strong("with every guardrail in place"));
    let cells = |one: &Guarded| {
        let verdict = match one.verdict {
            Verdict::Held => "held",
            Verdict::Violated => "violated",
            Verdict::Inconclusive => "inconclusive",
        };
        [one.scenario.clone(), verdict.to_owned(), plural(one.runs, "run")]
    };
    out.push_str(&table(2, &matrix.guarded.iter().map(cells).collect::<Vec<_>>(), style.width));
    let caught = matrix.rows.iter().filter(|row| row.is_caught()).count();
    let _ = writeln!(out, "\n{caught} of {} caught", plural(matrix.rows.len() as u64, "missing guardrail"));
    out
}

fn one(style: Style, row: &Row) -> String {
    let mut out = format!("  {}", style.strong(&row.name()));
    match row.finding() {
        Some(finding) => {
            let failure = &finding.failure;
            let deviations = plural(failure.shrunk.deviations.len() as u64, "deviation");
            let runs = plural(finding.runs_to_find, "run");
            let _ = writeln!(
                out,
                "  {} by {deviations}, within {runs}",
                style.good(&failure.violation.invariant)
            );
        }
        None => {
            let _ = writeln!(out, "  {}", style.bad("NOT CAUGHT"));
        }
    }
    out.push_str(&labelled("      instead  ", &row.naive, style.width));
    out.push_str(&labelled("      then     ", &row.story(), style.width));
    out
}

/// The matrix for a machine.
pub fn json(matrix: &Matrix) -> String {
    #[derive(Serialize)]
    struct Rows<'a> {
        rows: Vec<One<'a>>,
        guarded: Vec<Whole<'a>>,
    }
    #[derive(Serialize)]
    struct One<'a> {
        system: &'a str,
        guardrail: &'a str,
        caught: bool,
        invariant: Option<&'a str>,
        deviations: Option<usize>,
        runs_to_find: Option<u64>,
        story: String,
        instead: &'a str,
        with: &'a [String],
        scenario: &'a str,
        script: Vec<String>,
        trace: Option<&'a str>,
    }
    #[derive(Serialize)]
    struct Whole<'a> {
        scenario: &'a str,
        verdict: Verdict,
        runs: u64,
    }
    let one = |row: &'_ Row| -> Vec<String> {
        let script = row.finding().map(|finding| &finding.failure.shrunk);
        script.iter().flat_map(|script| &script.deviations).map(|one| one.compact()).collect()
    };
    let rows = matrix.rows.iter().map(|row| One {
        system: &row.system,
        guardrail: &row.guardrail,
        caught: row.is_caught(),
        invariant: row.finding().map(|finding| finding.failure.violation.invariant.as_str()),
        deviations: row.deviations(),
        runs_to_find: row.finding().map(|finding| finding.runs_to_find),
        story: row.story(),
        instead: &row.naive,
        with: &row.with,
        scenario: &row.scenario,
        script: one(row),
        trace: row.finding().map(|finding| finding.trace.as_str()),
    });
    let guarded = matrix.guarded.iter().map(|one| Whole {
        scenario: &one.scenario,
        verdict: one.verdict,
        runs: one.runs,
    });
    json::pretty(&Rows { rows: rows.collect(), guarded: guarded.collect() })
}

/// The matrix as a page for reviewers: nothing in it changes unless what it says does.
pub fn page(matrix: &Matrix) -> String {
    let mut out = String::from("# What breaks without which guardrail\n\n");
    out.push_str("| system | without | instead | breaks | deviations | runs, up to | what happens |\n");
    out.push_str("|---|---|---|---|---:|---:|---|\n");
    for row in &matrix.rows {
        let broken = row.finding().map_or("nothing", |finding| &finding.failure.violation.invariant);
        let number = |count: Option<u64>| count.map_or_else(String::new, |count| count.to_string());
        let deviations = number(row.deviations().map(|count| count as u64));
        let runs = number(row.finding().map(|finding| up_to(finding.runs_to_find)));
        let (naive, story) = (sentence(&row.naive), sentence(&row.story()));
        let _ = writeln!(
            out,
            "| {} | {} | {naive} | {broken} | {deviations} | {runs} | {story} |",
            row.system,
            row.name()
        );
    }
    out.push_str(
        "\n## With every guardrail in place\n\n| scenario | verdict | runs, up to |\n|---|---|---:|\n",
    );
    for one in &matrix.guarded {
        let verdict = if one.verdict == Verdict::Held { "held" } else { "not held" };
        let _ = writeln!(out, "| {} | {verdict} | {} |", one.scenario, up_to(one.runs));
    }
    out
}

/// The matrix for a CI server: a suite for each system, a case for each form.
pub fn junit(matrix: &Matrix) -> String {
    let mut out =
        String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"shakedown matrix\">\n");
    let mut systems: Vec<&str> = matrix.rows.iter().map(|row| row.system.as_str()).collect();
    systems.dedup();
    for system in systems {
        let rows: Vec<&Row> = matrix.rows.iter().filter(|row| row.system == system).collect();
        let failed = rows.iter().filter(|row| !row.is_caught()).count();
        let name = crate::junit::escaped(system);
        let _ = writeln!(
            out,
            "  <testsuite name=\"{name}\" tests=\"{}\" failures=\"{failed}\" errors=\"0\" skipped=\"0\">",
            rows.len()
        );
        for row in rows {
            let case = crate::junit::escaped(&format!("without {}", row.name()));
            let story = crate::junit::escaped(&row.story());
            let _ = match row.is_caught() {
                true => writeln!(out, "    <testcase classname=\"{name}\" name=\"{case}\"/>"),
                false => writeln!(
                    out,
                    "    <testcase classname=\"{name}\" name=\"{case}\"><failure message=\"{story}\"/></testcase>"
                ),
            };
        }
        out.push_str("  </testsuite>\n");
    }
    whole_designs(&mut out, &matrix.guarded);
    out.push_str("</testsuites>\n");
    out
}

fn whole_designs(out: &mut String, guarded: &[Guarded]) {
    let failed = guarded.iter().filter(|one| one.verdict != Verdict::Held).count();
    let _ = writeln!(
        out,
        "  <testsuite name=\"guarded\" tests=\"{}\" failures=\"{failed}\" errors=\"0\" skipped=\"0\">",
        guarded.len()
    );
    for one in guarded {
        let name = crate::junit::escaped(&one.scenario);
        let _ = match one.verdict {
            Verdict::Held => writeln!(out, "    <testcase classname=\"guarded\" name=\"{name}\"/>"),
            _ => {
                let message = format!("not held in {} runs", clock::count(one.runs));
                writeln!(
                    out,
                    "    <testcase classname=\"guarded\" name=\"{name}\"><failure message=\"{message}\"/></testcase>"
                )
            }
        };
    }
    out.push_str("  </testsuite>\n");
}
