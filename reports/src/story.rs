//! Which steps tell what happened, who took them, and why: the one table behind every form of a report.
//!
//! A deviation is no step of its own for a reader: it is a remark on the step that it befell, with the number
//! under which the script lists it. Plumbing (a request arrives, an answer goes out, a poller wakes) is left
//! out where it says nothing that its neighbours do not.

use crate::records::PutBack;
use shakedown_sim::search::{Change, Failure, Needed};
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
    for at in steps {
        let step = &trace.steps[*at as usize];
        let Some(choice) = &step.choice else {
            rows.push(row(*at, step, step.text.clone(), step.because.as_ref()));
            continue;
        };
        let number = number(trace, step, choice);
        let befallen = rows.last_mut().filter(|row| row.node == step.node && row.time == step.time);
        match (fate(choice), befallen) {
            (Some(fate), Some(row)) => add_remark(row, format!("{fate} {number}").trim_end()),
            (fate, _) => {
                let what = fate.or_else(|| crash(choice)).unwrap_or_else(|| turn(step, choice));
                rows.push(Row { deviates: true, ..row(*at, step, what, None) });
                add_remark(rows.last_mut().expect("it was just put there"), &number);
            }
        }
    }
    let told = |(at, row): (usize, &Row)| (!is_silent(trace, &rows, at, row)).then(|| row.clone());
    rows.iter().enumerate().filter_map(told).collect()
}

fn row(at: u32, step: &Step, what: String, because: Option<&String>) -> Row {
    let why = because.map(|because| format!("because {because}")).unwrap_or_default();
    let node = if is_of_nobody(step) { String::from("-") } else { step.node.clone() };
    Row { step: at, time: step.time, node, what, why, deviates: false }
}

/// Whether a step is the run's own, not a node's.
fn is_of_nobody(step: &Step) -> bool {
    matches!(step.kind, Kind::Heal | Kind::Rest)
}

fn add_remark(row: &mut Row, remark: &str) {
    if !row.why.is_empty() {
        row.why.push_str(", ");
    }
    row.why.push_str(remark);
    row.deviates = true;
}

/// Whether a row only says what a neighbour of the same node and moment says better.
fn is_silent(trace: &Trace, rows: &[Row], at: usize, row: &Row) -> bool {
    let kind = |row: &Row| trace.steps[row.step as usize].kind;
    if !row.why.is_empty() {
        return false;
    }
    let next = rows.get(at + 1);
    let last = at.checked_sub(1).map(|last| &rows[last]);
    match kind(row) {
        Kind::Wake | Kind::Boot | Kind::Answer | Kind::Committed => true,
        Kind::Arrive => next.is_some_and(|next| next.node == row.node && next.time == row.time),
        Kind::Crash | Kind::Stop | Kind::Pause => {
            last.is_some_and(|last| last.deviates && last.node == row.node)
        }
        Kind::Heal => next.is_none(),
        _ => false,
    }
}

/// What becomes of a message or of the way that it takes; none if the deviation is of another kind.
fn fate(choice: &ChoiceTaken) -> Option<String> {
    let taken = &choice.taken;
    let (owner, point) = choice.site.rsplit_once('/')?;
    let lasts = taken.starts_with(|first: char| first.is_ascii_digit());
    let lasting = if lasts { format!("for {taken}") } else { taken.clone() };
    match point {
        "request" if lasts => Some(format!("its request takes {taken} longer")),
        "response" if lasts => Some(format!("its answer takes {taken} longer")),
        "request" => Some(format!("its request is {taken}")),
        "response" => Some(format!("its answer is {taken}")),
        "outage" => Some(format!("{owner} is down {lasting}")),
        "slowness" => Some(format!("{owner} is slow {lasting}")),
        _ => None,
    }
}

/// How a node crashes, and beside what.
fn crash(choice: &ChoiceTaken) -> Option<String> {
    let (_, point) = choice.site.split_once('/')?;
    let beside = point.starts_with("before ") || point.starts_with("after ");
    let how = match choice.taken.as_str() {
        "vanish" => "vanishes".to_owned(),
        "stop" => "stops in order".to_owned(),
        taken => format!("is not scheduled for {}", taken.strip_prefix("pause ")?),
    };
    beside.then(|| format!("{how} {point}"))
}

