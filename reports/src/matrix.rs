//! The matrix of guardrails: for each one taken out, the violated invariant, the number of deviations and the number
//! of runs; in each form.

use crate::clock;
use crate::groups::groups;
use crate::json;
use crate::junit::{document, failed, passed};
use crate::layout::{Style, labelled, table};
use crate::markdown::{LINES_MAX, cut, sentence, up_to};
use crate::printable::printable;
use crate::records::{Finding, Verdict};
use crate::story::plural;
use crate::terminal;
use quick_junit::TestSuite;
use serde::Serialize;
use std::fmt::Write as _;

/// One naive form of one guardrail.
#[derive(Clone, Debug)]
pub struct Row {
    /// The part of the design that it belongs to.
    pub system: String,
    /// The form, as a user types it.
    pub guardrail: String,
    /// The behaviour of the design instead.
    pub naive: String,
    /// The guardrails taken out with it, because they would mask it.
    pub with: Vec<String>,
    /// The scenario.
    pub scenario: String,
    /// The result.
    pub result: AblationResult,
}

/// The result of the runs without a guardrail.
#[derive(Clone, Debug)]
pub enum AblationResult {
    /// A run violated an invariant.
    Caught(Box<Finding>),
    /// No run violated an invariant.
    Survived {
        /// The number of runs.
        runs: u64,
    },
    /// The happy path violates an invariant: no team would ship this design, so it proves nothing about the
    /// guardrail.
    FailsOnHappyPath {
        /// The variant of that run.
        variant: String,
        /// The violated invariant.
        invariant: String,
        /// The message of the violation.
        message: String,
    },
}

/// The design with every guardrail in place.
#[derive(Clone, Debug)]
pub struct Guarded {
    /// The scenario.
    pub scenario: String,
    /// The verdict.
    pub verdict: Verdict,
    /// The number of runs.
    pub runs: u64,
    /// The findings.
    pub findings: Vec<Finding>,
}

/// The matrix.
#[derive(Clone, Debug, Default)]
pub struct Matrix {
    /// The rows, in the order of the systems.
    pub rows: Vec<Row>,
    /// The whole designs, in the order of the catalogue.
    pub guarded: Vec<Guarded>,
}

impl Row {
    fn name(&self) -> String {
        self.with.iter().fold(self.guardrail.clone(), |name, with| format!("{name} with {with}"))
    }

    fn finding(&self) -> Option<&Finding> {
        match &self.result {
            AblationResult::Caught(finding) => Some(finding),
            AblationResult::Survived { .. } | AblationResult::FailsOnHappyPath { .. } => None,
        }
    }

    /// Returns whether deviations made a run violate an invariant.
    pub fn is_caught(&self) -> bool {
        self.finding().is_some()
    }

    fn deviations(&self) -> Option<usize> {
        self.finding().map(|finding| finding.failure.shrunk.deviations.len())
    }

    /// Returns the result in one line.
    pub(crate) fn story(&self) -> String {
        match &self.result {
            AblationResult::Caught(finding) => {
                let script = &finding.failure.shrunk;
                let wrong =
                    script.deviations.iter().map(|one| format!("{} = {}", one.id.site, one.alternative));
                format!("{}: {}", wrong.collect::<Vec<_>>().join(", "), finding.failure.violation.message)
            }
            AblationResult::Survived { runs } => format!("not caught in {}", plural(*runs, "run")),
            AblationResult::FailsOnHappyPath { invariant, message, .. } => {
                format!("the happy path violates {invariant}: {message}")
            }
        }
    }
}

impl Matrix {
    /// Returns the finding that forms of a single run show: one of a whole design, if there is any.
    pub fn shown(&self) -> Option<&Finding> {
        let whole = self.guarded.iter().flat_map(|guarded| &guarded.findings).next();
        whole.or_else(|| self.findings().next())
    }

    /// Returns the findings without a guardrail, then those of the whole designs.
    pub(crate) fn findings(&self) -> impl Iterator<Item = &Finding> {
        let whole = self.guarded.iter().flat_map(|guarded| &guarded.findings);
        self.rows.iter().filter_map(Row::finding).chain(whole)
    }
}

/// Writes the matrix for a terminal.
pub fn human(style: Style, matrix: &Matrix) -> String {
    let mut out = String::new();
    for guarded in &matrix.guarded {
        for group in groups(&guarded.findings) {
            out.push_str(&terminal::failures(style, group.shown(), &group.same_run()));
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

/// Writes the matrix for a machine.
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

/// Writes the matrix as a page for reviewers: it changes only if the results do.
pub fn page(matrix: &Matrix) -> String {
    let mut out = String::from("# What fails without which guardrail\n\n");
    out.push_str("| system | without | instead | violates | deviations | runs, up to | what happens |\n");
    out.push_str("|---|---|---|---|---:|---:|---|\n");
    for row in &matrix.rows {
        let violated = row.finding().map_or("nothing", |finding| &finding.failure.violation.invariant);
        let violated = sentence(violated);
        let number = |count: Option<u64>| count.map_or_else(String::new, |count| count.to_string());
        let deviations = number(row.deviations().map(|count| count as u64));
        let runs = number(row.finding().map(|finding| up_to(finding.runs_to_find)));
        let (naive, story) = (sentence(&row.naive), sentence(&row.story()));
        let _ = writeln!(
            out,
            "| {} | {} | {naive} | {violated} | {deviations} | {runs} | {story} |",
            sentence(&row.system),
            sentence(&row.name())
        );
    }
    out.push_str(
        "\n## With every guardrail in place\n\n| scenario | verdict | runs, up to |\n|---|---|---:|\n",
    );
    for one in &matrix.guarded {
        let verdict = if one.verdict == Verdict::Held { "held" } else { "not held" };
        let _ = writeln!(out, "| {} | {verdict} | {} |", sentence(&one.scenario), up_to(one.runs));
    }
    cut(&out, LINES_MAX)
}

/// Writes the matrix for a CI server: a suite for each system, a case for each form.
pub fn junit(matrix: &Matrix) -> String {
    let mut systems: Vec<&str> = matrix.rows.iter().map(|row| row.system.as_str()).collect();
    systems.dedup();
    let of_system = |system: &&str| {
        let mut suite = TestSuite::new(printable(system));
        let rows = matrix.rows.iter().filter(|row| row.system == **system);
        suite.add_test_cases(rows.map(|row| {
            let name = format!("without {}", row.name());
            if row.is_caught() {
                passed(&name, system)
            } else {
                failed(&name, system, "not-caught", &row.story(), "")
            }
        }));
        suite
    };
    let suites = systems.iter().map(of_system).chain(std::iter::once(whole_designs(&matrix.guarded)));
    document("shakedown matrix", suites)
}

fn whole_designs(guarded: &[Guarded]) -> TestSuite {
    let mut suite = TestSuite::new("guarded");
    suite.add_test_cases(guarded.iter().map(|one| match one.verdict {
        Verdict::Held => passed(&one.scenario, "guarded"),
        Verdict::Violated | Verdict::Inconclusive => {
            let message = format!("not held in {} runs", clock::count(one.runs));
            failed(&one.scenario, "guarded", "not-held", &message, "")
        }
    }));
    suite
}
