//! The server's timeouts, as far as a relay needs to know them: when to let virtual time pass for a session that waits.

/// A session's timeouts in microseconds; 0 is none.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct Timeouts {
    pub(crate) deadlock: i64,
    pub(crate) lock: i64,
    pub(crate) statement: i64,
    pub(crate) idle_in_transaction: i64,
    pub(crate) idle_session: i64,
}

/// Reads the timeouts of a session. `SHOW` takes no snapshot, so it changes nothing for a transaction.
pub(crate) const SHOW: &str = "SHOW deadlock_timeout; SHOW lock_timeout; SHOW statement_timeout; \
                               SHOW idle_in_transaction_session_timeout; SHOW idle_session_timeout";

impl Timeouts {
    /// Reads what [`SHOW`] returned.
    pub(crate) fn of(shown: &[String]) -> Option<Self> {
        let mut values = shown.iter().map(|text| micros(text));
        let mut next = || values.next().flatten();
        Some(Self {
            deadlock: next()?,
            lock: next()?,
            statement: next()?,
            idle_in_transaction: next()?,
            idle_session: next()?,
        })
    }

    /// Takes the values that a text sets, because the session cannot be queried while the text runs.
    pub(crate) fn set_by(&mut self, sql: &str) {
        let text = sql.to_ascii_lowercase();
        let fields = [
            ("deadlock_timeout", &mut self.deadlock),
            ("lock_timeout", &mut self.lock),
            ("statement_timeout", &mut self.statement),
        ];
        for (name, field) in fields {
            if let Some(value) = value_set(&text, name) {
                *field = value;
            }
        }
    }
}

/// Returns whether a text may change a timeout.
pub(crate) fn are_mentioned(sql: &str) -> bool {
    contains(sql, b"timeout")
}

/// Returns whether a text contains a word, in whatever case. `word` is in lower case.
pub(crate) fn contains(sql: &str, word: &[u8]) -> bool {
    sql.as_bytes().windows(word.len()).any(|window| window.eq_ignore_ascii_case(word))
}

/// Finds `name = value` or `name to value`.
fn value_set(text: &str, name: &str) -> Option<i64> {
    let start = text.match_indices(name).find(|(at, _)| {
        // `lock_timeout` is also the end of `deadlock_timeout`.
        !text[..*at].ends_with(|before: char| before.is_ascii_alphanumeric() || before == '_')
    })?;
    let rest = text[start.0 + name.len()..].trim_start();
    let rest = rest.strip_prefix('=').or_else(|| rest.strip_prefix("to "))?.trim_start();
    let rest = rest.strip_prefix('\'').unwrap_or(rest);
    let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != ' ').unwrap_or(rest.len());
    micros(&rest[..end])
}

/// Reads a time as the server writes it: `0`, `200ms`, `1s`, `5min`. A bare number is milliseconds.
fn micros(text: &str) -> Option<i64> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number: i64 = text[..digits].parse().ok()?;
    let unit = match text[digits..].trim() {
        "us" => 1,
        "" | "ms" => 1_000,
        "s" => 1_000_000,
        "min" => 60_000_000,
        "h" => 3_600_000_000,
        "d" => 86_400_000_000,
        _ => return None,
    };
    Some(number * unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_the_server_writes_them() {
        let shown = ["1s", "0", "1500ms", "5min", "2s"].map(str::to_owned);
        let expected = Timeouts {
            deadlock: 1_000_000,
            lock: 0,
            statement: 1_500_000,
            idle_in_transaction: 300_000_000,
            idle_session: 2_000_000,
        };
        assert_eq!(Timeouts::of(&shown), Some(expected));
    }

    #[test]
    fn a_text_that_sets_a_timeout_is_understood() {
        let mut timeouts = Timeouts { deadlock: 1_000_000, ..Timeouts::default() };
        timeouts
            .set_by("SET LOCAL lock_timeout = '200ms'; set statement_timeout to 3000; update t set a = 1");
        assert_eq!((timeouts.lock, timeouts.statement, timeouts.deadlock), (200_000, 3_000_000, 1_000_000));
        timeouts.set_by("set deadlock_timeout = '2s'");
        assert_eq!((timeouts.lock, timeouts.deadlock), (200_000, 2_000_000));
    }
}
