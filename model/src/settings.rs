//! How long things take and how far they go: the platform's settings, and the partner's terms.

use shakedown_sim::Duration;

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

const fn mins(minutes: u64) -> Duration {
    Duration::from_secs(60 * minutes)
}

/// How a partner lets a client find out what became of a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PartnerTerms {
    /// For how long it remembers an idempotency key and answers a repeat with the first result.
    pub key_life: Option<Duration>,
    /// Whether it can be asked what it has for a reference, and where a reservation stands.
    pub lookup: bool,
}

impl PartnerTerms {
    /// Keys that live for a day.
    pub const KEYS: PartnerTerms = PartnerTerms { key_life: Some(mins(24 * 60)), lookup: true };
    /// Keys that live for half an hour.
    pub const SHORT_KEYS: PartnerTerms = PartnerTerms { key_life: Some(mins(30)), lookup: true };
    /// No keys, but a lookup by reference.
    pub const LOOKUP: PartnerTerms = PartnerTerms { key_life: None, lookup: true };
    /// Neither.
    pub const NEITHER: PartnerTerms = PartnerTerms { key_life: None, lookup: false };

    /// For how long after the first send a key may be sent again with certainty; none if never.
    pub fn resend_for(&self) -> Option<Duration> {
        self.key_life.and_then(|life| life.checked_sub(KEY_MARGIN)).filter(|life| !life.is_zero())
    }

    /// Whether an unknown outcome can be looked up by our own reference.
    pub fn by_reference(&self) -> bool {
        self.lookup && self.key_life.is_none()
    }
}

/// Within this a request is to be answered at the edge.
pub const REQUEST_BUDGET: Duration = secs(2);
/// After this the edge gives up on what is behind it.
pub const EDGE_TIMEOUT: Duration = secs(10);
/// After this a customer's browser gives up.
pub const BROWSER_TIMEOUT: Duration = secs(12);
/// How often an open screen asks again.
pub const SCREEN_PERIOD: Duration = secs(5);
/// After this a worker gives up on telling a screen.
pub const SCREEN_TIMEOUT: Duration = secs(2);
/// After this a worker gives up on the partner.
pub const PARTNER_TIMEOUT: Duration = secs(5);
/// After this a worker gives up on the registry.
pub const REGISTRY_TIMEOUT: Duration = secs(5);
/// After this a worker gives up on getting a connection.
pub const CONNECT_TIMEOUT: Duration = secs(3);
/// How long a worker holds a job.
pub const LEASE: Duration = secs(60);
/// After this a worker puts a job back by itself.
pub const HANDLER: Duration = secs(45);
/// How often workers look for jobs that nobody told them of, and from then on for those that are due.
pub const JOB_PERIOD: Duration = Duration::from_millis(20);
/// How often a holder of a long handler says that it is still there.
pub const HEARTBEAT: Duration = secs(20);
/// How often a job is tried before it is given up; and how often a booking asks for one reservation.
pub const MAX_ATTEMPTS: u32 = 8;
/// How often a job may end in a wait for evidence before it is given up: that takes time, but not for ever.
pub const MAX_WAITS: u32 = 64;
/// How many jobs that need the same dependency one worker has in hand at once.
pub const POOL: u32 = 4;
/// A dependency that fails is tried again by one worker once in so long (ten times a minute) ...
pub const RETRY_EVERY: Duration = secs(6);
/// ... and once more for each so many calls (a tenth of them).
pub const RETRY_SHARE: u32 = 10;
/// How many such retries a worker may save up.
pub const RETRIES_BANKED: u32 = 10;
/// Calls of this last while say whether a dependency fails.
pub const BREAKER_WINDOW: Duration = secs(60);
/// Fewer calls than this say nothing.
pub const BREAKER_CALLS: usize = 20;
/// How long a failing dependency is left alone before it is tried with one call.
pub const BREAKER_OPEN: Duration = secs(30);
/// How many jobs may wait before new work is refused.
pub const QUEUE_MAX: u32 = 10_000;
/// Before an outcome that was looked up counts as "no effect", this must have passed since the last send: more
/// than a late request, a paused worker and a lagging lookup together.
pub const QUARANTINE: Duration = mins(60);
/// So long before a key lapses at the partner we stop to rely on it.
pub const KEY_MARGIN: Duration = mins(60);
/// When after the last send, or after a reservation became pending, the partner is asked.
pub const CHECKS: [Duration; 6] =
    [Duration::from_millis(500), secs(2), mins(5), mins(15), mins(30), QUARANTINE];
