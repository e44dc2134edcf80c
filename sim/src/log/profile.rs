//! The properties of a log and of its consumers, and the possible faults.

use super::partition::{Cleanup, ReadLevel};
use crate::fault::{DelayRange, Place, listed};
use crate::label::Label;
use crate::time::Duration;

/// The properties of a log. [`LogProfile::KAFKA`] has the defaults of Kafka, and no faults.
///
/// ```
/// use shakedown_sim::log::{Cleanup, LogFaults, LogProfile, RequestFault};
/// use shakedown_sim::Duration;
/// const EVENTS: LogProfile = LogProfile {
///     partitions: 3,
///     cleanup: Cleanup::Delete(Duration::from_secs(86_400)),
///     faults: LogFaults { commit: &[RequestFault::ResponseLost], ..LogFaults::NONE },
///     ..LogProfile::KAFKA
/// };
/// assert_eq!(EVENTS.session_timeout, Duration::from_secs(45));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct LogProfile {
    /// The number of partitions.
    pub partitions: u32,
    /// The one-way latency between a node and the broker on the happy path.
    pub latency: Duration,
    /// The time that a node waits for the broker's response to one request (`request.timeout.ms`).
    pub timeout: Duration,
    /// How long a producer retries a record (`delivery.timeout.ms`); at most `timeout`: it does not retry.
    pub delivery_timeout: Duration,
    /// The pause between two tries of a producer (`retry.backoff.ms`).
    pub backoff: Duration,
    /// The time without heartbeats after which the group removes a member (`session.timeout.ms`).
    pub session_timeout: Duration,
    /// The period of heartbeats (`heartbeat.interval.ms`).
    pub heartbeat: Duration,
    /// The longest time between two polls of a member, and the longest duration of a rebalance
    /// (`max.poll.interval.ms`).
    pub poll_interval: Duration,
    /// The longest duration of a transaction; the broker aborts it then (`transaction.timeout.ms`).
    pub transaction_timeout: Duration,
    /// How old records are deleted.
    pub cleanup: Cleanup,
    /// The possible faults.
    pub faults: LogFaults,
}

impl LogProfile {
    /// After Apache Kafka 3 and 4: one partition, the defaults of its producers and consumers.
    pub const KAFKA: LogProfile = LogProfile {
        partitions: 1,
        latency: Duration::from_millis(5),
        timeout: Duration::from_secs(30),
        delivery_timeout: Duration::from_secs(120),
        backoff: Duration::from_millis(100),
        session_timeout: Duration::from_secs(45),
        heartbeat: Duration::from_secs(3),
        poll_interval: Duration::from_secs(300),
        transaction_timeout: Duration::from_secs(60),
        cleanup: Cleanup::Never,
        faults: LogFaults::NONE,
    };

    /// # Panics
    /// If the profile has no partition or lists an impossible fault; the message names the site.
    pub(super) fn check(&self, log: Label) {
        assert!(self.partitions > 0, "log `{log}` has no partition");
        let faults = &self.faults;
        Requests(faults.send, faults.send_range).check(format_args!("{log}/send"));
        Requests(faults.commit, faults.commit_range).check(format_args!("{log}/commit"));
        Requests(faults.transaction, DelayRange::NONE).check(format_args!("{log}/transaction"));
        Fetches(faults).check(format_args!("{log}/fetch"));
        Members(faults).check(format_args!("{log}/member"));
    }
}

/// When a consumer commits offsets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Commits {
    /// When the application commits.
    Manual,
    /// In `poll` and `close`, if this time has passed since the last time (`auto.commit.interval.ms`): the offsets of
    /// all records that earlier polls returned, whether or not they are processed.
    Auto(Duration),
}

/// Where a consumer begins if no offset is committed or the records at its position are deleted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StartAt {
    /// At the first record.
    Earliest,
    /// After the last record.
    Latest,
}

/// The properties of a consumer.
#[derive(Clone, Copy, Debug)]
pub struct Subscription {
    /// The group; its members share the partitions.
    pub group: Label,
    /// When it commits offsets.
    pub commits: Commits,
    /// Where it begins without a committed offset (`auto.offset.reset`).
    pub start: StartAt,
    /// Which records it reads (`isolation.level`).
    pub level: ReadLevel,
}

