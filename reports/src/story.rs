//! The steps that explain a failure, with their nodes and reasons: the one table behind every form of a report.
//!
//! For a reader, a deviation is not a step of its own: it is a remark on the step that it affects, with its number in
//! the script. Steps that carry no information (a request arrives, a response is sent, a poller wakes) are left out
//! where their neighbours say the same.

use crate::records::RestoredGuardrail;
use shakedown_sim::fault::Fault;
use shakedown_sim::kv::{CommandFault, EvictionFault, KvFailover, MessageFault};
use shakedown_sim::log::{MemberFault, RequestFault};
use shakedown_sim::search::{Change, Failure, Nearest};
use shakedown_sim::trace::{ChoiceTaken, Kind};
use shakedown_sim::{
    CrashFault, Deviation, Duration, Episode, LinkFault, Moment, Script, SendFault, SettleFault, Step, Trace,
    time,
};
use std::collections::BTreeSet;

/// A step as a reader sees it.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
pub struct Row {
    /// Its number in the trace.
    pub step: u32,
    /// The time.
    #[serde(with = "crate::as_text::nanos")]
    pub time: Moment,
    /// The node, or `-` for the run itself.
    pub node: String,
    /// The event, as a sentence whose subject is the node.
    pub what: String,
    /// The reason, and the deviation that affects it.
    pub why: String,
    /// Whether it deviates from the happy path.
    pub deviates: bool,
}

/// Returns the rows of a failure's slice.
pub fn of_failure(failure: &Failure) -> Vec<Row> {
    rows(&failure.trace, &failure.slice)
}

/// Returns the rows of a whole run.
pub fn of_run(trace: &Trace) -> Vec<Row> {
    let all: Vec<u32> =
        (0..trace.steps.len() as u32).filter(|at| !is_detail(&trace.steps[*at as usize])).collect();
    rows(trace, &all)
}

/// Returns whether a step is only relevant to a close reading.
fn is_detail(step: &Step) -> bool {
    matches!(step.kind, Kind::Log | Kind::Statement | Kind::LockWait | Kind::Respond)
        || matches!(step.kind, Kind::Acquire | Kind::Release)
}

/// Returns the rows of these steps of a trace.
pub fn rows(trace: &Trace, steps: &[u32]) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    for at in steps {
        let step = &trace.steps[*at as usize];
        let Some(choice) = &step.choice else {
            rows.push(row(*at, step, step.text.clone(), step.because.as_ref()));
            continue;
        };
        let number = number(trace, step, choice);
        if is_of_order(choice) {
            rows.push(Row { deviates: true, ..row(*at, step, step.text.clone(), None) });
            add_remark(rows.last_mut().expect("it was just put there"), &number);
            continue;
        }
        let affected = rows.last_mut().filter(|row| row.node == step.node && row.time == step.time);
        let of_owner = || trouble(choice).map(|trouble| format!("{} {trouble}", owner(choice)));
        let remark = disturbance(choice).map(|one| one.remark()).or_else(of_owner);
        match (remark, affected) {
            (Some(remark), Some(row)) => add_remark(row, format!("{remark} {number}").trim_end()),
            (remark, _) => {
                let own = trouble(choice).filter(|_| is_own(step, choice));
                let own = own.or_else(|| disturbance(choice).map(|one| one.step())).or(remark);
                let crashes = || crash(choice).map(|crash| crash + &cut_short(trace, *at, step, choice));
                let what = own.or_else(crashes).or_else(|| server_event(choice));
                let what = what.unwrap_or_else(|| turn(step, choice));
                rows.push(Row { deviates: true, ..row(*at, step, what, None) });
                add_remark(rows.last_mut().expect("it was just put there"), &number);
            }
        }
    }
    let shown = |(at, row): (usize, &Row)| (!is_redundant(trace, &rows, at, row)).then(|| row.clone());
    rows.iter().enumerate().filter_map(shown).collect()
}

/// Returns whether a choice concerns task order: the step itself names the tasks.
fn is_of_order(choice: &ChoiceTaken) -> bool {
    choice.site.ends_with("/schedule")
}