/// Any other deviation: the place, as short as the node's name allows, and the way taken.
fn turn(step: &Step, choice: &ChoiceTaken) -> String {
    let own = choice.site.split_once('/').filter(|(owner, _)| {
        let role = owner.split('.').next().unwrap_or(owner);
        step.node.strip_prefix(role).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    });
    format!("{}: {}", own.map_or(choice.site.as_str(), |(_, point)| point), choice.taken)
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

/// Each deviation that the run took: as the script has it, and in words.
pub fn befalls(trace: &Trace) -> Vec<(String, String)> {
    let words = |deviation: &Deviation| {
        let of = |choice: &ChoiceTaken, step: &Step| {
            let id = &deviation.id;
            id.site == choice.site && id.nth == choice.nth && id.scope.to_string() == step.scope
        };
        trace.steps.iter().find_map(|step| {
            let choice = step.choice.as_ref().filter(|choice| of(choice, step))?;
            Some(match (fate(choice), crash(choice)) {
                (Some(fate), _) => format!("{}: {fate}", owner(choice)),
                (None, Some(crash)) => format!("{} {crash}", step.node),
                (None, None) => format!("{}: {}", step.node, turn(step, choice)),
            })
        })
    };
    let taken = |deviation: &Deviation| words(deviation).map(|words| (deviation.to_string(), words));
    trace.script.deviations.iter().filter_map(taken).collect()
}

fn owner(choice: &ChoiceTaken) -> &str {
    choice.site.split('/').next().unwrap_or(&choice.site)
}

/// What each deviation was needed for: one sentence for all without which the run comes to the same.
pub fn needed(needed: &[Needed]) -> Vec<String> {
    let mut ends: Vec<(&[String], Vec<usize>)> = Vec::new();
    for (at, one) in needed.iter().enumerate() {
        match ends.iter_mut().find(|(broken, _)| *broken == one.still_broken.as_slice()) {
            Some((_, numbers)) => numbers.push(at + 1),
            None => ends.push((&one.still_broken, vec![at + 1])),
        }
    }
    ends.sort_by_key(|(broken, _)| broken.len());
    if ends.is_empty() {
        return vec!["nothing: the happy path itself breaks it".to_owned()];
    }
    let sentence = |(broken, numbers): (&[String], Vec<usize>)| {
        let without = any_of(&numbers);
        match broken {
            [] => format!("without {without} it holds"),
            broken => format!("without {without} it still breaks {}", broken.join(" and ")),
        }
    };
    ends.into_iter().map(sentence).collect()
}

/// What the script comes to with a guardrail put back, as a sentence.
pub fn put_back(one: &PutBack) -> String {
    let guardrail = &one.guardrail;
    match (one.still_broken.as_slice(), one.met) {
        ([], true) => format!("with {guardrail} in place it holds"),
        ([], false) => {
            format!("with {guardrail} in place it holds, and there is no place for what went wrong")
        }
        (broken, _) => format!("with {guardrail} in place it still breaks {}", broken.join(" and ")),
    }
}

/// The least change with which the run holds, as a sentence. That something dropped is enough is said before.
pub fn nearest(failure: &Failure) -> Option<String> {
    let nearest = failure.nearest.as_ref()?;
    let at = failure.shrunk.deviations.iter().position(|deviation| *deviation == nearest.deviation)?;
    let number = at + 1;
    match &nearest.change {
        Change::Alternative(name) => Some(format!("with ({number}) = {name} it holds")),
        Change::Elsewhere(id) => Some(format!("with ({number}) @ {} #{} instead it holds", id.scope, id.nth)),
        Change::Dropped => None,
    }
}

/// `(1)`, `(1) or (2)`, `any one of (1), (4) to (7)`.
fn any_of(numbers: &[usize]) -> String {
    let mut spans: Vec<(usize, usize)> = Vec::new();
    for number in numbers {
        match spans.last_mut() {
            Some((_, last)) if *last + 1 == *number => *last = *number,
            _ => spans.push((*number, *number)),
        }
    }
    let span = |(first, last): &(usize, usize)| match last - first {
        0 => format!("({first})"),
        1 => format!("({first}), ({last})"),
        _ => format!("({first}) to ({last})"),
    };
    match numbers {
        [only] => format!("({only})"),
        [first, second] => format!("({first}) or ({second})"),
        _ => format!("any one of {}", spans.iter().map(span).collect::<Vec<_>>().join(", ")),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_needed_is_said_once_for_all_that_come_to_the_same() {
        assert_eq!(any_of(&[1]), "(1)");
        assert_eq!(any_of(&[1, 2]), "(1) or (2)");
        assert_eq!(any_of(&[1, 4, 5, 7, 8, 9]), "any one of (1), (4), (5), (7) to (9)");
        assert_eq!(needed(&[]), ["nothing: the happy path itself breaks it"]);
    }
}
