//! A node's own clock: an offset, a drift, and jumps.
//!
//! Timers run on true time, as a monotonic clock does; only the *readings* of the clock may be wrong. A clock that is
//! never read draws nothing. Once the run has healed, every clock is correct.

use crate::fault::{Faults, Listed, Place};
use crate::label::Label;
use crate::time::{self, Duration, Moment, WallTime};

/// How a clock may deviate from true time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ClockFault {
    /// The clock is ahead by this much.
    Ahead(Duration),
    /// The clock is behind by this much.
    Behind(Duration),
    /// The clock runs fast by this many parts per million.
    FastPpm(u32),
    /// The clock runs slow by this many parts per million.
    SlowPpm(u32),
}

impl Listed for ClockFault {
    fn text(self) -> String {
        match self {
            Self::Ahead(by) => format!("{} ahead", time::text(by)),
            Self::Behind(by) => format!("{} behind", time::text(by)),
            Self::FastPpm(rate) => format!("{rate} ppm fast"),
            Self::SlowPpm(rate) => format!("{rate} ppm slow"),
        }
    }

    fn read(text: &str) -> Option<Self> {
        let (amount, direction) = text.rsplit_once(' ')?;
        let rate = || amount.strip_suffix(" ppm").and_then(|rate| rate.parse().ok());
        match direction {
            "ahead" => time::parse(amount).map(Self::Ahead),
            "behind" => time::parse(amount).map(Self::Behind),
            "fast" => rate().map(Self::FastPpm),
            "slow" => rate().map(Self::SlowPpm),
            _ => None,
        }
    }

    fn length(self) -> Option<Duration> {
        match self {
            Self::Ahead(by) | Self::Behind(by) => Some(by),
            // A rate is checked like a length: zero is invalid.
            Self::FastPpm(rate) | Self::SlowPpm(rate) => Some(Duration::from_millis(u64::from(rate))),
        }
    }

    fn erase(list: &'static [Self]) -> Faults {
        Faults::Clock(list)
    }
}

/// The possible clock faults of a role's nodes. An empty list offers no choice.
#[derive(Clone, Copy, Debug)]
pub struct ClockProfile {
    /// The possible initial faults, drawn when an incarnation first reads the clock.
    pub setting: &'static [ClockFault],
    /// The possible jumps, drawn at each reading.
    pub jump: &'static [ClockFault],
}

impl ClockProfile {
    /// A clock that is always correct.
    pub const RIGHT: ClockProfile = ClockProfile { setting: &[], jump: &[] };

    /// # Panics
    /// If the profile lists an impossible fault; the message names the site.
    #[cold]
    pub(crate) fn check(&'static self, role: Label) {
        Settings(self).check(format_args!("{role}/clock"));
        Jumps(self).check(format_args!("{role}/clock jump"));
    }
}

/// The initial faults of clocks.
#[derive(Clone, Copy)]
pub(crate) struct Settings(pub(crate) &'static ClockProfile);

impl Place for Settings {
    type Fault = ClockFault;
    const BENIGN: &'static str = "right";

    fn faults(self) -> &'static [ClockFault] {
        self.0.setting
    }
}

/// The jumps of clocks.
#[derive(Clone, Copy)]
pub(crate) struct Jumps(pub(crate) &'static ClockProfile);

impl Place for Jumps {
    type Fault = ClockFault;
    const BENIGN: &'static str = "runs on";

    fn faults(self) -> &'static [ClockFault] {
        self.0.jump
    }
}

/// How one incarnation's clock deviates from true time.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Clock {
    /// The incarnation, and the moment since which the clock runs; `None` if it was never read.
    pub(crate) set: Option<(u32, Moment)>,
    ahead_ns: i64,
    drift_ppm: i64,
}

impl Clock {
    /// Creates a clock of this incarnation, correct so far.
    pub(crate) fn fresh(incarnation: u32, now: Moment) -> Self {
        Self { set: Some((incarnation, now)), ..Self::default() }
    }

    /// Adds a fault.
    pub(crate) fn deviate(&mut self, fault: ClockFault) {
        let ns = |by: Duration| i64::try_from(by.as_nanos()).unwrap_or(i64::MAX);
        match fault {
            ClockFault::Ahead(by) => self.ahead_ns = self.ahead_ns.saturating_add(ns(by)),
            ClockFault::Behind(by) => self.ahead_ns = self.ahead_ns.saturating_sub(ns(by)),
            ClockFault::FastPpm(rate) => self.drift_ppm += i64::from(rate),
            ClockFault::SlowPpm(rate) => self.drift_ppm -= i64::from(rate),
        }
    }

    /// Returns the reading of the clock in a run that starts at `start`.
    pub(crate) fn read(&self, start: WallTime, now: Moment) -> WallTime {
        let since = self.set.map_or(0, |(_, since)| now.nanos() - since.nanos());
        let drift = i128::from(since) * i128::from(self.drift_ppm) / 1_000_000;
        let drift = i64::try_from(drift).unwrap_or(if drift < 0 { i64::MIN } else { i64::MAX });
        start.at(now).shifted(self.ahead_ns).shifted(drift)
    }
}

#[cfg(test)]
mod tests {
    use super::ClockFault::{Ahead, Behind, FastPpm, SlowPpm};
    use super::*;

    const HOUR: Duration = Duration::from_secs(3_600);
    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn a_clock_shows_its_setting_its_drift_and_its_jumps() {
        fn check(faults: &[ClockFault], shown_s: i64) {
            let at = |seconds| Moment::START + Duration::from_secs(seconds);
            let mut clock = Clock::fresh(0, at(1_000));
            faults.iter().for_each(|fault| clock.deviate(*fault));
            let shown = WallTime::AT_START.shifted(shown_s * 1_000_000_000);
            assert_eq!(clock.read(WallTime::AT_START, at(3_000)), shown, "{faults:?}");
        }
        check(&[], 3_000);
        check(&[Ahead(MINUTE * 5)], 3_300);
        check(&[Behind(MINUTE * 5), Behind(MINUTE)], 2_640);
        check(&[FastPpm(500)], 3_001);
        check(&[SlowPpm(500), Ahead(Duration::from_secs(10))], 3_009);
        check(&[Behind(HOUR * 25)], 3_000 - 90_000);
    }

    #[test]
    fn a_clock_that_is_behind_advances_from_the_start() {
        let at = |seconds| Moment::START + Duration::from_secs(seconds);
        let mut clock = Clock::fresh(0, Moment::START);
        clock.deviate(Behind(Duration::from_secs(30)));
        let read = |seconds| clock.read(WallTime::AT_START, at(seconds));
        for seconds in 0..60 {
            let step = read(seconds + 1).since(read(seconds));
            assert_eq!(step, Duration::from_secs(1), "after {seconds} s");
        }
    }

    #[test]
    fn a_clock_fault_is_read_back_as_it_is_written() {
        for fault in [Ahead(MINUTE), Behind(HOUR * 25), FastPpm(500), SlowPpm(1)] {
            assert_eq!(ClockFault::read(&fault.text()), Some(fault));
        }
        assert_eq!(ClockFault::read("late"), None);
    }
}
