//! What became of each mutant.

use crate::Failure;
use crate::mutant::Mutant;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What became of a mutant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
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

impl Fate {
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

/// The lists of what became of the mutants, one file each, and the whole story in `log.txt`.
pub(crate) struct Report {
    folder: PathBuf,
    log: File,
    names: Vec<String>,
    fates: Vec<Option<Fate>>,
}

impl Report {
    /// Begins empty lists in this folder.
    pub(crate) fn new(folder: &Path, mutants: &[Mutant]) -> Result<Self, Failure> {
        fs::create_dir_all(folder)?;
        for list in Fate::LISTS {
            File::create(folder.join(list).with_extension("txt"))?;
        }
        let names = mutants.iter().map(|mutant| mutant.name.clone()).collect();
        let log = File::create(folder.join("log.txt"))?;
        Ok(Self { folder: folder.to_owned(), log, names, fates: vec![None; mutants.len()] })
    }

    /// Says what became of a mutant. Each is written at once: what is known outlives an interruption.
    pub(crate) fn add(&mut self, number: u32, fate: &Fate) -> Result<(), Failure> {
        let (place, list) = (number as usize - 1, Fate::LISTS[fate.list()]);
        self.fates[place] = Some(fate.clone());
        let list = self.folder.join(list).with_extension("txt");
        writeln!(File::options().append(true).open(list)?, "{}", self.names[place])?;
        let told = self.fates.iter().flatten().count();
        let line = format!("{told}/{} {}: {}", self.names.len(), fate.words(), self.names[place]);
        println!("{line}");
        Ok(writeln!(self.log, "{line}")?)
    }

    /// Returns the mutants of which nothing is said.
    pub(crate) fn untold(&self) -> Vec<u32> {
        (1..).zip(&self.fates).filter(|(_, fate)| fate.is_none()).map(|(number, _)| number).collect()
    }

    /// Returns the sums.
    pub(crate) fn table(&self) -> String {
        let mut sums = [0; Fate::LISTS.len()];
        for fate in self.fates.iter().flatten() {
            sums[fate.list()] += 1;
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
        let fates = [
            Fate::Caught(test.clone(), time),
            Fate::Caught(test.clone(), time),
            Fate::Elsewhere(test.clone(), time),
            Fate::Timeout(test, time),
            Fate::Missed(time),
            Fate::Unviable(reason.clone()),
        ];
        for (number, fate) in (1..).zip(&fates) {
            report.add(number, fate).unwrap();
        }
        assert_eq!(report.untold(), [7]);
        report.add(7, &Fate::NotTried(reason)).unwrap();
        let expected = "5 viable, 3 caught (60.0 %; 1 of them by a limit of time), 1 more by other tests (together 80.0 %), \
                        1 missed, 1 do not build, 1 not tried";
        assert_eq!(report.table(), expected);
        assert_eq!(fs::read_to_string(folder.join("caught.txt")).unwrap(), "m0\nm1\n");
        fs::remove_dir_all(folder).unwrap();
    }
}
