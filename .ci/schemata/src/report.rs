//! The outcome of each mutant.

use crate::Failure;
use crate::mutant::Mutant;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The outcome of a mutant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// A test failed, after so long.
    Caught(String, Duration),
    /// Only a test failed that counts after the others, after so long.
    Elsewhere(String, Duration),
    /// A test did not end within its limit of time.
    Timeout(String, Duration),
    /// All tests passed, in so long.
    Missed(Duration),
    /// It does not build, for this reason.
    Unviable(String),
    /// It may build, but not behind a switch, for this reason.
    NotTried(String),
}

impl Outcome {
    const LISTS: [&str; 6] = ["caught", "timeout", "caught_elsewhere", "missed", "unviable", "not_tried"];

    /// Returns the number of its list.
    fn list(&self) -> usize {
        match self {
            Self::Caught(..) => 0,
            Self::Timeout(..) => 1,
            Self::Elsewhere(..) => 2,
            Self::Missed(_) => 3,
            Self::Unviable(_) => 4,
            Self::NotTried(_) => 5,
        }
    }

    fn words(&self) -> String {
        match self {
            Self::Caught(test, time) => format!("caught in {:.1} s by {test}", time.as_secs_f64()),
            Self::Timeout(test, time) => format!("out of time after {:.1} s in {test}", time.as_secs_f64()),
            Self::Elsewhere(test, time) => format!("caught only in {:.1} s by {test}", time.as_secs_f64()),
            Self::Missed(time) => format!("MISSED in {:.1} s", time.as_secs_f64()),
            Self::Unviable(reason) => format!("does not build ({reason})"),
            Self::NotTried(reason) => format!("not tried ({reason})"),
        }
    }
}

/// The lists of the mutants by outcome, one file each, and the log of all of them in `log.txt`.
pub(crate) struct Report {
    folder: PathBuf,
    log: File,
    names: Vec<String>,
    outcomes: Vec<Option<Outcome>>,
}

impl Report {
    /// Begins empty lists in this folder.
    pub(crate) fn new(folder: &Path, mutants: &[Mutant]) -> Result<Self, Failure> {
        fs::create_dir_all(folder)?;
        for list in Outcome::LISTS {
            File::create(folder.join(list).with_extension("txt"))?;
        }
        let names = mutants.iter().map(|mutant| mutant.name.clone()).collect();
        let log = File::create(folder.join("log.txt"))?;
        Ok(Self { folder: folder.to_owned(), log, names, outcomes: vec![None; mutants.len()] })
    }

    /// Records the outcome of a mutant. Each is written at once, so that an interrupted run keeps what is known.
    pub(crate) fn add(&mut self, number: u32, outcome: &Outcome) -> Result<(), Failure> {
        let (place, list) = (number as usize - 1, Outcome::LISTS[outcome.list()]);
        self.outcomes[place] = Some(outcome.clone());
        let list = self.folder.join(list).with_extension("txt");
        writeln!(File::options().append(true).open(list)?, "{}", self.names[place])?;
        let decided = self.outcomes.iter().flatten().count();
        let line = format!("{decided}/{} {}: {}", self.names.len(), outcome.words(), self.names[place]);
        println!("{line}");
        Ok(writeln!(self.log, "{line}")?)
    }

    /// Returns the mutants without an outcome.
    pub(crate) fn undecided(&self) -> Vec<u32> {
        (1..).zip(&self.outcomes).filter(|(_, outcome)| outcome.is_none()).map(|(number, _)| number).collect()
    }

    /// Returns the sums.
    pub(crate) fn table(&self) -> String {
        let mut sums = [0; Outcome::LISTS.len()];
        for outcome in self.outcomes.iter().flatten() {
            sums[outcome.list()] += 1;
        }
        let [failed, timeout, elsewhere, missed, unviable, not_tried] = sums;
        let (caught, viable) = (failed + timeout, failed + timeout + elsewhere + missed);
        let rate = |caught: u32| 100.0 * f64::from(caught) / f64::from(viable.max(1));
        format!(
            "{viable} viable, {caught} caught ({:.1} %; {timeout} of them by a limit of time), {elsewhere} more by other \
             tests (together {:.1} %), {missed} missed, {unviable} do not build, {not_tried} not tried",
            rate(caught),
            rate(caught + elsewhere)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_that_of_the_viable_mutants() {
        let name = |number| Mutant { name: format!("m{number}"), ..crate::mutant::tests::any() };
        let mutants: Vec<Mutant> = (0..7).map(name).collect();
        let folder = std::env::temp_dir().join(format!("schemata-{}", std::process::id()));
        let mut report = Report::new(&folder, &mutants).unwrap();
        let (test, time, reason) = ("t".to_owned(), Duration::from_secs(1), "r".to_owned());
        let outcomes = [
            Outcome::Caught(test.clone(), time),
            Outcome::Caught(test.clone(), time),
            Outcome::Elsewhere(test.clone(), time),
            Outcome::Timeout(test, time),
            Outcome::Missed(time),
            Outcome::Unviable(reason.clone()),
        ];
        for (number, outcome) in (1..).zip(&outcomes) {
            report.add(number, outcome).unwrap();
        }
        assert_eq!(report.undecided(), [7]);
        report.add(7, &Outcome::NotTried(reason)).unwrap();
        let expected = "5 viable, 3 caught (60.0 %; 1 of them by a limit of time), 1 more by other tests (together 80.0 %), \
                        1 missed, 1 do not build, 1 not tried";
        assert_eq!(report.table(), expected);
        assert_eq!(fs::read_to_string(folder.join("caught.txt")).unwrap(), "m0\nm1\n");
        fs::remove_dir_all(folder).unwrap();
    }
}
