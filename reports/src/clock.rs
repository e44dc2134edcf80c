//! Moments, spans and counts, written for people.

use shakedown_sim::{Duration, Moment};

const MS_PER_HOUR: u64 = 3_600_000;
const MS_PER_DAY: u64 = 24 * MS_PER_HOUR;

/// A form for writing moments: as short as the latest of them allows, so that a column of them is aligned.
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
    /// Returns the shortest form that can write `latest`.
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

/// Writes a span in its two largest units: `3 days 4 h`, `2 h 10 min`, `12 s`, `120 ms`.
///
/// ```
/// use shakedown_reports::clock;
/// use shakedown_sim::Duration;
/// assert_eq!(clock::span(Duration::from_secs(12)), "12 s");
/// assert_eq!(clock::span(Duration::from_secs(7_805)), "2 h 10 min");
/// assert_eq!(clock::span(Duration::from_secs(1_000_000_000)), "31 years 8 months");
/// ```
pub fn span(span: Duration) -> String {
    let all = humantime::format_duration(span).to_string();
    let with_blank = |part: &str| {
        let digits = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
        let (count, unit) = part.split_at(digits);
        format!("{count} {}", if unit == "m" { "min" } else { unit })
    };
    all.split(' ').take(2).map(with_blank).collect::<Vec<_>>().join(" ")
}

/// Writes a count with separated thousands: `100,000`.
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
