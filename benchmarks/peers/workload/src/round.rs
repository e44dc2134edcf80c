//! One engine's part of a round, in a process of its own: so many seeds, and what they cost of its core.

use crate::tally::Tally;
use std::fmt;
use std::str::FromStr;

/// What some seeds did, and how long their thread was on a core.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Round {
    /// How many seeds were run.
    pub seeds: u64,
    /// Nanoseconds of processor time.
    pub cpu_ns: u64,
    /// What they did together.
    pub tally: Tally,
}

impl Round {
    /// Runs the seeds, after one to warm up.
    pub fn of(seeds: std::ops::Range<u64>, mut run: impl FnMut(u64) -> Tally) -> Self {
        run(seeds.start);
        let (mut tally, began) = (Tally::default(), cpu_ns());
        let count = seeds.end - seeds.start;
        for seed in seeds {
            tally.add(run(seed));
        }
        Self { seeds: count, cpu_ns: cpu_ns() - began, tally }
    }

    /// Microseconds a seed.
    pub fn micros(&self) -> f64 {
        self.cpu_ns as f64 / 1e3 / self.seeds as f64
    }
}

/// Nanoseconds that this thread has been on a core, by the scheduler's own account.
///
/// # Panics
/// Where there is no `/proc`.
pub fn cpu_ns() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat")
        .expect("the kernel keeps scheduler statistics");
    text.split(' ').next().and_then(|word| word.parse().ok()).expect("its first word is a time")
}

impl fmt::Display for Round {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Tally { messages, attempts, events, finished, digest } = self.tally;
        write!(f, "{} {} {messages} {attempts} {events} {finished} {digest}", self.seeds, self.cpu_ns)
    }
}

impl FromStr for Round {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let words: Result<Vec<u64>, _> = text.split_whitespace().map(str::parse).collect();
        match words.as_deref() {
            Ok(&[seeds, cpu_ns, messages, attempts, events, finished, digest]) => {
                Ok(Self { seeds, cpu_ns, tally: Tally { messages, attempts, events, finished, digest } })
            }
            _ => Err(format!("`{text}` is no round")),
        }
    }
}

/// Answers the command line `ENGINE FIRST COUNT` with a round.
///
/// # Panics
/// If a number is none.
pub fn answer(
    arguments: &[String],
    engine: impl FnOnce(&str) -> Option<Box<dyn FnMut(u64) -> Tally>>,
) -> Option<Round> {
    let [name, first, count] = arguments else { return None };
    let number = |text: &String| text.parse::<u64>().expect("a seed is a number");
    let (first, count) = (number(first), number(count));
    engine(name).map(|run| Round::of(first..first + count, run))
}

/// Where, when and how this was measured.
pub fn measured(rounds: usize) -> String {
    let cpus = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model =
        cpus.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or(": unknown processor");
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let said = |program: &str, arguments: &[&str]| {
        let output = std::process::Command::new(program).args(arguments).output();
        output
            .map_or("unknown".to_owned(), |output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let (date, compiler) = (said("date", &["-u", "+%F"]), said("rustc", &["--version"]));
    let model = model.trim_start_matches(['\t', ' ', ':']);
    format!(
        "Measured {date} on one of {cores} cores of {model}, {compiler}, {rounds} rounds, machine shared with other work."
    )
}
