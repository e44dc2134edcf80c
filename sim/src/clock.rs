//! A node's own clock: set wrong, running fast or slow, jumping.
//!
//! Timers run on true time, as a monotonic clock does; only what a node *reads* may be wrong. Nothing is drawn
//! for a clock that nobody reads. Once the run has healed every clock is right.

use crate::choice::Alternatives;
use crate::time::{self, Moment};

/// What may be wrong with the clocks of a role's nodes. Each alternative but the benign first one is
/// `DURATION ahead`, `DURATION behind`, `N ppm fast` or `N ppm slow`.
#[derive(Clone, Copy, Debug)]
pub struct ClockProfile {
    /// How the clock is set, drawn when an incarnation first reads it.
    pub setting: Alternatives,
    /// How it jumps, drawn at each reading.
    pub jump: Alternatives,
}

impl ClockProfile {
    /// A clock that is always right.
    pub const RIGHT: ClockProfile =
        ClockProfile { setting: Alternatives::new(&["right"]), jump: Alternatives::new(&["runs on"]) };
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

    /// Takes an alternative of a [`ClockProfile`].
    ///
    /// # Panics
    /// If it is none of the four forms: the profile is wrong.
    pub(crate) fn deviate(&mut self, way: &str) {
        let (amount, direction) = way.rsplit_once(' ').unwrap_or_default();
        let shift = || time::parse(amount).and_then(|shift| i64::try_from(shift.as_nanos()).ok());
        let rate = || amount.strip_suffix(" ppm").and_then(|rate| rate.parse::<i64>().ok());
        match (direction, shift(), rate()) {
            ("ahead", Some(shift), _) => self.ahead_ns += shift,
            ("behind", Some(shift), _) => self.ahead_ns -= shift,
            ("fast", _, Some(rate)) => self.drift_ppm += rate,
            ("slow", _, Some(rate)) => self.drift_ppm -= rate,
            _ => panic!("`{way}` is no way for a clock to deviate"),
        }
    }

    /// What the clock shows.
    pub(crate) fn read(&self, now: Moment) -> Moment {
        let since = self.set.map_or(0, |(_, since)| now.nanos() - since.nanos());
        let drift = i128::from(since) * i128::from(self.drift_ppm) / 1_000_000;
        let shown = i128::from(now.nanos()) + i128::from(self.ahead_ns) + drift;
        Moment::from_nanos(u64::try_from(shown.max(0)).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Duration;

    #[test]
    fn a_clock_shows_its_setting_its_drift_and_its_jumps() {
        fn check(ways: &[&str], shown_s: u64) {
            let at = |seconds| Moment::START + Duration::from_secs(seconds);
            let mut clock = Clock::fresh(0, at(1_000));
            ways.iter().for_each(|way| clock.deviate(way));
            assert_eq!(clock.read(at(3_000)), at(shown_s), "{ways:?}");
        }
        check(&[], 3_000);
        check(&["5 min ahead"], 3_300);
        check(&["5 min behind", "1 min behind"], 2_640);
        check(&["500 ppm fast"], 3_001);
        check(&["500 ppm slow", "10 s ahead"], 3_009);
        check(&["25 h behind"], 0);
        assert!(std::panic::catch_unwind(|| Clock::default().deviate("late")).is_err());
    }
}