fn row(at: u32, step: &Step, what: String, because: Option<&String>) -> Row {
    let why = because.map(|because| format!("because {because}")).unwrap_or_default();
    let node = if is_of_the_run(step) { String::from("-") } else { step.node.clone() };
    Row { step: at, time: step.time, node, what, why, deviates: false }
}

/// Returns whether a step belongs to the run itself, not to a node.
fn is_of_the_run(step: &Step) -> bool {
    matches!(step.kind, Kind::Heal | Kind::Rest)
}

fn add_remark(row: &mut Row, remark: &str) {
    if !row.why.is_empty() {
        row.why.push_str(", ");
    }
    row.why.push_str(remark);
    row.deviates = true;
}

/// Returns whether a neighbour of the same node and moment says the same with more detail.
fn is_redundant(trace: &Trace, rows: &[Row], at: usize, row: &Row) -> bool {
    let kind = |row: &Row| trace.steps[row.step as usize].kind;
    if !row.why.is_empty() {
        return false;
    }
    let next = rows.get(at + 1);
    let last = at.checked_sub(1).map(|last| &rows[last]);
    match kind(row) {
        Kind::Wake | Kind::Boot | Kind::Committed => true,
        Kind::Arrive => next.is_some_and(|next| next.node == row.node && next.time == row.time),
        Kind::Crash | Kind::Stop | Kind::Pause => {
            last.is_some_and(|last| last.deviates && last.node == row.node)
        }
        Kind::Heal => next.is_none(),
        _ => false,
    }
}

/// A fault of something that a node sends.
struct Disturbance {
    /// The object: `response`.
    what: &'static str,
    /// The action of its sender: `responds`.
    sends: &'static str,
    /// The effect of the fault: `is lost`.
    effect: String,
}

impl Disturbance {
    /// Returns it as a remark on the step that it affects.
    fn remark(&self) -> String {
        format!("its {} {}", self.what, self.effect)
    }

    /// Returns it as a step of its own.
    fn step(&self) -> String {
        format!("{}, and the {} {}", self.sends, self.what, self.effect)
    }
}

/// Returns the fault of a request, a response or a message; `None` if the deviation is of another kind.
fn disturbance(choice: &ChoiceTaken) -> Option<Disturbance> {
    let (what, sends, effect) = match choice.fault? {
        Fault::Link(fault) if point(choice) == "response" => ("response", "responds", of_link(fault)),
        Fault::Link(fault) => ("request", "sends a request", of_link(fault)),
        Fault::Send(SendFault::ResponseLost) => ("receipt", "sends a message", "is lost".to_owned()),
        Fault::Send(fault) => ("message", "sends a message", of_send(fault)),
        Fault::Settle(SettleFault::ResponseLost) | Fault::Request(RequestFault::ResponseLost) => {
            ("response", "sends a request", "is lost".to_owned())
        }
        Fault::Settle(fault) => ("request", "sends a request", of_settlement(fault)),
        Fault::Request(fault) => ("request", "sends a request", of_log_request(fault)),
        Fault::Command(CommandFault::ResponseLost) => ("reply", "sends a command", "is lost".to_owned()),
        Fault::Command(fault) => ("command", "sends a command", of_command(fault)),
        _ => return None,
    };
    Some(Disturbance { what, sends, effect })
}

fn of_link(fault: LinkFault) -> String {
    match fault {
        LinkFault::Lost => "is lost".to_owned(),
        LinkFault::Refused => "is refused".to_owned(),
        LinkFault::Late(by) => is_late(by),
    }
}

fn of_send(fault: SendFault) -> String {
    match fault {
        SendFault::Lost | SendFault::ResponseLost => "is lost".to_owned(),
        SendFault::Refused => "is refused".to_owned(),
        SendFault::Twice => "is accepted twice".to_owned(),
        SendFault::Late(by) => is_late(by),
    }
}

