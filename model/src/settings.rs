//! The platform's settings (durations and bounds), and the partner's terms.

use shakedown_sim::Duration;

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

const fn mins(minutes: u64) -> Duration {
    Duration::from_secs(60 * minutes)
}

/// The usual period of a partner's statement.
const DAILY: Duration = mins(24 * 60);

/// How a client can find out the outcome of a request to a partner.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PartnerTerms {
    /// How long it remembers an idempotency key and returns the first result for a repeated request.
    pub key_life: Option<Duration>,
    /// Whether it has lookups: of a reservation by our reference, and of a reservation's state.
    pub lookup: bool,
    /// The period of its statement: a list of all reservations, if any of them has changed.
    pub statement_every: Duration,
    /// Whether it calls back when a reservation changes.
    pub calls_back: bool,
}

impl PartnerTerms {
    /// Idempotency keys that live for a day.
    pub const KEYS: PartnerTerms = PartnerTerms {
        key_life: Some(mins(24 * 60)),
        lookup: true,
        statement_every: DAILY,
        calls_back: true,
    };
    /// Idempotency keys that live for half an hour.
    pub const SHORT_KEYS: PartnerTerms = PartnerTerms { key_life: Some(mins(30)), ..Self::KEYS };
    /// No idempotency keys, but a lookup by reference.
    pub const LOOKUP: PartnerTerms = PartnerTerms { key_life: None, ..Self::KEYS };
    /// Neither idempotency keys nor a lookup.
    pub const NEITHER: PartnerTerms = PartnerTerms { lookup: false, ..Self::LOOKUP };

    /// Returns how long after the first send a key can safely be sent again; `None` if never.
    pub fn resend_for(&self) -> Option<Duration> {
        self.key_life.and_then(|life| life.checked_sub(KEY_MARGIN)).filter(|life| !life.is_zero())
    }

    /// Returns whether an unknown outcome can be looked up by our own reference.
    pub fn by_reference(&self) -> bool {
        self.lookup && self.key_life.is_none()
    }
}

/// The promised response time of a request at the edge.
pub const REQUEST_BUDGET: Duration = secs(2);
/// The edge's timeout for the services behind it.
pub const EDGE_TIMEOUT: Duration = secs(10);
/// The timeout of a customer's browser.
pub const BROWSER_TIMEOUT: Duration = secs(12);
/// How often an open screen polls.
pub const SCREEN_PERIOD: Duration = secs(5);
/// A worker's timeout for a push to a screen.
pub const SCREEN_TIMEOUT: Duration = secs(2);
/// A worker's timeout for the partner.
pub const PARTNER_TIMEOUT: Duration = secs(5);
/// A worker's timeout for the registry.
pub const REGISTRY_TIMEOUT: Duration = secs(5);
/// A worker's timeout for a connection.
pub const CONNECT_TIMEOUT: Duration = secs(3);
/// The length of a job's lease.
pub const LEASE: Duration = secs(60);
/// After this time a worker ends its run of a job; a later run continues it.
pub const HANDLER: Duration = secs(45);
/// How often workers poll for new jobs and for those that fall due.
pub const JOB_PERIOD: Duration = Duration::from_millis(20);
/// How often a worker extends the lease of a long job.
pub const HEARTBEAT: Duration = secs(20);
/// The number of attempts of a job before it becomes a dead letter, and of a booking for one reservation.
pub const MAX_ATTEMPTS: u32 = 8;
/// The number of times that a job may wait for evidence before it becomes a dead letter.
pub const MAX_WAITS: u32 = 64;
/// The number of jobs for the same dependency that one worker processes at once.
pub const POOL: u32 = 4;
/// One worker retries a failing dependency at this period (ten times a minute) ...
pub const RETRY_EVERY: Duration = secs(6);
/// ... and once more for each of this many calls (a tenth of them).
pub const RETRY_SHARE: u32 = 10;
/// The number of unused retries that a worker can save.
pub const RETRIES_BANKED: u32 = 10;
/// The window of calls over which the breaker judges a dependency.
pub const BREAKER_WINDOW: Duration = secs(60);
/// The least number of calls over which the breaker judges.
pub const BREAKER_CALLS: usize = 20;
/// The time that the breaker stays open before it lets one probe through.
pub const BREAKER_OPEN: Duration = secs(30);
/// The number of jobs that may wait before new work is rejected.
pub const QUEUE_MAX: u32 = 10_000;
/// The time that must have passed since the last send before a looked-up outcome counts as "no effect": more than a
/// late request, a paused worker and a lagging lookup together.
pub const QUARANTINE: Duration = mins(60);
/// We stop relying on a key this long before it expires at the partner.
pub const KEY_MARGIN: Duration = mins(60);
/// The times after the last send, or after a reservation became pending, at which the partner is asked.
pub const CHECKS: [Duration; 6] =
    [Duration::from_millis(500), secs(2), mins(5), mins(15), mins(30), QUARANTINE];
