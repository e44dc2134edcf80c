//! Counts the instructions of the engine's hot paths with callgrind, and compares them with
//! `benchmarks/peers/counts.txt`.
//!
//! Only instructions of this program's own code count, not those of the C library, which differ between machines.
//! With `--write` the file is written instead: use it for a change that is meant to change the cost, and state that
//! in the commit. Other compilers generate other code: the file names its compiler, and with another one the
//! tolerance is wider. With the name of a path as argument, this program runs the path for callgrind.

use peers_workload::on_sim::OnSim;
use peers_workload::paths::{Path, Repeats};
use shakedown_sim::Plan;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::process::{Command, ExitCode};

const PATHS: [&str; 5] = ["booking-lite", "sleeps", "choices", "calls", "facts"];
const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../counts.txt");
const TOLERANCE_PERCENT: f64 = 3.0;
const TOLERANCE_OF_ANOTHER_COMPILER_PERCENT: f64 = 10.0;
const SEEDS: u64 = 10;
const TIMES: u32 = 1_000;

/// Runs the counted work: callgrind starts and stops with this function.
#[inline(never)]
fn counted_work(work: &mut dyn FnMut()) {
    work();
}

/// Runs a path once to allocate its memory, and once to be counted.
fn walk(name: &str) {
    let mut work: Box<dyn FnMut()> = match name {
        "booking-lite" => {
            let mut sim = OnSim::default();
            Box::new(move || (1..=SEEDS).for_each(|seed| assert!(sim.run(seed).finished > 0)))
        }
        _ => {
            let path = match name {
                "sleeps" => Path::Sleeps,
                "choices" => Path::Choices,
                "calls" => Path::Calls,
                "facts" => Path::Facts,
                _ => panic!("`{name}` is none of {PATHS:?}"),
            };
            let mut runner = Repeats::runner(path, TIMES);
            Box::new(move || {
                let outcome = runner.run(Plan::Seed(1));
                assert_eq!(outcome.violations, []);
            })
        }
    };
    work();
    counted_work(&mut *work);
}

/// Counts a path's instructions within this program's own code.
fn count(name: &str) -> u64 {
    let own = std::env::current_exe().expect("this program has a path");
    let profile = std::env::temp_dir().join(format!("shakedown-counts-{}", std::process::id()));
    let watched = Command::new("valgrind")
        .args(["--tool=callgrind", "--quiet", "--collect-atstart=no", "--toggle-collect=*counted_work*"])
        .arg(format!("--callgrind-out-file={}", profile.display()))
        .arg(&own)
        .arg(name)
        .status();
    assert!(watched.is_ok_and(|status| status.success()), "valgrind runs `{name}`");
    let text = std::fs::read_to_string(&profile).expect("callgrind wrote its profile");
    std::fs::remove_file(&profile).expect("the profile can be removed");
    own_instructions(&text, &own.file_name().expect("a program has a name").to_string_lossy())
}

/// Returns the instructions of a callgrind profile that belong to the object with this name. The format: `ob=(id) name`
/// names the object of the following lines, with the name given the first time; a line that begins with a number, `+`,
/// `-` or `*` is a position and a cost, except after `calls=`, whose cost belongs elsewhere.
fn own_instructions(profile: &str, object: &str) -> u64 {
    let (mut names, mut here, mut called, mut sum) = (BTreeMap::new(), false, false, 0);
    for line in profile.lines() {
        if let Some(named) = line.strip_prefix("ob=").or_else(|| line.strip_prefix("cob=")) {
            let (id, name) = named.split_once(' ').unwrap_or((named, ""));
            let is_own = *names.entry(id).or_insert_with(|| name.ends_with(object));
            if line.starts_with("ob=") {
                here = is_own;
            }
        } else if line.starts_with("calls=") {
            called = true;
        } else if line.starts_with(|first: char| first.is_ascii_digit() || "+-*".contains(first)) {
            let cost = line.split(' ').nth(1).and_then(|word| word.parse::<u64>().ok());
            if !std::mem::take(&mut called) && here {
                sum += cost.unwrap_or(0);
            }
        }
    }
    sum
}

fn compiler() -> String {
    let output = Command::new("rustc").arg("--version").output().expect("rustc runs");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn main() -> ExitCode {
    let argument = std::env::args().nth(1);
    match argument.as_deref() {
        Some("--write") => {
            let mut text = format!("{}\n", compiler());
            PATHS
                .iter()
                .for_each(|name| writeln!(text, "{name} {}", count(name)).expect("a text takes a line"));
            std::fs::write(FILE, &text).expect("counts.txt can be written");
            print!("{text}");
            ExitCode::SUCCESS
        }
        Some(name) => {
            walk(name);
            ExitCode::SUCCESS
        }
        None => compare(),
    }
}

fn compare() -> ExitCode {
    let text = std::fs::read_to_string(FILE).expect("counts.txt is there");
    let (made_with, lines) = text.split_once('\n').expect("counts.txt begins with its compiler");
    let own = compiler();
    let same = made_with == own;
    if !same {
        println!(
            "counts.txt was made with {made_with}, this is {own}: counts differ between compilers, so the tolerance is wide"
        );
    }
    let tolerance = if same { TOLERANCE_PERCENT } else { TOLERANCE_OF_ANOTHER_COMPILER_PERCENT };
    let mut failed = false;
    for (name, before) in lines.lines().filter_map(|line| line.split_once(' ')) {
        let before: u64 = before.parse().expect("a count is a number");
        let now = count(name);
        let change = (now as f64 / before as f64 - 1.0) * 100.0;
        let within = change.abs() <= tolerance;
        failed |= !within;
        println!(
            "{name:>14} {before:>12} → {now:>12} {change:>+6.1} %{}",
            if within { "" } else { "  beyond" }
        );
    }
    if failed {
        println!(
            "beyond {tolerance} %: if the change is meant, `.ci/counts --write` and say in the commit what it costs or saves, and why"
        );
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_costs_of_the_named_object_count_and_not_those_of_calls() {
        let profile = "ob=(1) /lib/libc.so\nfn=(1) memcpy\n10 5\nob=(2) /x/counts\nfn=(2) main\n7 11\ncob=(1)\ncfn=(1)\ncalls=1 10\n7 5\n+1 2\n* 1\n";
        assert_eq!(own_instructions(profile, "counts"), 14);
    }
}