fn of_settlement(fault: SettleFault) -> String {
    match fault {
        SettleFault::Lost | SettleFault::ResponseLost => "is lost".to_owned(),
        SettleFault::Refused => "is refused".to_owned(),
        SettleFault::Late(by) => is_late(by),
    }
}

fn of_log_request(fault: RequestFault) -> String {
    match fault {
        RequestFault::Lost | RequestFault::ResponseLost => "is lost".to_owned(),
        RequestFault::Refused => "is refused".to_owned(),
        RequestFault::Late(by) => is_late(by),
    }
}

fn of_command(fault: CommandFault) -> String {
    match fault {
        CommandFault::Lost | CommandFault::ResponseLost => "is lost".to_owned(),
        CommandFault::Refused => "is refused".to_owned(),
        CommandFault::Late(by) => is_late(by),
    }
}

fn is_late(by: Duration) -> String {
    format!("takes {} longer", time::text(by))
}

/// Returns what the broker of a log does with a consumer group, or a key-value store with its data and subscribers.
fn server_event(choice: &ChoiceTaken) -> Option<String> {
    let event = match choice.fault? {
        Fault::Member(MemberFault::Rebalance) => "begins a rebalance of the group".to_owned(),
        Fault::Member(MemberFault::SessionTimeout) => "receives no heartbeats from the member".to_owned(),
        Fault::KvFailover(KvFailover::Crash(_)) => "crashes right after the write".to_owned(),
        Fault::KvFailover(KvFailover::Partition(apart)) => {
            format!("cannot reach its replica for {}", time::text(apart))
        }
        Fault::KvFailover(KvFailover::Demotion(stale)) => {
            format!("is demoted right after the write, and still reached for {}", time::text(stale))
        }
        Fault::KvFailover(KvFailover::Restart(loading)) => {
            format!("restarts right after the write, and loads for {}", time::text(loading))
        }
        Fault::Eviction(EvictionFault::Evicted) => "has evicted the key".to_owned(),
        Fault::Message(MessageFault::Disconnected) => "breaks the connection of the subscriber".to_owned(),
        Fault::Message(MessageFault::Late(by)) => format!("sends the message {} later", time::text(by)),
        _ => return None,
    };
    Some(event)
}

/// Returns the episode that affects the owner of a site.
fn trouble(choice: &ChoiceTaken) -> Option<String> {
    let Fault::Episode(episode) = choice.fault? else { return None };
    let lasting = match episode {
        Episode::For(length) => format!("for {}", time::text(length)),
        Episode::UntilHealed => "until healed".to_owned(),
    };
    Some(format!("is {} {lasting}", if point(choice) == "slowness" { "slow" } else { "down" }))
}

/// Returns how a node crashes, shuts down or pauses, and before or after which effect.
fn crash(choice: &ChoiceTaken) -> Option<String> {
    let how = match choice.fault? {
        Fault::Crash(CrashFault::Crash) => "crashes".to_owned(),
        Fault::Crash(CrashFault::ShutDown) => "shuts down".to_owned(),
        Fault::Crash(CrashFault::Pause(length)) => format!("is paused for {}", time::text(length)),
        _ => return None,
    };
    Some(format!("{how} {}", point(choice)))
}

/// Returns the part of a site's name after its owner.
fn point(choice: &ChoiceTaken) -> &str {
    choice.site.split_once('/').map_or("", |(_, point)| point)
}

/// Returns the real length of a pause that the heal time ends early, as the end of a sentence; empty for all other
/// deviations.
fn cut_short(trace: &Trace, at: u32, step: &Step, choice: &ChoiceTaken) -> String {
    let Some(Fault::Crash(CrashFault::Pause(planned))) = choice.fault else { return String::new() };
    let resumes = |later: &&Step| later.kind == Kind::Resume && later.node == step.node;
    let resumed = trace.steps[at as usize..].iter().find(resumes).map(|later| later.time - step.time);
    match resumed {
        Some(real) if real < planned => format!(", cut to {} by the heal time", time::text(real)),
        _ => String::new(),
    }
}