/// The wait after a failed lookup at the partner.
pub const CHECK_AGAIN: Duration = mins(2);
/// A worker's timeout for the renderer.
pub const RENDERER_TIMEOUT: Duration = secs(10);
/// A worker's timeout for the document store.
pub const DOCUMENTS_TIMEOUT: Duration = secs(5);
/// The time within which a booking is confirmed or has failed ...
pub const BOOKING_PROMISE: Duration = mins(15);
/// ... or, if its outcome is being checked, within which the outcome is known.
pub const CHECKING_PROMISE: Duration = mins(90);
/// The time within which a clinic's report is filed.
pub const FILING_PROMISE: Duration = mins(15);
/// The period at which the monitor polls.
pub const LOOKS_EVERY: Duration = mins(1);
/// The monitor's timeout for the pager.
pub const PAGER_TIMEOUT: Duration = secs(10);
/// How long the monitor waits before it retries.
pub const PAGER_AGAIN: Duration = secs(15);
/// The wait after which an unacknowledged alert is sent again.
pub const ALERT_AGAIN: Duration = mins(2);
/// The period of the monitor's heartbeat to the pager.
pub const MONITOR_BEATS: Duration = mins(1);
/// The pager rings after this long without a heartbeat, and again after each further such time.
pub const MONITOR_SILENT: Duration = mins(3);
/// The number of threads of a node of the web tier.
pub const WEB_THREADS: usize = 2;
/// The hour of the clinic's local day at which a visit booked ahead begins.
pub const APPOINTMENT_HOUR: u64 = 9;
/// How long before a visit its patient is reminded.
pub const REMINDER_BEFORE: Duration = mins(120);
/// How often the reminder looks for visits whose patient is due to be reminded.
pub const REMINDER_LOOKS: Duration = mins(5);
/// The wait of the reminder after the store failed.
pub const REMINDER_AGAIN: Duration = mins(1);
/// How often the nightly close looks for completed days.
pub const CLOSE_LOOKS: Duration = mins(15);
/// The wait of the nightly close after the store failed.
pub const CLOSE_AGAIN: Duration = mins(1);
/// The time for which a quote may be accepted.
pub const QUOTE_OPEN: Duration = mins(30);
/// A request within this time of a quote returns the same quote.
pub const QUOTE_SAME: Duration = mins(15);
/// How often mailers poll for mail that is due.
pub const MAIL_PERIOD: Duration = Duration::from_millis(500);
/// A mailer's timeout for the mail provider.
pub const MAIL_TIMEOUT: Duration = secs(5);
/// The time after which sent mail without news is flagged for a person.
pub const MAIL_HEARD_WITHIN: Duration = mins(120);
/// The wait after an unknown outcome before mail that must reach its recipient is sent again, unless news comes
/// first.
pub const MAIL_RESEND_AFTER: Duration = mins(10);

/// The time to live of a page's data in the cache, plus or minus a fifth.
pub const CACHE_LIFE: Duration = secs(60);
/// The timeout of a page for the cache; after it the page continues without the cache.
pub const CACHE_TIMEOUT: Duration = Duration::from_millis(250);
/// The number of database connections that pages may use at a time on one node.
pub const PAGE_CONNECTIONS: usize = 24;
/// The time that the database takes for one page: 200 pages a second over the connections that there are.
pub const PAGE_READ: Duration = Duration::from_millis(120);
/// The number of pages not served by the cache that may read the database at a time: 167 a second.
pub const MISSES_MAX: usize = 20;
/// The greatest age of the data of a page while nothing fails.
pub const FRESH_WITHIN: Duration = secs(2);
/// The greatest age of the data of a page at any time: slightly more than the longest time to live.
pub const CACHE_LIFE_MAX: Duration = secs(75);
/// The number of reads for pages per second that the database can serve.
pub const PRIMARY_READS_MAX: usize = 200;

