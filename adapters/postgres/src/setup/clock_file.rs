//! [`ClockFile`]: what the server's clock shows.

use shakedown_sim::WallTime;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// The file that libfaketime reads at each reading of the clock.
#[derive(Debug)]
pub(crate) struct ClockFile {
    file: File,
    shows: WallTime,
}

impl ClockFile {
    /// Creates the file.
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        fs::write(path, text(WallTime::AT_START))?;
        Ok(Self { file: File::options().write(true).open(path)?, shows: WallTime::AT_START })
    }

    /// Sets the clock to `time`. The text has the same length always and is written at once, so no reader sees half of it.
    pub(crate) fn show(&mut self, time: WallTime) -> io::Result<()> {
        if self.shows != time {
            self.file.write_all_at(text(time).as_bytes(), 0)?;
            self.shows = time;
        }
        Ok(())
    }

    /// Returns what it shows, in microseconds since 1970, as the server counts.
    pub(crate) fn micros(&self) -> i64 {
        self.shows.unix_nanos().div_euclid(1_000)
    }
}

/// Writes a time as libfaketime reads it. It reads the fraction as a float and drops what is below a nanosecond, so the middle of
/// the microsecond is written: the server truncates to the right one.
fn text(time: WallTime) -> String {
    let micros = time.unix_nanos().div_euclid(1_000);
    let (seconds, fraction) = (micros.div_euclid(1_000_000), micros.rem_euclid(1_000_000));
    format!("{seconds:>012}.{fraction:06}5\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use shakedown_sim::Duration;

    #[test]
    fn every_time_has_the_same_length() {
        assert_eq!(text(WallTime::AT_START), "001767225600.0000005\n");
        let later = WallTime::AT_START + Duration::from_nanos(86_399_123_456_789);
        assert_eq!(text(later), "001767311999.1234565\n");
    }
}