/// Returns any other deviation: its site, as short as the node's name allows, and the alternative.
fn turn(step: &Step, choice: &ChoiceTaken) -> String {
    let own = choice.site.split_once('/').filter(|_| is_own(step, choice));
    format!("{}: {}", own.map_or(choice.site.as_str(), |(_, point)| point), choice.taken)
}

/// Returns whether the site of a choice is named after the node of its step.
fn is_own(step: &Step, choice: &ChoiceTaken) -> bool {
    let role = owner(choice).split('.').next().unwrap_or_default();
    step.node.strip_prefix(role).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

/// Returns the deviation's number in the script, in parentheses.
fn number(trace: &Trace, step: &Step, choice: &ChoiceTaken) -> String {
    let at = trace.script.deviations.iter().position(|deviation| {
        let id = &deviation.id;
        id.site == choice.site && id.nth == choice.nth && id.scope.to_string() == step.scope
    });
    at.map(|at| format!("({})", at + 1)).unwrap_or_default()
}

/// Returns the script's deviations, numbered from 1.
pub fn numbered(script: &Script) -> Vec<(usize, &Deviation)> {
    script.deviations.iter().enumerate().map(|(at, deviation)| (at + 1, deviation)).collect()
}

/// Returns the deviations of a script in brief, to distinguish findings: `till.charge/response = lost and 1 more`.
pub fn in_brief(script: &Script) -> String {
    match script.deviations.as_slice() {
        [] => "the happy path".to_owned(),
        [one] => format!("{} = {}", one.id.site, one.alternative),
        [one, more @ ..] => format!("{} = {} and {} more", one.id.site, one.alternative, more.len()),
    }
}

/// A deviation that a run took.
pub struct DeviationTaken {
    /// In the form of scripts.
    pub deviation: String,
    /// As a sentence.
    pub sentence: String,
    /// The file and the line of the code under test at which the choice was made, if they are known.
    pub source: Option<String>,
}

/// Returns each deviation that the run took.
pub fn deviations(trace: &Trace) -> Vec<DeviationTaken> {
    let taken = |deviation: &Deviation| {
        let of = |choice: &ChoiceTaken, step: &Step| {
            let id = &deviation.id;
            id.site == choice.site && id.nth == choice.nth && id.scope.to_string() == step.scope
        };
        trace.steps.iter().zip(0..).find_map(|(step, at)| {
            let choice = step.choice.as_ref().filter(|choice| of(choice, step))?;
            let trouble = trouble(choice).map(|trouble| format!("{} {trouble}", owner(choice)));
            let remark = || disturbance(choice).map(|one| format!("{}: {}", owner(choice), one.remark()));
            let crash = || {
                let crash = crash(choice)?;
                Some(format!("{} {crash}{}", step.node, cut_short(trace, at, step, choice)))
            };
            let event = || server_event(choice).map(|event| format!("{} {event}", step.node));
            let other = || format!("{}: {}", step.node, turn(step, choice));
            Some(DeviationTaken {
                deviation: deviation.to_string(),
                sentence: trouble.or_else(remark).or_else(crash).or_else(event).unwrap_or_else(other),
                source: choice.source.clone(),
            })
        })
    };
    trace.script.deviations.iter().filter_map(taken).collect()
}

fn owner(choice: &ChoiceTaken) -> &str {
    choice.site.split('/').next().unwrap_or(&choice.site)
}

/// Returns a sentence with a capital at its beginning, unless it begins with a name: `intent-1`.
pub(crate) fn capital(text: &str) -> String {
    let first = text.split(' ').next().unwrap_or_default();
    match text.chars().next() {
        Some(letter) if first.chars().all(char::is_alphabetic) => {
            letter.to_uppercase().chain(text.chars().skip(1)).collect()
        }
        _ => text.to_owned(),
    }
}

/// Returns a sentence for each distinct result of removing one deviation. There is none if a script with deviations was
/// explained without removing them.
pub fn needed(failure: &Failure) -> Vec<String> {
    if failure.shrunk.deviations.is_empty() {
        return vec!["nothing: the happy path itself violates it".to_owned()];
    }
    let mut results: Vec<(&[String], Vec<usize>)> = Vec::new();
    for (at, one) in failure.needed.iter().enumerate() {
        match results.iter_mut().find(|(broken, _)| *broken == one.still_broken.as_slice()) {
            Some((_, numbers)) => numbers.push(at + 1),
            None => results.push((&one.still_broken, vec![at + 1])),
        }
    }
    results.sort_by_key(|(broken, _)| broken.len());
    let sentence = |(broken, numbers): (&[String], Vec<usize>)| {
        let without = any_of(&numbers);
        match broken {
            [] => format!("without {without} it holds"),
            broken => format!("without {without} it still violates {}", broken.join(" and ")),
        }
    };
    results.into_iter().map(sentence).collect()
}

/// Returns the result of the script with a guardrail put back, as a sentence.
pub fn put_back(one: &RestoredGuardrail) -> String {
    let guardrail = &one.guardrail;
    match (one.still_violated.as_slice(), one.all_offered) {
        ([], true) => format!("with {guardrail} in place it holds"),
        ([], false) => {
            format!("with {guardrail} in place it holds, and a choice of the script is never offered")
        }
        (broken, _) => format!("with {guardrail} in place it still violates {}", broken.join(" and ")),
    }
}

/// Returns the least change that avoids the failure, as a sentence; `None` if it drops a deviation, which [`needed`]
/// states.
pub fn nearest(failure: &Failure) -> Option<String> {
    let nearest = failure.nearest.as_ref()?;
    let at = failure.shrunk.deviations.iter().position(|deviation| *deviation == nearest.deviation)?;
    let changed = changed(nearest)?;
    Some(format!("with {changed} instead of ({}) it passes", at + 1))
}

/// Returns the changed deviation of the nearest passing script; `None` if it drops the deviation.
pub(crate) fn changed(nearest: &Nearest) -> Option<Deviation> {
    let deviation = nearest.deviation.clone();
    match &nearest.change {
        Change::Alternative(name) => Some(Deviation { alternative: name.clone(), ..deviation }),
        Change::Elsewhere(id) => Some(Deviation { id: id.clone(), ..deviation }),
        Change::Dropped => None,
    }
}

/// Formats numbers: `(1)`, `(1) or (2)`, `any one of (1), (4) to (7)`.
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

/// Returns a count with its noun: `3 deviations`, `1 run`.
pub fn plural(count: u64, thing: &str) -> String {
    format!("{} {thing}{}", crate::clock::count(count), if count == 1 { "" } else { "s" })
}

/// Returns for each row the positions of the earlier rows that it follows from: the nearest ones, through steps that
/// are not shown, without those that are implied by another.
pub fn causes(trace: &Trace, rows: &[Row]) -> Vec<Vec<usize>> {
    let mut shown = vec![None; trace.steps.len()];
    for (at, row) in rows.iter().enumerate() {
        shown[row.step as usize] = Some(at);
    }
    // The last row for which each step was visited.
    let mut visited = vec![usize::MAX; trace.steps.len()];
    let mut causes: Vec<Vec<usize>> = Vec::with_capacity(rows.len());
    for (at, row) in rows.iter().enumerate() {
        let mut open = trace.steps[row.step as usize].causes.clone();
        let mut found = Vec::new();
        while let Some(step) = open.pop() {
            if std::mem::replace(&mut visited[step as usize], at) == at {
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

/// Leaves out each cause that is implied by another one. `before` holds the causes of each row so far.
fn without_implied(found: Vec<usize>, before: &[Vec<usize>]) -> Vec<usize> {
    let Some(first) = found.first().copied().filter(|_| found.len() > 1) else { return found };
    // A row further down has no causes yet.
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
    fn equal_results_of_removing_a_deviation_share_a_sentence() {
        assert_eq!(any_of(&[1]), "(1)");
        assert_eq!(any_of(&[1, 2]), "(1) or (2)");
        assert_eq!(any_of(&[1, 4, 5, 7, 8, 9]), "any one of (1), (4), (5), (7) to (9)");
    }
}
