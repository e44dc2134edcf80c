//! How moments and spans of virtual time are written for people.

use shakedown_sim::{Duration, Moment};

const MS_PER_HOUR: u64 = 3_600_000;
const MS_PER_DAY: u64 = 24 * MS_PER_HOUR;

/// Writes moments in one form: as short as the latest of them allows, so that a column of them is aligned.
///
/// ```
/// use shakedown_reports::clock::Clock;
/// use shakedown_sim::{Duration, Moment};
/// let at = |ms| Moment::START + Duration::from_millis(ms);
/// assert_eq!(Clock::up_to(at(2_620)).text(at(120)), "00:00.120");
/// assert_eq!(Clock::up_to(at(3_600_000)).text(at(120)), "00:00:00.120");
/// assert_eq!(Clock::up_to(at(90_000_000)).text(at(90_000_000)), "1d 01:00:00.000");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Clock {
    /// `mm:ss.mmm`
    Minutes,
    /// `hh:mm:ss.mmm`
    Hours,
    /// `Nd hh:mm:ss.mmm`
    Days,
}

impl Clock {
    /// The shortest form that can write `latest`.
    pub fn up_to(latest: Moment) -> Self {
        match latest.nanos() / 1_000_000 {
            ms if ms < MS_PER_HOUR => Self::Minutes,
            ms if ms < MS_PER_DAY => Self::Hours,
            _ => Self::Days,
        }
    }

    /// Writes a moment.
    pub fn text(self, moment: Moment) -> String {
        let ms = moment.nanos() / 1_000_000;
        let seconds = format!("{:02}:{:02}.{:03}", ms / 60_000 % 60, ms / 1_000 % 60, ms % 1_000);
        let hours = ms / MS_PER_HOUR;
        match self {
            Self::Minutes => seconds,
            Self::Hours => format!("{hours:02}:{seconds}"),
            Self::Days => format!("{}d {:02}:{seconds}", hours / 24, hours % 24),
        }
    }
}

/// Writes a long span in two units: `3 d 4 h`, `2 h 10 min`, `1 min 5 s`, `12 s`.
///
/// ```
/// use shakedown_reports::clock;
/// use shakedown_sim::Duration;
/// assert_eq!(clock::span(Duration::from_secs(12)), "12 s");
/// assert_eq!(clock::span(Duration::from_secs(7_800)), "2 h 10 min");
/// assert_eq!(clock::span(Duration::from_secs(1_000_000_000)), "31 y 259 d");
/// ```
pub fn span(span: Duration) -> String {
    const UNITS: [(&str, u64); 5] = [("y", 365 * 86_400), ("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)];
    let seconds = span.as_secs();
    let Some(at) = UNITS.iter().position(|(_, size)| seconds >= *size) else {
        return format!("{} ms", span.as_millis());
    };
    let (unit, size) = UNITS[at];
    let rest = UNITS.get(at + 1).map(|(unit, smaller)| (seconds % size / smaller, unit));
    match rest {
        Some((count @ 1.., smaller)) => format!("{} {unit} {count} {smaller}", seconds / size),
        _ => format!("{} {unit}", seconds / size),
    }
}

/// Writes a count with its thousands apart: `100,000`.
///
/// ```
/// assert_eq!(shakedown_reports::clock::count(100_000), "100,000");
/// assert_eq!(shakedown_reports::clock::count(999), "999");
/// ```
pub fn count(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
