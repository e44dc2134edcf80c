//! Which steps tell what happened, who took them, and why: the one table behind every form of a report.
//!
//! A deviation is no step of its own for a reader: it is a remark on the step that it befell, with the number
//! under which the script lists it. Plumbing (a request arrives, an answer goes out, a poller wakes) is left
//! out where it says nothing that its neighbours do not.

use crate::records::PutBack;
use shakedown_sim::search::{Change, Failure, Needed};
use shakedown_sim::trace::{ChoiceTaken, Kind};
use shakedown_sim::{Deviation, Moment, Script, Step, Trace};
use std::collections::BTreeSet;

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
        let of_owner = || trouble(choice).map(|trouble| format!("{} {trouble}", owner(choice)));
        let remark = fate(choice).map(|fate| fate.remark()).or_else(of_owner);
        match (remark, befallen) {
            (Some(remark), Some(row)) => add_remark(row, format!("{remark} {number}").trim_end()),
            (remark, _) => {
                let own = trouble(choice).filter(|_| is_own(step, choice));
                let own = own.or_else(|| fate(choice).map(|fate| fate.step())).or(remark);
                let what = own.or_else(|| crash(choice)).unwrap_or_else(|| turn(step, choice));
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

/// What becomes of something that a node sends.
struct Fate {
    /// What is sent: `answer`.
    what: &'static str,
    /// What its sender does: `answers`.
    sends: &'static str,
    /// What becomes of it: `is lost`.
    becomes: String,
}

impl Fate {
    /// As a remark on the step that it befalls.
    fn remark(&self) -> String {
        format!("its {} {}", self.what, self.becomes)
    }

    /// As a step of its own.
    fn step(&self) -> String {
        format!("{}, and the {} {}", self.sends, self.what, self.becomes)
    }
}

/// What becomes of a request, an answer or a message; none if the deviation is of another kind.
fn fate(choice: &ChoiceTaken) -> Option<Fate> {
    let taken = choice.taken.as_str();
    let (what, sends) = match choice.site.rsplit_once('/')?.1 {
        "request" => ("request", "asks"),
        "response" => ("answer", "answers"),
        "send" if taken == "answer lost" => ("receipt", "sends a message"),
        "send" => ("message", "sends a message"),
        _ => return None,
    };
    let becomes = match taken {
        "answer lost" => "is lost".to_owned(),
        _ if taken.starts_with(|first: char| first.is_ascii_digit()) => format!("takes {taken} longer"),
        _ => format!("is {taken}"),
    };
    Some(Fate { what, sends, becomes })
}

/// What is the matter with the owner of a site for a while.
fn trouble(choice: &ChoiceTaken) -> Option<String> {
    let taken = &choice.taken;
    let lasts = taken.starts_with(|first: char| first.is_ascii_digit());
    let lasting = if lasts { format!("for {taken}") } else { taken.clone() };
    match choice.site.rsplit_once('/')?.1 {
        "outage" => Some(format!("is down {lasting}")),
        "slowness" => Some(format!("is slow {lasting}")),
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
    let own = choice.site.split_once('/').filter(|_| is_own(step, choice));
    format!("{}: {}", own.map_or(choice.site.as_str(), |(_, point)| point), choice.taken)
}

/// Whether a choice is of the node at which it is made, by the site's name.
fn is_own(step: &Step, choice: &ChoiceTaken) -> bool {
    let role = owner(choice).split('.').next().unwrap_or_default();
    step.node.strip_prefix(role).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
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
            Some(match (trouble(choice), fate(choice), crash(choice)) {
                (Some(trouble), ..) => format!("{} {trouble}", owner(choice)),
                (None, Some(fate), _) => format!("{}: {}", owner(choice), fate.remark()),
                (None, None, Some(crash)) => format!("{} {crash}", step.node),
                (None, None, None) => format!("{}: {}", step.node, turn(step, choice)),
            })
        })
    };
    let taken = |deviation: &Deviation| words(deviation).map(|words| (deviation.to_string(), words));
    trace.script.deviations.iter().filter_map(taken).collect()
}

