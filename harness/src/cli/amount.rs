//! Parsers for seeds, durations and sizes on a command line.

use std::ops::Range;
use std::time::Duration;

/// Reads `N` (the seeds 0 to N-1) or `A..B` (the seeds A to B-1).
///
/// # Errors
/// If the text has neither form.
pub(super) fn seeds(text: &str) -> Result<Range<u64>, String> {
    let number = |text: &str| text.trim().replace('_', "").parse::<u64>().ok();
    let range = match text.split_once("..") {
        None => number(text).map(|count| 0..count),
        Some((from, to)) => number(from).zip(number(to)).map(|(from, to)| from..to),
    };
    range.filter(|range| range.start <= range.end).ok_or_else(|| {
        "expected a number of seeds such as `10000`, or a range such as `500..600` (the last one excluded)".to_owned()
    })
}

/// Reads `500 ms`, `30s`, `10min`, `2h`.
///
/// # Errors
/// If the text has no such form.
pub(super) fn span(text: &str) -> Result<Duration, String> {
    let digits = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    let (count, unit) = text.split_at(digits);
    let ms = match unit.trim() {
        "ms" => Some(1),
        "s" => Some(1_000),
        "m" | "min" => Some(60_000),
        "h" => Some(3_600_000),
        _ => None,
    };
    let span = ms.zip(count.parse::<u64>().ok()).and_then(|(ms, count)| count.checked_mul(ms));
    span.map(Duration::from_millis).ok_or_else(|| {
        "expected a whole number and a unit, such as `500ms`, `30s`, `10min` or `2h`".to_owned()
    })
}

/// Reads `512MB`, `2GB`, `2GiB`.
///
/// # Errors
/// If the text has no such form.
pub(super) fn bytes(text: &str) -> Result<u64, String> {
    let digits = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    let (count, unit) = text.split_at(digits);
    let factor = match unit.trim() {
        "MB" => Some(1_000_000),
        "GB" => Some(1_000_000_000),
        "MiB" => Some(1 << 20),
        "GiB" => Some(1 << 30),
        _ => None,
    };
    let bytes = factor.zip(count.parse::<u64>().ok()).and_then(|(factor, count)| count.checked_mul(factor));
    bytes.ok_or_else(|| "expected a whole number and a unit, such as `512MB`, `2GB` or `2GiB`".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_are_a_count_or_a_range() {
        assert_eq!(seeds("10"), Ok(0..10));
        assert_eq!(seeds("5..7"), Ok(5..7));
        assert_eq!(seeds("100_000"), Ok(0..100_000));
        for wrong in ["", "ten", "-1", "7..5", "1..", "1..=2"] {
            assert!(seeds(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_size_has_a_unit() {
        assert_eq!(bytes("512MB"), Ok(512_000_000));
        assert_eq!(bytes("2 GiB"), Ok(2 << 30));
        for wrong in ["", "2", "GB", "2gb", "-1GB", "99999999999999999999GB", "18446744073709551615GB"] {
            assert!(bytes(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_span_has_a_unit() {
        assert_eq!(span("30s"), Ok(Duration::from_secs(30)));
        assert_eq!(span("10 min"), Ok(Duration::from_secs(600)));
        for wrong in ["", "30", "s", "1.5s", "-1s", "1 day", "99999999999999999999h", "9999999999999999999h"]
        {
            assert!(span(wrong).is_err(), "{wrong}");
        }
    }
}
