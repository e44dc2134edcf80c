//! The platform's settings (durations and bounds), and the partner's terms.

use shakedown_sim::Duration;

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

const fn mins(minutes: u64) -> Duration {
    Duration::from_secs(60 * minutes)
}

/// How a client can find out the outcome of a request to a partner.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PartnerTerms {
    /// How long it remembers an idempotency key and returns the first result to a repeat.
    pub key_life: Option<Duration>,
    /// Whether it has lookups: of what it has for a reference, and of the state of a reservation.
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

    /// Returns how long after the first send a key can safely be sent again; none if never.
    pub fn resend_for(&self) -> Option<Duration> {
        self.key_life.and_then(|life| life.checked_sub(KEY_MARGIN)).filter(|life| !life.is_zero())
    }

    /// Returns whether an unknown outcome can be looked up by our own reference.
    pub fn by_reference(&self) -> bool {
        self.lookup && self.key_life.is_none()
    }
}

/// The response time of a request at the edge that is promised.
pub const REQUEST_BUDGET: Duration = secs(2);
/// After this the edge stops waiting for what is behind it.
pub const EDGE_TIMEOUT: Duration = secs(10);
/// After this a customer's browser times out.
pub const BROWSER_TIMEOUT: Duration = secs(12);
/// How often an open screen polls.
pub const SCREEN_PERIOD: Duration = secs(5);
/// After this a worker stops waiting for a screen.
pub const SCREEN_TIMEOUT: Duration = secs(2);
/// After this a worker stops waiting for the partner.
pub const PARTNER_TIMEOUT: Duration = secs(5);
/// After this a worker stops waiting for the registry.
pub const REGISTRY_TIMEOUT: Duration = secs(5);
/// After this a worker stops waiting for a connection.
pub const CONNECT_TIMEOUT: Duration = secs(3);
/// How long the lease of a job lasts.
pub const LEASE: Duration = secs(60);
/// After this a worker ends its run of a job, to be continued by a later one.
pub const HANDLER: Duration = secs(45);
/// How often workers poll for new jobs and for those that fall due.
pub const JOB_PERIOD: Duration = Duration::from_millis(20);
/// How often a worker extends the lease of a long job.
pub const HEARTBEAT: Duration = secs(20);
/// How many attempts a job has before it becomes a dead letter, and a booking has for one reservation.
pub const MAX_ATTEMPTS: u32 = 8;
/// How often a job may wait for evidence before it becomes a dead letter.
pub const MAX_WAITS: u32 = 64;
/// How many jobs that need the same dependency one worker processes at once.
pub const POOL: u32 = 4;
/// One worker retries a failing dependency at this period (ten times a minute) ...
pub const RETRY_EVERY: Duration = secs(6);
/// ... and once more for each of this many calls (a tenth of them).
pub const RETRY_SHARE: u32 = 10;
/// How many unused retries a worker can save.
pub const RETRIES_BANKED: u32 = 10;
/// The window of calls by which the breaker judges a dependency.
pub const BREAKER_WINDOW: Duration = secs(60);
/// The breaker does not judge by fewer calls than this.
pub const BREAKER_CALLS: usize = 20;
/// How long the breaker stays open before it lets one probe through.
pub const BREAKER_OPEN: Duration = secs(30);
/// How many jobs may wait before new work is rejected.
pub const QUEUE_MAX: u32 = 10_000;
/// Before an outcome that was looked up counts as "no effect", this must have passed since the last send: more
/// than a late request, a paused worker and a lagging lookup together.
pub const QUARANTINE: Duration = mins(60);
/// How long before a key expires at the partner we stop relying on it.
pub const KEY_MARGIN: Duration = mins(60);
/// When after the last send, or after a reservation became pending, the partner is asked.
pub const CHECKS: [Duration; 6] =
    [Duration::from_millis(500), secs(2), mins(5), mins(15), mins(30), QUARANTINE];