/// The grace period of a node that shuts down.
pub const DRAIN: Duration = secs(60);
/// How long a canary release is observed before its rollout continues.
pub const BAKE: Duration = mins(10);
/// The period at which its results are read meanwhile.
pub const WATCH_PERIOD: Duration = secs(60);
/// The number of orders that it must have completed before its rollout continues.
pub const COMPLETIONS_TO_GO_ON: u32 = 20;
/// The release is withdrawn if its rejection rate exceeds that of the previous one by this many percentage points.
pub const POINTS_TO_HALT: u32 = 5;
/// The release is withdrawn after this long without telemetry.
pub const TELEMETRY_TIMEOUT: Duration = mins(2);
/// The time after its complete rollout for which a release can be rolled back.
pub const ROLLBACK_WINDOW: Duration = mins(30);

/// The jitter of waits. Half of a wait is fixed and half is drawn (equal jitter). No single draw matters; it only
/// matters whether all waits are short or long together, and whether those of many jobs coincide. As choices these would
/// take as many deviations as there are waits. So a parameter of the run sets where in the drawn range all waits are, and
/// each job has a place of its own near that: jobs that fail together are not retried together.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Jitter {
    /// The middle of the drawn range.
    #[default]
    Middle,
    /// The shortest waits of the drawn range.
    Least,
    /// The longest waits of the drawn range.
    Most,
}

/// The fractional part of the golden ratio, as a part of 2^32: multiples of it are spread evenly, however many there are
/// (Knuth, "Sorting and Searching", 6.4).
const GOLDEN: u32 = 2_654_435_769;

impl Jitter {
    /// Returns the wait of the job with this number, given the middle of the drawn range. Waits of different jobs lie up
    /// to a sixth of the middle apart.
    pub fn of(self, middle: Duration, job: u32) -> Duration {
        let place = job.wrapping_sub(1).wrapping_mul(GOLDEN);
        let part = |place: u32| {
            let nanos = (middle.as_nanos() / 6 * u128::from(place)) >> u32::BITS;
            Duration::from_millis((nanos / 1_000_000) as u64)
        };
        match self {
            Jitter::Middle if place > u32::MAX / 2 => middle - part(place.wrapping_neg()),
            Jitter::Middle => middle + part(place),
            Jitter::Least => middle * 2 / 3 + part(place),
            Jitter::Most => middle * 4 / 3 - part(place),
        }
    }
}

/// Returns the wait after `n` attempts (from 1) without result, with the middle [`Jitter`]: it doubles, from two
/// seconds up to five minutes.
pub fn backoff(n: u32) -> Duration {
    let full = secs(1 << n.min(10)).min(secs(300));
    full * 3 / 4
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_of_many_jobs_are_spread_over_a_part_of_the_drawn_range() {
        for jitter in [Jitter::Least, Jitter::Middle, Jitter::Most] {
            let mut waits: Vec<Duration> = (1..=100).map(|job| jitter.of(backoff(3), job)).collect();
            waits.sort();
            let (least, most) = (waits[0], waits[99]);
            assert!(least >= Jitter::Least.of(backoff(3), 1) && most <= Jitter::Most.of(backoff(3), 1));
            assert!(most - least <= backoff(3) / 6, "{jitter:?}: from {least:?} to {most:?}");
            let gap = waits.windows(2).map(|pair| pair[1] - pair[0]).max().expect("pairs");
            assert!(gap <= Duration::from_millis(25), "{jitter:?}: {gap:?} between two of a hundred jobs");
        }
    }

    #[test]
    fn eight_attempts_outlast_a_transient_fault() {
        let waits = |jitter: Jitter| (1..MAX_ATTEMPTS).map(|n| jitter.of(backoff(n), 1)).sum::<Duration>();
        assert_eq!(waits(Jitter::Least), secs(127), "the least that jitter makes of it");
        assert_eq!(waits(Jitter::Most), secs(254));
        assert_eq!(Jitter::Most.of(backoff(30), 1), secs(300), "the cap");
    }

    #[test]
    fn a_short_lived_key_is_no_key() {
        assert_eq!(PartnerTerms::SHORT_KEYS.resend_for(), None);
        assert_eq!(PartnerTerms::KEYS.resend_for(), Some(mins(23 * 60)));
    }
}
