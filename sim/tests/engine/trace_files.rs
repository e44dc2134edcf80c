//! Trace files: a file is read as it was written, or rejected with the line and a remedy, for any bytes.

use crate::shop::Shop;
use proptest::prelude::*;
use shakedown_sim::search::{Verdict, explore, replay, understand};
use shakedown_sim::*;
use std::sync::LazyLock;

static FILE: LazyLock<String> = LazyLock::new(|| {
    let mut runner = Runner::new(Shop::default());
    let failing = explore(&mut runner, 0..20_000, 1).failing.remove(0);
    let found = runner.script_of(failing.seed);
    TraceFile::from(&understand(&mut runner, &found, &failing.violations[0])).to_string()
});

fn lines() -> Vec<&'static str> {
    FILE.split_inclusive('\n').collect()
}

#[test]
fn a_file_is_read_as_it_was_written() {
    let file: TraceFile = FILE.parse().unwrap();
    assert_eq!(file.to_string(), *FILE);
    let failure = file.failure().unwrap();
    assert_eq!(TraceFile::from(&failure), file);
    assert_eq!(failure.trace.script, failure.shrunk);
}

#[test]
fn a_file_of_a_seed_keeps_its_seed_however_great() {
    let mut runner = Runner::new(Shop::default());
    for seed in [0, 7, (1 << 53) + 1, u64::MAX] {
        let file = TraceFile::of_run(runner.record(Plan::Seed(seed)).1);
        assert_eq!(file.to_string().parse::<TraceFile>().unwrap().trace.seed, Some(seed));
    }
}

#[test]
fn keys_are_sorted_and_nothing_of_the_machine_is_in_it() {
    for line in lines() {
        let serde_json::Value::Object(record) = serde_json::from_str(line).unwrap() else { panic!("{line}") };
        let places: Vec<_> = record.keys().map(|key| line.find(&format!("\"{key}\":")).unwrap()).collect();
        assert!(record.keys().is_sorted() && places.first() <= places.last(), "{line}");
    }
    let folder = env!("CARGO_MANIFEST_DIR");
    assert!(!FILE.contains(folder));
}

fn check(text: &str, error: &str) {
    let found = text.parse::<TraceFile>().unwrap_err().to_string();
    assert!(found.contains(error), "{found}");
}

#[test]
fn what_is_no_trace_is_refused() {
    check("", "the file is empty");
    check(" \n", "the file is empty");
    check("hello\n", "line 1: it is no JSON");
    check("{}\n", "line 1: it names no schema");
    check(
        &FILE.replace(shakedown_sim::trace_file::SCHEMA, "shakedown-trace/9"),
        "line 1: unknown schema `shakedown-trace/9`: this version reads",
    );
    check(&lines()[1..].concat(), "line 1: the checksum does not match");
    assert!(TraceFile::from_bytes(&[0xFF, 0xFE]).unwrap_err().to_string().contains("it is no text"));
}

#[test]
fn a_file_that_was_cut_off_is_refused_with_its_last_line() {
    let lines = lines();
    check(&lines[..lines.len() - 1].concat(), &format!("line {}: the file is cut off", lines.len() - 1));
    check(&lines[..3].concat(), "line 3: the file is cut off");
    check(&lines[0][..lines[0].len() / 2], "line 1: the file is cut off");
    check(FILE.trim_end(), &format!("line {}: the checksum does not match", lines.len()));
}

#[test]
fn an_edited_file_is_refused_with_the_line() {
    let lines = lines();
    for at in [1, 4, lines.len() - 2] {
        let mut edited: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
        edited[at] = edited[at].replacen("record", "Record", 1);
        check(
            &edited.concat(),
            &format!("line {}: the checksum does not match: the file was edited", at + 1),
        );
    }
    let without_third: String =
        lines.iter().enumerate().filter(|(at, _)| *at != 2).map(|(_, line)| *line).collect();
    check(&without_third, "line 3: the checksum does not match");
    let twice: String = [lines[0], lines[1], &lines[1..].concat()].concat();
    check(&twice, "line 3: the checksum does not match");
}

proptest! {
    #[test]
    fn a_flipped_bit_is_noticed(at in 0..FILE.len(), bit in 0u8..8) {
        let mut bytes = FILE.clone().into_bytes();
        bytes[at] ^= 1 << bit;
        prop_assert!(TraceFile::from_bytes(&bytes).is_err());
    }

    #[test]
    fn a_cut_file_is_noticed(length in 0..FILE.len()) {
        prop_assert!(TraceFile::from_bytes(&FILE.as_bytes()[..length]).is_err());
    }

    #[test]
    fn no_bytes_make_reading_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), at in 0..FILE.len()) {
        let _ = TraceFile::from_bytes(&bytes);
        let mut spliced = FILE.as_bytes()[..at].to_vec();
        spliced.extend(&bytes);
        spliced.extend(&FILE.as_bytes()[at..]);
        let _ = TraceFile::from_bytes(&spliced);
    }
}

/// The trace of a failure that needs a crash, and the same file as versions with these schemas wrote it: with the
/// former words for a crash and for kinds of steps, and without accesses.
fn of_former_schemas(runner: &mut Runner<Shop>) -> (TraceFile, [String; 2]) {
    let file = explore(runner, 0..20_000, 20)
        .failing
        .iter()
        .map(|failing| {
            let found = runner.script_of(failing.seed);
            TraceFile::from(&understand(runner, &found, &failing.violations[0]))
        })
        .find(|file| file.trace.script.to_string().contains("= crash"))
        .expect("crashes break the shop");
    let text = file.to_string();
    let (records, _) = text.trim_end().rsplit_once('\n').expect("a file has a seal");
    assert!(!records.contains("\"accesses\""), "the shop has no row, message or place");
    let second = format!("{records}\n")
        .replace(trace_file::SCHEMA, "shakedown-trace/2")
        .replace(r#""kind":"respond""#, r#""kind":"answer""#)
        .replace(r#""kind":"response""#, r#""kind":"learn""#)
        .replace(r#""kind":"timeout""#, r#""kind":"give-up""#);
    let first = second.replace("shakedown-trace/2", "shakedown-trace/1").replace("= crash", "= vanish");
    (file, [first, second].map(|records| format!("{records}{}", seal::seal(&records))))
}

#[test]
fn files_of_former_schemas_are_read_and_replay_as_equivalent() {
    let mut runner = Runner::new(Shop::default());
    let (today, former) = of_former_schemas(&mut runner);
    let [first, second] = &former;
    assert!(first.contains("shakedown-trace/1") && first.contains("= vanish"));
    assert!(second.contains("shakedown-trace/2") && second.contains(r#""kind":"learn""#));
    for former in &former {
        let file: TraceFile = former.parse().unwrap();
        assert_eq!(file.trace.script, today.trace.script);
        let kinds = |file: &TraceFile| file.trace.steps.iter().map(|step| step.kind).collect::<Vec<_>>();
        assert_eq!(kinds(&file), kinds(&today));
        let replay = replay(&mut runner, &file).unwrap();
        assert!(matches!(replay.verdict, Verdict::Exact | Verdict::Equivalent), "{}", replay.verdict);
    }
    let planted = first.replace("= vanish", "= vanisch");
    assert!(planted.parse::<TraceFile>().is_err());
}