/// How long to wait after a lookup at the partner failed.
pub const CHECK_AGAIN: Duration = mins(2);
/// How often the partner's statement is read.
pub const STATEMENT_PERIOD: Duration = mins(24 * 60);
/// After this a worker stops waiting for the renderer.
pub const RENDERER_TIMEOUT: Duration = secs(10);
/// After this a worker stops waiting for the document store.
pub const DOCUMENTS_TIMEOUT: Duration = secs(5);
/// The time within which a booking is confirmed or over ...
pub const BOOKING_PROMISE: Duration = mins(15);
/// ... or, if its outcome is being checked, the outcome is known.
pub const CHECKING_PROMISE: Duration = mins(90);
/// The time within which a clinic's report is filed.
pub const FILING_PROMISE: Duration = mins(15);
/// The period at which the monitor polls.
pub const LOOKS_EVERY: Duration = mins(1);
/// After this the monitor stops waiting for the pager.
pub const PAGER_TIMEOUT: Duration = secs(10);
/// How long the monitor waits before it retries.
pub const PAGER_AGAIN: Duration = secs(15);
/// How long after an alert that nobody acknowledged it is sent again.
pub const ALERT_AGAIN: Duration = mins(2);
/// The period of the monitor's heartbeat to the pager.
pub const MONITOR_BEATS: Duration = mins(1);
/// After this long without a heartbeat the pager rings, and again after each further such time.
pub const MONITOR_SILENT: Duration = mins(3);
/// How many threads a node of the web tier has.
pub const WEB_THREADS: usize = 2;
/// How long a day is; it ends with the nightly close.
pub const DAY: Duration = mins(24 * 60);
/// How often the nightly close polls for days that are over.
pub const CLOSE_LOOKS: Duration = mins(15);
/// How long it waits after the store failed.
pub const CLOSE_AGAIN: Duration = mins(1);
/// How long a quote may be accepted.
pub const QUOTE_OPEN: Duration = mins(30);
/// A request within this time of a quote returns the same quote.
pub const QUOTE_SAME: Duration = mins(15);
/// How often mailers poll for mail that is due.
pub const MAIL_PERIOD: Duration = Duration::from_millis(500);
/// After this a mailer stops waiting for the mail provider.
pub const MAIL_TIMEOUT: Duration = secs(5);
/// How long after it was sent mail without news is flagged for a person.
pub const MAIL_HEARD_WITHIN: Duration = mins(120);
/// How long after an unknown outcome mail that must reach its recipient is sent again, unless news comes first.
pub const MAIL_RESEND_AFTER: Duration = mins(10);

/// The time to live of a page's data in the cache, plus or minus a fifth.
pub const CACHE_LIFE: Duration = secs(60);
/// After this a page does without the cache.
pub const CACHE_TIMEOUT: Duration = Duration::from_millis(250);
/// Connections to the database that pages may use at a time on one node.
pub const PAGE_CONNECTIONS: usize = 24;
/// How long the database takes for one page: over the connections that there are, 200 a second.
pub const PAGE_READ: Duration = Duration::from_millis(120);
/// How many pages that the cache cannot serve may be at the database at a time: 167 a second.
pub const MISSES_MAX: usize = 20;
/// The greatest age of what a page shows while nothing fails.
pub const FRESH_WITHIN: Duration = secs(2);
/// The greatest age at any time: the longest time to live and a little more.
pub const CACHE_LIFE_MAX: Duration = secs(75);
/// How many reads for pages per second the database can serve.
pub const PRIMARY_READS_MAX: usize = 200;

/// The grace period of a node that shuts down.
pub const DRAIN: Duration = secs(60);
/// How long a canary release is watched before it is rolled further.
pub const BAKE: Duration = mins(10);
/// How often its results are read meanwhile.
pub const WATCH_PERIOD: Duration = secs(60);
/// How many orders it must have completed before it is rolled further.
pub const COMPLETIONS_TO_GO_ON: u32 = 20;
/// The release is withdrawn if its rejections exceed those of the former one by this many percentage points.
pub const POINTS_TO_HALT: u32 = 5;
/// The release is withdrawn after this long without telemetry.
pub const TELEMETRY_TIMEOUT: Duration = mins(2);
/// How long after it ran everywhere a release can be rolled back.
pub const ROLLBACK_WINDOW: Duration = mins(30);

/// The jitter of waits. Half of a wait is fixed and half is drawn (equal jitter). No single draw matters,
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
    /// Returns the wait for this jitter, given the middle of what may be drawn.
    pub fn of(self, middle: Duration) -> Duration {
        match self {
            Jitter::Middle => middle,
            Jitter::Least => middle * 2 / 3,
            Jitter::Most => middle * 4 / 3,
        }
    }
}

/// Returns the wait after `n` attempts (from 1) without result, with the middle [`Jitter`]: it doubles, with all of
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
