//! One engine's part of a round, in a process of its own: a number of seeds, and their processor time.

use crate::tally::Tally;
use std::fmt;
use std::str::FromStr;

/// The counts of some seeds, and the time that their thread spent on a core.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Round {
    /// The number of seeds.
    pub seeds: u64,
    /// Nanoseconds of processor time.
    pub cpu_ns: u64,
    /// The sum of their counts.
    pub tally: Tally,
}

impl Round {
    /// Runs the seeds, after a warm-up seed.
    pub fn of(seeds: std::ops::Range<u64>, mut run: impl FnMut(u64) -> Tally) -> Self {
        run(seeds.start);
        let (mut tally, began) = (Tally::default(), cpu_ns());
        let count = seeds.end - seeds.start;
        for seed in seeds {
            tally.add(run(seed));
        }
        Self { seeds: count, cpu_ns: cpu_ns() - began, tally }
    }

    /// Returns microseconds per seed.
    pub fn micros(&self) -> f64 {
        self.cpu_ns as f64 / 1e3 / self.seeds as f64
    }
}

/// Returns the nanoseconds that this thread has spent on a core, as the scheduler counts them.
///
/// # Panics
/// On systems without `/proc`.
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

/// Runs the command line `ENGINE FIRST COUNT` and returns its round; `None` for any other command line.
///
/// # Panics
/// If an argument is not a number.
pub fn answer(
    arguments: &[String],
    engine: impl FnOnce(&str) -> Option<Box<dyn FnMut(u64) -> Tally>>,
) -> Option<Round> {
    let [name, first, count] = arguments else { return None };
    let number = |text: &String| text.parse::<u64>().expect("a seed is a number");
    let (first, count) = (number(first), number(count));
    engine(name).map(|run| Round::of(first..first + count, run))
}

/// Returns the place, the date and the conditions of the measurement.
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
