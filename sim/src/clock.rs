//! A node's own clock: set wrong, running fast or slow, jumping.
//!
//! Timers run on true time, as a monotonic clock does; only what a node *reads* may be wrong. Nothing is drawn
//! for a clock that nobody reads. Once the run has healed every clock is right.

use crate::fault::{Faults, Listed, Place};
use crate::label::Label;
use crate::time::{self, Duration, Moment, WallTime};

/// How a clock may deviate from true time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ClockFault {
    /// It shows a time that is so much later.
    Ahead(Duration),
    /// It shows a time that is so much earlier.
    Behind(Duration),
    /// It runs fast by so many parts per million.
    FastPpm(u32),
    /// It runs slow by so many parts per million.
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
            // A rate is checked as if it were a length: zero is none.
            Self::FastPpm(rate) | Self::SlowPpm(rate) => Some(Duration::from_millis(u64::from(rate))),
        }
    }

    fn erase(list: &'static [Self]) -> Faults {
        Faults::Clock(list)
    }
}

/// What may be wrong with the clocks of a role's nodes. An empty list offers no choice.
#[derive(Clone, Copy, Debug)]
pub struct ClockProfile {
    /// How the clock may be set, drawn when an incarnation first reads it.
    pub setting: &'static [ClockFault],
    /// How it may jump, drawn at each reading.
    pub jump: &'static [ClockFault],
}

impl ClockProfile {
    /// A clock that is always right.
    pub const RIGHT: ClockProfile = ClockProfile { setting: &[], jump: &[] };

    /// # Panics
    /// If it lists what cannot be; the message names the site.
    #[cold]
    pub(crate) fn check(&'static self, role: Label) {
        Settings(self).check(format_args!("{role}/clock"));
        Jumps(self).check(format_args!("{role}/clock jump"));
    }
}

/// How clocks are set.
#[derive(Clone, Copy)]
pub(crate) struct Settings(pub(crate) &'static ClockProfile);

impl Place for Settings {
    type Fault = ClockFault;
    const BENIGN: &'static str = "right";

    fn faults(self) -> &'static [ClockFault] {
        self.0.setting
    }
}

/// How clocks jump.
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
    /// Which incarnation's it is, and since when it runs; none if nobody has read it.
    pub(crate) set: Option<(u32, Moment)>,
    ahead_ns: i64,
    drift_ppm: i64,
}

impl Clock {
    /// A clock of this incarnation, right so far.
    pub(crate) fn fresh(incarnation: u32, now: Moment) -> Self {
        Self { set: Some((incarnation, now)), ..Self::default() }
    }

    /// Deviates further, in one way more.
    pub(crate) fn deviate(&mut self, fault: ClockFault) {
        let ns = |by: Duration| i64::try_from(by.as_nanos()).unwrap_or(i64::MAX);
        match fault {
            ClockFault::Ahead(by) => self.ahead_ns = self.ahead_ns.saturating_add(ns(by)),
            ClockFault::Behind(by) => self.ahead_ns = self.ahead_ns.saturating_sub(ns(by)),
            ClockFault::FastPpm(rate) => self.drift_ppm += i64::from(rate),
            ClockFault::SlowPpm(rate) => self.drift_ppm -= i64::from(rate),
        }
    }

    /// What the clock shows.
    pub(crate) fn read(&self, now: Moment) -> WallTime {
        let since = self.set.map_or(0, |(_, since)| now.nanos() - since.nanos());
        let drift = i128::from(since) * i128::from(self.drift_ppm) / 1_000_000;
        let drift = i64::try_from(drift).unwrap_or(if drift < 0 { i64::MIN } else { i64::MAX });
        WallTime::at(now).shifted(self.ahead_ns).shifted(drift)
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
            assert_eq!(clock.read(at(3_000)), shown, "{faults:?}");
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
        for seconds in 0..60 {
            let step = clock.read(at(seconds + 1)).since(clock.read(at(seconds)));
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
