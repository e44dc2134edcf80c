//! Which steps tell what happened, who took them, and why: the one table behind every form of a report.
//!
//! A deviation is no step of its own for a reader: it is a remark on the step that it befell, with the number
//! under which the script lists it. Plumbing (a request arrives, an answer goes out, a poller wakes) is left
//! out where it says nothing that its neighbours do not.

use shakedown_sim::search::{Failure, Needed};
use shakedown_sim::trace::{ChoiceTaken, Kind};
use shakedown_sim::{Deviation, Moment, Script, Step, Trace};

/// A step as a reader sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Row {
    /// Its number in the trace.
    pub step: u32,
    /// When.
    pub time: Moment,
    /// Who.
    pub node: String,
    /// What.
    pub what: String,
    /// Why, and what befell it.
    pub why: String,
    /// Whether it deviates from the happy path.
    pub deviates: bool,
}

/// The rows of a failure's slice.
pub fn of_failure(failure: &Failure) -> Vec<Row> {
    rows(&failure.trace, &failure.slice)
}

/// The rows of a whole run.
pub fn of_run(trace: &Trace) -> Vec<Row> {
    let all: Vec<u32> =
        (0..trace.steps.len() as u32).filter(|at| !is_log(&trace.steps[*at as usize])).collect();
    rows(trace, &all)
}

fn is_log(step: &Step) -> bool {
    step.kind == Kind::Log
}

/// The rows of these steps of a trace.
pub fn rows(trace: &Trace, steps: &[u32]) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    let mut ahead: Vec<String> = Vec::new();
    for (position, at) in steps.iter().enumerate() {
        let step = &trace.steps[*at as usize];
        match &step.choice {
            Some(choice) => {
                let remark = remark(trace, step, choice);
                let befalls_next =
                    steps.get(position + 1).is_some_and(|next| is_crash(&trace.steps[*next as usize]));
                let befalls_last =
                    rows.last().is_some_and(|row| row.node == step.node && row.time == step.time);
                if befalls_next {
                    ahead.push(number(trace, step, choice));
                } else if befalls_last {
                    add_remark(rows.last_mut().expect("there is a last row"), &remark);
                } else {
                    rows.push(Row {
                        deviates: true,
                        ..row(*at, step, format!("meets {}", choice.site), remark)
                    });
                }
            }
            None => {
                let mut row = row(*at, step, step.text.clone(), String::new());
                if let Some(because) = &step.because {
                    row.why = format!("because {because}");
                }
                for remark in ahead.drain(..) {
                    add_remark(&mut row, &remark);
                }
                rows.push(row);
            }
        }
    }
    rows.iter()
        .enumerate()
        .filter(|(at, row)| !is_silent(trace, &rows, *at, row))
        .map(|(_, row)| row.clone())
        .collect()
}

fn row(at: u32, step: &Step, what: String, why: String) -> Row {
    Row { step: at, time: step.time, node: step.node.clone(), what, why, deviates: false }
}

fn add_remark(row: &mut Row, remark: &str) {
    if !row.why.is_empty() {
        row.why.push_str(", ");
    }
    row.why.push_str(remark);
    row.deviates = true;
}

fn is_crash(step: &Step) -> bool {
    matches!(step.kind, Kind::Crash | Kind::Stop | Kind::Pause)
}

/// Whether a row only says what a neighbour of the same node and moment says better.
fn is_silent(trace: &Trace, rows: &[Row], at: usize, row: &Row) -> bool {
    let kind = trace.steps[row.step as usize].kind;
    if !row.why.is_empty() {
        return false;
    }
    match kind {
        Kind::Wake | Kind::Boot => true,
        Kind::Arrive | Kind::Answer | Kind::Commit | Kind::Committed => {
            let tells = |other: &Row| {
                let kind = trace.steps[other.step as usize].kind;
                let same = other.node == row.node && other.time == row.time;
                same && (!other.why.is_empty() || matches!(kind, Kind::Fact | Kind::Note | Kind::Call))
            };
            rows.get(at.wrapping_sub(1)).is_some_and(tells) || rows.get(at + 1).is_some_and(tells)
        }
        _ => false,
    }
}

