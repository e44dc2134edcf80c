//! The faults of links to services.

use http::StatusCode;
use shakedown_sim::{Alternatives, Duration};

/// The faults of requests to a service; the benign alternative first in each.
#[derive(Clone, Copy, Debug)]
pub struct HttpFaults {
    /// The faults of a request: `lost`, `refused` (the service never sees it), `reset` (the service receives half of its body, and
    /// both sides see a reset), or a delay such as `8 s`.
    pub request: Alternatives,
    /// The faults of a response: `lost`, `reset` (the caller receives its head and half of its body, then a reset), or a delay.
    pub response: Alternatives,
    /// The statuses that may replace the service's own response. With `429` and `503 before` its code does not
    /// run. With `500 after` its code runs, and its response is dropped.
    pub status: Alternatives,
}

impl HttpFaults {
    /// A link on which nothing goes wrong.
    pub const NONE: HttpFaults = HttpFaults {
        request: Alternatives::new(&["arrives"]),
        response: Alternatives::new(&["arrives"]),
        status: Alternatives::new(&["its own"]),
    };

    /// Requests may be lost or refused, responses lost.
    pub const LOSSY: HttpFaults = HttpFaults {
        request: Alternatives::new(&["arrives", "lost", "refused"]),
        response: Alternatives::new(&["arrives", "lost"]),
        ..HttpFaults::NONE
    };

    /// What an external service may show: all of [`HttpFaults::LOSSY`], resets, late responses, 429 and 5xx.
    pub const EXTERNAL: HttpFaults = HttpFaults {
        request: Alternatives::new(&["arrives", "lost", "refused", "reset", "8 s"]),
        response: Alternatives::new(&["arrives", "lost", "reset", "8 s"]),
        status: Alternatives::new(&["its own", "429", "503 before", "500 after"]),
    };
}

/// How requests to the nodes of a role travel.
#[derive(Clone, Copy, Debug)]
pub struct Link {
    /// How long a request or a response takes, one way, on the happy path.
    pub latency: Duration,
    /// The possible faults.
    pub faults: &'static HttpFaults,
    /// The header that says which entity a request concerns, such as `idempotency-key` or `traceparent`: requests with the same value
    /// concern the entity of the first one. Without it, and for requests that lack it, that is the caller's entity.
    pub entity_header: Option<&'static str>,
}

impl Default for Link {
    fn default() -> Self {
        Self { latency: Duration::from_millis(1), faults: &HttpFaults::NONE, entity_header: None }
    }
}

impl HttpFaults {
    /// # Panics
    /// If an alternative has no meaning at its place.
    pub(crate) fn check(&self, role: &str) {
        self.request.expect(format_args!("{role}/request"), &["lost", "refused", "reset"], true);
        self.response.expect(format_args!("{role}/response"), &["lost", "reset"], true);
        self.status.names().iter().skip(1).for_each(|name| {
            StatusFault::read(name);
        });
    }
}

/// The fate of a request or a response.
pub(crate) enum Fate {
    Arrives(Duration),
    Lost,
    Refused,
    Reset,
}

impl Fate {
    /// Reads the alternative that was drawn.
    pub(crate) fn of(faults: &Alternatives, pick: shakedown_sim::Pick) -> Self {
        match faults.names().get(pick.index()).copied() {
            Some("lost") => Self::Lost,
            Some("refused") => Self::Refused,
            Some("reset") => Self::Reset,
            _ => Self::Arrives(pick.delay(faults)),
        }
    }
}

/// A status that replaces the service's own response.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct StatusFault {
    pub(crate) status: StatusCode,
    /// Whether the service's code runs all the same.
    pub(crate) has_effect: bool,
}

impl StatusFault {
    /// Reads an alternative such as `503 before`.
    ///
    /// # Panics
    /// If it does not begin with a status.
    pub(crate) fn read(name: &str) -> Self {
        let (number, when) = name.split_once(' ').unwrap_or((name, "before"));
        let status = number.parse().ok().and_then(|number| StatusCode::from_u16(number).ok());
        let status = status.filter(|_| matches!(when, "before" | "after"));
        let status = status
            .unwrap_or_else(|| panic!("`{name}` is no status such as `429`, `503 before` or `500 after`"));
        Self { status, has_effect: when == "after" }
    }
}

#[cfg(test)]
mod tests {
    use super::{Alternatives, HttpFaults, StatusCode, StatusFault};

    #[test]
    #[should_panic(expected = "bank/response lists `refused`, which is none of `lost`, `reset`")]
    fn a_response_is_not_refused() {
        HttpFaults { response: Alternatives::new(&["arrives", "refused"]), ..HttpFaults::NONE }.check("bank");
    }

    #[test]
    fn a_status_stands_before_the_effect_unless_it_says_after() {
        let read = StatusFault::read;
        assert_eq!(read("429"), StatusFault { status: StatusCode::TOO_MANY_REQUESTS, has_effect: false });
        assert!(!read("503 before").has_effect);
        assert!(read("500 after").has_effect);
    }

    #[test]
    #[should_panic(expected = "`503 later` is no status")]
    fn another_word_is_no_status() {
        StatusFault::read("503 later");
    }
}