impl Subscription {
    /// Creates a subscription that commits manually, begins at the earliest record and reads uncommitted records.
    pub fn new(group: impl Into<Label>) -> Self {
        Self {
            group: group.into(),
            commits: Commits::Manual,
            start: StartAt::Earliest,
            level: ReadLevel::Uncommitted,
        }
    }
}

/// The possible faults of a request to the broker.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RequestFault {
    /// The broker does not receive it.
    Lost,
    /// The broker refuses it.
    Refused,
    /// The broker executes it, but the node receives no response.
    ResponseLost,
    /// It takes this much longer.
    Late(Duration),
}

listed! {
    Request(RequestFault): Lost = "lost", Refused = "refused", ResponseLost = "response lost"; Late
}

/// The possible faults of a group while one of its members processes records.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MemberFault {
    /// A rebalance begins. The member joins it with its next poll; until then its commits succeed.
    Rebalance,
    /// The heartbeats of the member do not reach the broker, which removes it. The member does not know.
    SessionTimeout,
}

listed! { Member(MemberFault): Rebalance = "rebalance", SessionTimeout = "session timeout" }

/// The possible faults of a log. An empty list offers no choice.
#[derive(Clone, Copy, Debug)]
pub struct LogFaults {
    /// The possible faults of each try to send a record.
    pub send: &'static [RequestFault],
    /// The range from which seeded exploration also draws delays of sends.
    pub send_range: DelayRange,
    /// The possible faults of a commit of offsets.
    pub commit: &'static [RequestFault],
    /// The range from which seeded exploration also draws delays of commits.
    pub commit_range: DelayRange,
    /// The possible faults of the requests that begin a transactional producer or end a transaction.
    pub transaction: &'static [RequestFault],
    /// The possible additional delays of records on their way to a consumer.
    pub fetch: &'static [Duration],
    /// The possible faults of the group when a member receives records.
    pub member: &'static [MemberFault],
}

impl LogFaults {
    /// Nothing goes wrong.
    pub const NONE: LogFaults = LogFaults {
        send: &[],
        send_range: DelayRange::NONE,
        commit: &[],
        commit_range: DelayRange::NONE,
        transaction: &[],
        fetch: &[],
        member: &[],
    };
}

/// Requests to the broker.
#[derive(Clone, Copy)]
pub(super) struct Requests(pub(super) &'static [RequestFault], pub(super) DelayRange);

impl Place for Requests {
    type Fault = RequestFault;
    const BENIGN: &'static str = "arrives";

    fn faults(self) -> &'static [RequestFault] {
        self.0
    }

    fn range(self) -> DelayRange {
        self.1
    }
}

/// Records on their way to a consumer.
#[derive(Clone, Copy)]
pub(super) struct Fetches<'a>(pub(super) &'a LogFaults);

impl Place for Fetches<'_> {
    type Fault = Duration;
    const BENIGN: &'static str = "prompt";

    fn faults(self) -> &'static [Duration] {
        self.0.fetch
    }
}

/// Members of a group.
#[derive(Clone, Copy)]
pub(super) struct Members<'a>(pub(super) &'a LogFaults);

impl Place for Members<'_> {
    type Fault = MemberFault;
    const BENIGN: &'static str = "stays";

    fn faults(self) -> &'static [MemberFault] {
        self.0.member
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Listed;

    #[test]
    fn a_fault_of_a_log_is_read_back_as_it_is_written() {
        fn check<F: Listed + std::fmt::Debug>(faults: &[F]) {
            for fault in faults {
                assert_eq!(F::read(&fault.text()), Some(*fault));
            }
            assert_eq!(F::read("losst"), None);
        }
        let late = RequestFault::Late(Duration::from_secs(90));
        check(&[RequestFault::Lost, RequestFault::Refused, RequestFault::ResponseLost, late]);
        check(&[MemberFault::Rebalance, MemberFault::SessionTimeout]);
    }
}