fn owner(choice: &ChoiceTaken) -> &str {
    choice.site.split('/').next().unwrap_or(&choice.site)
}

/// The command that runs a script again, to be pasted into a shell.
pub fn command(script: &Script) -> String {
    let mut command = format!("shakedown run {}", script.scenario);
    let mut option =
        |name: &str, value: &str| command.push_str(&format!(" \\\n  --{name} {}", quoted(value)));
    script.without.iter().for_each(|guardrail| option("without", guardrail));
    if !script.variant.0.is_empty() {
        option("variant", &script.variant.to_string());
    }
    script.deviations.iter().for_each(|deviation| option("deviate", &deviation.compact()));
    command
}

/// A sentence begins with a capital, unless it begins with a name: `intent-1`.
pub(crate) fn capital(text: &str) -> String {
    let first = text.split(' ').next().unwrap_or_default();
    match text.chars().next() {
        Some(letter) if first.chars().all(char::is_alphabetic) => {
            letter.to_uppercase().chain(text.chars().skip(1)).collect()
        }
        _ => text.to_owned(),
    }
}

/// A value as a shell takes it literally.
fn quoted(value: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.:/=,".contains(c);
    match value.chars().all(plain) {
        true => value.to_owned(),
        false => format!("'{}'", value.replace('\'', "'\\''")),
    }
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
        Change::Alternative(name) => Some(format!("with ({number}) = {name}, it holds")),
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
/// not shown, and without those from which another of them follows.
pub fn causes(trace: &Trace, rows: &[Row]) -> Vec<Vec<usize>> {
    let mut shown = vec![None; trace.steps.len()];
    for (at, row) in rows.iter().enumerate() {
        shown[row.step as usize] = Some(at);
    }
    // The last row for which a step was seen.
    let mut seen = vec![usize::MAX; trace.steps.len()];
    let mut causes: Vec<Vec<usize>> = Vec::with_capacity(rows.len());
    for (at, row) in rows.iter().enumerate() {
        let mut open = trace.steps[row.step as usize].causes.clone();
        let mut found = Vec::new();
        while let Some(step) = open.pop() {
            if std::mem::replace(&mut seen[step as usize], at) == at {
                continue;
            }
            match shown[step as usize] {
                Some(cause) => found.push(cause),
                None => open.extend(&trace.steps[step as usize].causes),
            }
        }
        found.sort_unstable();
        causes.push(without_implied(found, &causes));
    }
    causes
}

/// Leaves out each cause from which another one follows. `before` holds the causes of each row so far.
fn without_implied(found: Vec<usize>, before: &[Vec<usize>]) -> Vec<usize> {
    let Some(first) = found.first().copied().filter(|_| found.len() > 1) else { return found };
    // What is told further down has no causes yet.
    let causes_of = |cause: usize| before.get(cause).into_iter().flatten();
    let mut implied = BTreeSet::new();
    let mut open: Vec<usize> = found.iter().flat_map(|cause| causes_of(*cause)).copied().collect();
    while let Some(cause) = open.pop() {
        if cause >= first && implied.insert(cause) {
            open.extend(causes_of(cause));
        }
    }
    found.into_iter().filter(|cause| !implied.contains(cause)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_left_as_they_are() {
        let cases = ["the row is lost", "intent-1 is lost", "job 1 is lost", ""].map(capital);
        assert_eq!(cases, ["The row is lost", "intent-1 is lost", "Job 1 is lost", ""]);
    }

    #[test]
    fn a_shell_takes_a_value_as_it_is() {
        assert_eq!(quoted("execution-log:a"), "execution-log:a");
        assert_eq!(quoted("a/b c@d-1#1=it's"), r"'a/b c@d-1#1=it'\''s'");
    }

    #[test]
    fn what_was_needed_is_said_once_for_all_that_come_to_the_same() {
        assert_eq!(any_of(&[1]), "(1)");
        assert_eq!(any_of(&[1, 2]), "(1) or (2)");
        assert_eq!(any_of(&[1, 4, 5, 7, 8, 9]), "any one of (1), (4), (5), (7) to (9)");
        assert_eq!(needed(&[]), ["nothing: the happy path itself breaks it"]);
    }
}
