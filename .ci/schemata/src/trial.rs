//! Which mutants the tests catch.

use crate::Failure;
use crate::build::Binary;
use crate::report::Outcome;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// The program, and parts of the names of its tests, that count first: all that explore, or print what a run does.
const FIRST: (&str, [&str; 4]) =
    ("scenarios", ["exploration::", "ablations::", "stories::", "regressions::"]);

/// Parts of the names of tests that do not count: they would judge each survivor for minutes. They look further in the same ways
/// as those that count first.
const LONG: [&str; 3] = ["::guarded::", "::certified::", "::every_other_invariant_is_violated_"];

/// The most memory of a test, in KiB: a mutant may need it without end.
const MEMORY: &str = "6291456";

/// A test.
#[derive(Clone, Debug)]
pub(crate) struct Test {
    binary: Binary,
    name: String,
    /// How long a mutant may take.
    limit: Duration,
}

impl Test {
    /// Returns whether it is one of those that count first.
    fn is_first(&self) -> bool {
        self.binary.name == FIRST.0 && FIRST.1.iter().any(|part| self.name.contains(part))
    }
}

/// How a test ended.
#[derive(Debug, PartialEq, Eq)]
enum Ending {
    Passed,
    Failed,
    Late,
}

/// Returns the command that runs the binary with a mutant switched on, 0 for none.
fn command(tree: &Path, binary: &Binary, mutant: u32) -> Command {
    let mut command = Command::new("sh");
    command
        .args(["-c", &format!("ulimit -v {MEMORY}; exec \"$@\""), "sh"])
        .arg(&binary.path)
        .current_dir(&binary.folder)
        .env("SHAKEDOWN_MUTANT", mutant.to_string())
        .env("INSTA_WORKSPACE_ROOT", tree)
        .env("INSTA_UPDATE", "no")
        .env("RUST_BACKTRACE", "0");
    command
}

/// Ends a test and the commands that it runs, which are in its process group.
fn kill(child: &mut Child) -> Result<(), Failure> {
    Command::new("kill").args(["-KILL", "--", &format!("-{}", child.id())]).status()?;
    child.wait()?;
    Ok(())
}

/// Runs a test with a mutant.
fn run(tree: &Path, test: &Test, mutant: u32) -> Result<Ending, Failure> {
    let mut child = command(tree, &test.binary, mutant)
        .args(["--exact", &test.name, "--test-threads", "1"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()?;
    let began = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(if status.success() { Ending::Passed } else { Ending::Failed });
        }
        if began.elapsed() > test.limit {
            kill(&mut child)?;
            return Ok(Ending::Late);
        }
        thread::sleep(Duration::from_millis(10));
    }
}

/// Calls `act` for each item, as many at a time as there are cores, and calls `receive` with each result.
fn each<T: Sync, R: Send>(
    items: &[T],
    act: impl Fn(&T) -> Result<R, Failure> + Sync,
    mut receive: impl FnMut(R) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let left = Mutex::new(items.iter());
    let next = || left.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).next();
    let workers = thread::available_parallelism()?.get();
    let (sender, results) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..workers {
            let sender = sender.clone();
            // A worker ends when the receiver is gone.
            scope.spawn(|| {
                let sender = sender;
                while let Some(item) = next() {
                    if sender.send(act(item)).is_err() {
                        break;
                    }
                }
            });
        }
        drop(sender);
        results.into_iter().try_for_each(|result| receive(result?))
    })
}

/// Returns the tests of a program.
fn tests(tree: &Path, binary: &Binary) -> Result<Vec<Test>, Failure> {
    let list = command(tree, binary, 0).args(["--list", "--format", "terse"]).output()?;
    let names = String::from_utf8(list.stdout)?;
    let names = names.lines().filter_map(|line| line.strip_suffix(": test"));
    let names = names.filter(|name| !LONG.iter().any(|part| name.contains(part)));
    let limit = Duration::from_secs(900);
    Ok(names.map(|name| Test { binary: binary.clone(), name: name.to_owned(), limit }).collect())
}

/// Runs the tests without a mutant: all must pass, or no mutant tells anything. Returns them, in the order in which mutants meet
/// them: the quickest first.
pub(crate) fn run_without_mutant(tree: &Path, binaries: &[Binary]) -> Result<Vec<Test>, Failure> {
    let mut all = Vec::new();
    for binary in binaries {
        all.extend(tests(tree, binary)?);
    }
    let measure = |test: &Test| {
        let began = Instant::now();
        let ending = run(tree, test, 0)?;
        Ok((began.elapsed(), test.clone(), ending))
    };
    let mut times = Vec::new();
    each(&all, measure, |(time, test, ending)| {
        if ending != Ending::Passed {
            return Err(format!("without a mutant, the test {} has the result {ending:?}", test.name).into());
        }
        times.push((time, test));
        Ok(())
    })?;
    times.sort_by_key(|(time, test)| (!test.is_first(), *time));
    print_times(&times);
    // A mutant that makes a test so much slower changes what it does.
    let limit = |time: Duration| Duration::from_secs(20) + 6 * time;
    Ok(times.into_iter().map(|(time, test)| Test { limit: limit(time), ..test }).collect())
}

/// Prints how long the tests take.
fn print_times(times: &[(Duration, Test)]) {
    for (title, first) in [("tests", true), ("other tests", false)] {
        let these = times.iter().filter(|(_, test)| test.is_first() == first).map(|(time, _)| *time);
        let sum: Duration = these.clone().sum();
        println!("without a mutant, {} {title} pass in {:.1} s", these.count(), sum.as_secs_f64());
    }
}

/// Runs the tests with a mutant, up to the first that fails.
fn outcome(tree: &Path, tests: &[Test], mutant: u32) -> Result<Outcome, Failure> {
    let began = Instant::now();
    for test in tests {
        let ending = run(tree, test, mutant)?;
        let (name, time) = (test.name.clone(), began.elapsed());
        match ending {
            Ending::Passed => {}
            _ if !test.is_first() => return Ok(Outcome::Elsewhere(name, time)),
            Ending::Failed => return Ok(Outcome::Caught(name, time)),
            Ending::Late => return Ok(Outcome::Timeout(name, time)),
        }
    }
    Ok(Outcome::Missed(began.elapsed()))
}

/// Tries each of these mutants.
pub(crate) fn try_all(
    tree: &Path,
    tests: &[Test],
    mutants: &[u32],
    mut record: impl FnMut(u32, Outcome) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let judge = |mutant: &u32| Ok((*mutant, outcome(tree, tests, *mutant)?));
    each(mutants, judge, |(mutant, outcome)| record(mutant, outcome))
}
