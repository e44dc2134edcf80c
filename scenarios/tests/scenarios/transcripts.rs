//! The statements of runs as transcripts, which `.ci/transcripts` plays on a PostgreSQL server to check the simulated database.
//!
//! `SHAKEDOWN_TRANSCRIPTS=FILE` names the file, and `SHAKEDOWN_RUNS` the number of runs (500).

use serde_json::{Map, Value, json};
use shakedown_scenarios::booking::Booking;
use shakedown_scenarios::consistency::Consistency;
use shakedown_scenarios::lifecycle::Lifecycle;
use shakedown_sim::database::{Transcript, TranscriptAction, TranscriptReply, TranscriptStep};
use shakedown_sim::{Plan, Runner, Scenario};
use std::io::Write;

/// What a number of transcripts hold.
#[derive(Default)]
struct Totals {
    runs: usize,
    /// Transcripts that end before the run does, because the server crashes.
    ended_by_crash: usize,
    statements: usize,
    waits: usize,
    errors: usize,
    cancelled: usize,
}

impl Totals {
    fn add(&mut self, transcript: &Transcript) {
        self.runs += 1;
        self.ended_by_crash += usize::from(transcript.ends_early.is_some());
        let mut blocked_before = 0;
        for step in &transcript.steps {
            self.statements += usize::from(matches!(step.action, TranscriptAction::Run(_)));
            self.cancelled += usize::from(step.action == TranscriptAction::Cancel);
            let errors = step.replies.values().filter(|reply| matches!(reply, TranscriptReply::Error(_)));
            self.errors += errors.count();
            if let Some(blocked) = &step.blocked {
                self.waits += blocked.len().saturating_sub(blocked_before);
                blocked_before = blocked.len();
            }
        }
    }
}

/// Calls `take` with the transcripts of the first runs whose transactions are not serializable, one scenario after the other. At
/// serializable the server aborts more transactions than the database does, because its predicate locks depend on its plans.
fn each<S: Scenario>(scenario: S, runs: usize, take: &mut dyn FnMut(String, &Transcript)) {
    let name = scenario.name().to_owned();
    let mut runner = Runner::new(scenario);
    let mut taken = 0;
    for seed in 0.. {
        if taken == runs {
            return;
        }
        let (_, transcripts) = runner.transcribe(Plan::Seed(seed));
        if runner.script().variant.get("isolation") == Some("serializable") {
            continue;
        }
        taken += 1;
        for transcript in &transcripts {
            take(format!("{name} seed {seed}"), transcript);
        }
    }
}

fn each_of_all(runs: usize, take: &mut dyn FnMut(String, &Transcript)) {
    let third = runs / 3;
    each(Booking::without(&[]).expect("the whole design"), runs - 2 * third, take);
    each(Consistency::without(&[]).expect("the whole design"), third, take);
    each(Lifecycle::without(&[]).expect("the whole design"), third, take);
}

fn reply(reply: &TranscriptReply) -> Value {
    match reply {
        TranscriptReply::Done => Value::Null,
        TranscriptReply::Rows(rows) => json!({ "rows": rows }),
        TranscriptReply::Error(code) => json!({ "error": code }),
    }
}

fn step(step: &TranscriptStep) -> Value {
    let replies: Map<String, Value> =
        step.replies.iter().map(|(session, answer)| (session.to_string(), reply(answer))).collect();
    let mut line = json!({ "session": step.session, "replies": replies });
    match &step.action {
        TranscriptAction::Run(sql) => line["sql"] = json!(sql),
        TranscriptAction::Cancel => line["cancel"] = json!(true),
        TranscriptAction::Close => line["close"] = json!(true),
    }
    if let Some(blocked) = &step.blocked {
        let blocked: Map<String, Value> =
            blocked.iter().map(|(session, by)| (session.to_string(), json!(by))).collect();
        line["blocked"] = Value::Object(blocked);
    }
    line
}

/// Returns a transcript as a line of a file.
fn line(title: &str, transcript: &Transcript) -> String {
    let steps: Vec<Value> = transcript.steps.iter().map(step).collect();
    let last: Vec<Value> =
        transcript.last.iter().map(|(sql, rows)| json!({ "sql": sql, "reply": reply(rows) })).collect();
    json!({ "transcript": title, "setup": transcript.setup, "steps": steps, "last": last }).to_string()
}

/// Every statement of these scenarios has a form in SQL, and the runs wait for locks, fail and are cancelled.
#[test]
fn transcripts_of_runs_are_whole() {
    let mut totals = Totals::default();
    each_of_all(60, &mut |title, transcript| {
        let is_whole = matches!(transcript.ends_early, None | Some("a crash of the server"));
        assert!(is_whole, "{title}: {:?}", transcript.ends_early);
        totals.add(transcript);
    });
    assert!(totals.statements > 1_000 && totals.waits > 0 && totals.errors > 0, "{}", text(&totals));
}

fn text(totals: &Totals) -> String {
    let Totals { runs, ended_by_crash, statements, waits, errors, cancelled } = totals;
    format!(
        "{runs} transcripts, {ended_by_crash} of them up to a failover: {statements} statements, {waits} waits, {errors} errors, {cancelled} cancelled"
    )
}

/// Writes the transcripts of this many runs into a file, and returns what they hold.
fn write(path: &str, runs: usize) -> Totals {
    let file = std::fs::File::create(path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let (mut file, mut totals) = (std::io::BufWriter::new(file), Totals::default());
    each_of_all(runs, &mut |title, transcript| {
        totals.add(transcript);
        writeln!(file, "{}", line(&title, transcript)).unwrap_or_else(|error| panic!("{path}: {error}"));
    });
    file.flush().unwrap_or_else(|error| panic!("{path}: {error}"));
    totals
}

#[test]
fn transcripts_are_written_where_they_are_wanted() {
    let Ok(path) = std::env::var("SHAKEDOWN_TRANSCRIPTS") else { return };
    let runs = std::env::var("SHAKEDOWN_RUNS").ok().and_then(|runs| runs.parse().ok());
    println!("{}", text(&write(&path, runs.unwrap_or(500))));
}