/// How long to wait after the partner could not be asked.
pub const CHECK_AGAIN: Duration = mins(2);
/// How often the partner's statement is read.
pub const STATEMENT_PERIOD: Duration = mins(24 * 60);
/// After this a worker gives up on the renderer.
pub const RENDERER_TIMEOUT: Duration = secs(10);
/// After this a worker gives up on the document store.
pub const DOCUMENTS_TIMEOUT: Duration = secs(5);
/// By then a booking is confirmed or over ...
pub const BOOKING_PROMISE: Duration = mins(15);
/// ... or, where it is being checked what became of it, this is known.
pub const CHECKING_PROMISE: Duration = mins(90);
/// By then a clinic's report is filed.
pub const FILING_PROMISE: Duration = mins(15);
/// How often the monitor looks, at most.
pub const LOOKS_EVERY: Duration = mins(1);
/// After this the monitor gives up on the pager.
pub const PAGER_TIMEOUT: Duration = secs(10);
/// How long it waits until it tries again.
pub const PAGER_AGAIN: Duration = secs(15);
/// So long after an alert that nobody has taken it is told again.
pub const ALERT_AGAIN: Duration = mins(2);
/// How often the monitor tells the pager that all is looked at.
pub const MONITOR_BEATS: Duration = mins(1);
/// After so long a silence the pager rings, and again each time as long.
pub const MONITOR_SILENT: Duration = mins(3);
/// How many threads a node of the web tier has.
pub const WEB_THREADS: usize = 2;
/// How long a day is; it ends with the nightly close.
pub const DAY: Duration = mins(24 * 60);
/// How often the nightly close looks for days that are over.
pub const CLOSE_LOOKS: Duration = mins(15);
/// How long it waits after the store failed it.
pub const CLOSE_AGAIN: Duration = mins(1);
/// How long a quote may be accepted.
pub const QUOTE_OPEN: Duration = mins(30);
/// Asked again within this, a quote is the same one.
pub const QUOTE_SAME: Duration = mins(15);
/// How often mailers look for mail that is due.
pub const MAIL_PERIOD: Duration = Duration::from_millis(500);
/// After this a mailer gives up on the mail provider.
pub const MAIL_TIMEOUT: Duration = secs(5);
/// Mail of which nothing was heard so long after it was sent is a person's.
pub const MAIL_HEARD_WITHIN: Duration = mins(120);
/// So long after an unknown outcome mail that must reach its recipient is sent again; news of it may come before.
pub const MAIL_RESEND_AFTER: Duration = mins(10);

/// How long a page's data lives in the cache, give or take a fifth.
pub const CACHE_LIFE: Duration = secs(60);
/// After this we do without the cache.
pub const CACHE_TIMEOUT: Duration = Duration::from_millis(250);
/// Connections to the database that pages may use at a time on one node.
pub const PAGE_CONNECTIONS: usize = 24;
/// How long the database takes for one page: over the connections that there are, 200 a second.
pub const PAGE_READ: Duration = Duration::from_millis(120);
/// How many pages that the cache cannot serve may be at the database at a time: 167 a second.
pub const MISSES_MAX: usize = 20;
/// How old what a page shows may be while nothing fails.
pub const FRESH_WITHIN: Duration = secs(2);
/// How old it may be at most: the longest life in the cache and a little more.
pub const CACHE_LIFE_MAX: Duration = secs(75);
/// How many reads for pages the database bears in a second.
pub const PRIMARY_READS_MAX: usize = 200;

/// How long a node that is to stop may go on with what it has in hand.
pub const DRAIN: Duration = secs(60);
/// For how long a release on few nodes is watched before it goes to the others.
pub const BAKE: Duration = mins(10);
/// How often it is looked at meanwhile.
pub const WATCH_PERIOD: Duration = secs(60);
/// How many orders must have come to an end under it before it goes on.
pub const COMPLETIONS_TO_GO_ON: u32 = 20;
/// By so many points of a hundred it may not turn down more than the former one.
pub const POINTS_TO_HALT: u32 = 5;
/// Nothing heard of it for so long is bad news.
pub const TELEMETRY_TIMEOUT: Duration = mins(2);
/// How long after it ran everywhere a release can be taken back.
pub const ROLLBACK_WINDOW: Duration = mins(30);

/// What chance makes of waits. Half of a wait is fixed and half is drawn (equal jitter). No single draw matters,
/// only that all fall short or long together, which as choices would take as many deviations as there are waits:
/// so it is one for all waits of a run, and part of what the run is built from.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Jitter {
    /// The middle of what may be drawn.
    #[default]
    Middle,
    /// The shortest waits that may be drawn.
    Least,
    /// The longest.
    Most,
}

impl Jitter {
    /// What it makes of a wait that is the middle of what may be drawn.
    pub fn of(self, middle: Duration) -> Duration {
        match self {
            Jitter::Middle => middle,
            Jitter::Least => middle * 2 / 3,
            Jitter::Most => middle * 4 / 3,
        }
    }
}

/// The wait after `n` attempts (from 1) that brought nothing, with the middle [`Jitter`]: it doubles, with all of
/// it from two seconds up to five minutes.
pub fn backoff(n: u32) -> Duration {
    let full = secs(1 << n.min(10)).min(secs(300));
    full * 3 / 4
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eight_attempts_outlast_a_transient_fault() {
        let waits = |jitter: Jitter| (1..MAX_ATTEMPTS).map(|n| jitter.of(backoff(n))).sum::<Duration>();
        assert_eq!(waits(Jitter::Least), secs(127), "the least that jitter makes of it");
        assert_eq!(waits(Jitter::Most), secs(254));
        assert_eq!(Jitter::Most.of(backoff(30)), secs(300), "the cap");
    }

    #[test]
    fn a_short_lived_key_is_no_key() {
        assert_eq!(PartnerTerms::SHORT_KEYS.resend_for(), None);
        assert_eq!(PartnerTerms::KEYS.resend_for(), Some(mins(23 * 60)));
    }
}