/// What a deviation does, in the engine's own words where it names the place.
fn remark(trace: &Trace, step: &Step, choice: &ChoiceTaken) -> String {
    let taken = &choice.taken;
    let (owner, point) = choice.site.rsplit_once('/').unwrap_or(("", &choice.site));
    let lasts = taken.starts_with(|first: char| first.is_ascii_digit());
    let words = match (point, taken.as_str()) {
        ("request", _) if lasts => format!("its request takes {taken} longer"),
        ("response", _) if lasts => format!("its answer takes {taken} longer"),
        ("request", _) => format!("its request is {taken}"),
        ("response", _) => format!("its answer is {taken}"),
        ("outage", _) if lasts => format!("{owner} is down for {taken}"),
        ("outage", _) => format!("{owner} is down {taken}"),
        ("slowness", _) if lasts => format!("{owner} is slow for {taken}"),
        ("slowness", _) => format!("{owner} is slow {taken}"),
        _ => format!("{}: {taken}", choice.site),
    };
    format!("{words} {}", number(trace, step, choice)).trim_end().to_owned()
}

/// The deviation's number in the script, in parentheses.
fn number(trace: &Trace, step: &Step, choice: &ChoiceTaken) -> String {
    let at = trace.script.deviations.iter().position(|deviation| {
        let id = &deviation.id;
        id.site == choice.site && id.nth == choice.nth && id.scope.to_string() == step.scope
    });
    at.map(|at| format!("({})", at + 1)).unwrap_or_default()
}

/// The script's deviations, numbered from 1.
pub fn exceptions(script: &Script) -> Vec<(usize, &Deviation)> {
    script.deviations.iter().enumerate().map(|(at, deviation)| (at + 1, deviation)).collect()
}

/// What each deviation was needed for, as a sentence each; one sentence for all where all were.
pub fn needed(needed: &[Needed]) -> Vec<String> {
    let numbered: Vec<(usize, &Needed)> = needed.iter().enumerate().map(|(at, one)| (at + 1, one)).collect();
    let (vital, other): (Vec<_>, Vec<_>) =
        numbered.into_iter().partition(|(_, one)| one.still_broken.is_empty());
    let mut sentences = Vec::new();
    let vital: Vec<String> = vital.iter().map(|(number, _)| format!("({number})")).collect();
    match vital.as_slice() {
        [] if other.is_empty() => sentences.push("nothing: the happy path itself breaks it".to_owned()),
        [] => {}
        [only] => sentences.push(format!("without {only} it holds")),
        [first, second] => sentences.push(format!("without {first}, or without {second}, it holds")),
        many => sentences.push(format!("without any one of {} it holds", many.join(", "))),
    }
    for (number, one) in other {
        sentences.push(format!("without ({number}) it still breaks {}", one.still_broken.join(" and ")));
    }
    sentences
}

/// `3 deviations`, `1 run`.
pub fn plural(count: u64, thing: &str) -> String {
    format!("{} {thing}{}", crate::clock::count(count), if count == 1 { "" } else { "s" })
}

/// For each row, the earlier rows that it follows from, by position: the nearest ones, through steps that are
/// not shown.
pub fn causes(trace: &Trace, rows: &[Row]) -> Vec<Vec<usize>> {
    let mut shown = vec![None; trace.steps.len()];
    for (at, row) in rows.iter().enumerate() {
        shown[row.step as usize] = Some(at);
    }
    let nearest = |row: &Row| {
        let mut seen = vec![false; trace.steps.len()];
        let mut open = trace.steps[row.step as usize].causes.clone();
        let mut found = Vec::new();
        while let Some(step) = open.pop() {
            if std::mem::replace(&mut seen[step as usize], true) {
                continue;
            }
            match shown[step as usize] {
                Some(at) => found.push(at),
                None => open.extend(&trace.steps[step as usize].causes),
            }
        }
        found.sort_unstable();
        found
    };
    rows.iter().map(nearest).collect()
}
