//! The properties of a key-value store, and the possible faults.

use super::keyspace::{Eviction, Memory};
use crate::fault::{DelayRange, Delays, Faults, Listed, Place, listed};
use crate::label::Label;
use crate::time::{self, Duration};

/// What survives a restart of the server (`appendonly`, `appendfsync`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Persistence {
    /// Nothing: the server restarts empty.
    Nothing,
    /// What was written before the last full second (`everysec`).
    EverySecond,
    /// Every write to which the server has replied (`always`).
    Always,
}

/// The properties of a key-value store. [`KvProfile::REDIS`] has the defaults of Redis, and no faults.
///
/// ```
/// use shakedown_sim::kv::{CommandFault, Eviction, KvFaults, KvProfile, Memory};
/// const CACHE: KvProfile = KvProfile {
///     memory: Memory::Keys(100),
///     eviction: Eviction::LeastRecent,
///     faults: KvFaults { command: &[CommandFault::ResponseLost], ..KvFaults::NONE },
///     ..KvProfile::REDIS
/// };
/// # let _ = CACHE;
/// ```
#[derive(Clone, Copy, Debug)]
pub struct KvProfile {
    /// The one-way latency between a node and the server on the happy path.
    pub latency: Duration,
    /// The time that a client waits for a reply.
    pub timeout: Duration,
    /// The time after which the replica has a write, on the happy path.
    pub replication: Duration,
    /// The bound of the memory.
    pub memory: Memory,
    /// What the server deletes when the bound is exceeded.
    pub eviction: Eviction,
    /// What survives a restart.
    pub persistence: Persistence,
    /// The number of messages that a subscriber may be behind before the server closes its connection
    /// (`client-output-buffer-limit pubsub`, which is in bytes).
    pub subscriber_backlog: usize,
    /// The greatest number of failovers and restarts in a run.
    pub failovers_max: u32,
    /// The possible faults.
    pub faults: KvFaults,
}

impl KvProfile {
    /// After Redis 7: no memory bound, no eviction; an append-only file that is synced every second.
    pub const REDIS: KvProfile = KvProfile {
        latency: Duration::from_millis(1),
        timeout: Duration::from_secs(2),
        replication: Duration::from_millis(1),
        memory: Memory::Unbounded,
        eviction: Eviction::Never,
        persistence: Persistence::EverySecond,
        subscriber_backlog: 1_000,
        failovers_max: u32::MAX,
        faults: KvFaults::NONE,
    };

    /// # Panics
    /// If the profile lists an impossible fault; the message names the site.
    pub(super) fn check(&self, name: Label, has_replica: bool) {
        let faults = &self.faults;
        Commands(faults).check(format_args!("{name}/command"));
        Delays(faults.replication).check(format_args!("{name}/replica applies"));
        Failovers(faults).check(format_args!("{name}/goes down at"));
        Evictions(faults).check(format_args!("{name}/eviction"));
        Messages(faults).check(format_args!("{name}/message"));
        let restarts = |fault: &KvFailover| matches!(fault, KvFailover::Restart(_));
        assert!(
            has_replica || faults.failover.iter().all(restarts),
            "{name}/goes down at lists a failover, and there is no replica"
        );
        assert!(
            faults.eviction.is_empty() || self.eviction != Eviction::Never,
            "{name}/eviction lists evictions, and the policy evicts nothing"
        );
    }
}

/// The possible faults of a command and its reply.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CommandFault {
    /// The server does not receive the command.
    Lost,
    /// The connection is refused.
    Refused,
    /// The server executes the command, but the client receives no reply.
    ResponseLost,
    /// It takes this much longer.
    Late(Duration),
}

listed! {
    Command(CommandFault): Lost = "lost", Refused = "refused", ResponseLost = "response lost"; Late
}

/// What happens to the primary right after a write to which it has replied.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum KvFailover {
    /// It crashes. After this time the replica serves: what it has not received is lost.
    Crash(Duration),
    /// It cannot reach its replica for this time, and serves on. Then the replica takes over: what was written
    /// meanwhile is lost.
    Partition(Duration),
    /// The replica takes over at once, and what it has not received is lost. For this time clients still reach the
    /// former primary, which rejects writes and returns old data.
    Demotion(Duration),
    /// It restarts with what is on its disk, and rejects commands for this time while it loads.
    Restart(Duration),
}

impl Listed for KvFailover {
    fn text(self) -> String {
        match self {
            Self::Crash(down) => format!("crash {}", time::text(down)),
            Self::Partition(apart) => format!("partition {}", time::text(apart)),
            Self::Demotion(stale) => format!("demotion {}", time::text(stale)),
            Self::Restart(loading) => format!("restart {}", time::text(loading)),
        }
    }

    fn read(text: &str) -> Option<Self> {
        let (kind, length) = text.split_once(' ')?;
        let length = time::parse(length)?;
        Some(match kind {
            "crash" => Self::Crash(length),
            "partition" => Self::Partition(length),
            "demotion" => Self::Demotion(length),
            "restart" => Self::Restart(length),
            _ => return None,
        })
    }

    fn length(self) -> Option<Duration> {
        let (Self::Crash(length) | Self::Partition(length) | Self::Demotion(length) | Self::Restart(length)) =
            self;
        Some(length)
    }

    fn erase(list: &'static [Self]) -> Faults {
        Faults::KvFailover(list)
    }
}

/// The possible faults of a key that a command names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EvictionFault {
    /// The server has evicted it, as if its memory were full.
    Evicted,
}

listed! { Eviction(EvictionFault): Evicted = "evicted" }

/// The possible faults of a published message on its way to one subscriber.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MessageFault {
    /// The connection of the subscriber breaks: it misses the message, and all others until it subscribes again.
    Disconnected,
    /// It takes this much longer, and later messages wait for it.
    Late(Duration),
}

listed! { Message(MessageFault): Disconnected = "disconnected"; Late }

/// The possible faults of a key-value store. An empty list offers no choice.
#[derive(Clone, Copy, Debug)]
pub struct KvFaults {
    /// The possible faults of each command.
    pub command: &'static [CommandFault],
    /// The range from which seeded exploration also draws delays of commands.
    pub command_range: DelayRange,
    /// The possible additional delays of a write on its way to the replica.
    pub replication: &'static [Duration],
    /// What may happen to the primary after a write.
    pub failover: &'static [KvFailover],
    /// Whether a key that a command names may have been evicted; the policy must allow it.
    pub eviction: &'static [EvictionFault],
    /// The possible faults of each message to each subscriber.
    pub message: &'static [MessageFault],
}

impl KvFaults {
    /// Nothing goes wrong.
    pub const NONE: KvFaults = KvFaults {
        command: &[],
        command_range: DelayRange::NONE,
        replication: &[],
        failover: &[],
        eviction: &[],
        message: &[],
    };
}

/// Implements [`Place`] for the lists of a store's faults.
macro_rules! places {
    ($($(#[$doc:meta])* $place:ident: $list:ident of $fault:ty, $benign:literal $(, $range:ident)?;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy)]
        pub(super) struct $place<'a>(pub(super) &'a KvFaults);

        impl Place for $place<'_> {
            type Fault = $fault;
            const BENIGN: &'static str = $benign;

            fn faults(self) -> &'static [$fault] {
                self.0.$list
            }

            $(fn range(self) -> DelayRange {
                self.0.$range
            })?
        }
    )*};
}

places! {
    /// Commands of clients.
    Commands: command of CommandFault, "arrives", command_range;
    /// The primary after a write.
    Failovers: failover of KvFailover, "up";
    /// Keys that commands name.
    Evictions: eviction of EvictionFault, "kept";
    /// Messages on their way to a subscriber.
    Messages: message of MessageFault, "arrives";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_of_a_key_value_store_is_read_back_as_it_is_written() {
        fn check<F: Listed + std::fmt::Debug>(faults: &[F]) {
            for fault in faults {
                assert_eq!(F::read(&fault.text()), Some(*fault));
            }
            assert_eq!(F::read("losst"), None);
        }
        let time = Duration::from_secs(90);
        check(&[
            CommandFault::Lost,
            CommandFault::Refused,
            CommandFault::ResponseLost,
            CommandFault::Late(time),
        ]);
        check(&[KvFailover::Crash(time), KvFailover::Partition(time), KvFailover::Demotion(time)]);
        check(&[KvFailover::Restart(time)]);
        check(&[EvictionFault::Evicted]);
        check(&[MessageFault::Disconnected, MessageFault::Late(time)]);
    }

    #[test]
    #[should_panic(expected = "locks/goes down at lists a failover, and there is no replica")]
    fn a_failover_needs_a_replica() {
        const CRASH: &[KvFailover] = &[KvFailover::Crash(Duration::from_secs(5))];
        let faults = KvFaults { failover: CRASH, ..KvFaults::NONE };
        KvProfile { faults, ..KvProfile::REDIS }.check("locks".into(), false);
    }

    #[test]
    #[should_panic(expected = "cache/eviction lists evictions, and the policy evicts nothing")]
    fn an_eviction_needs_a_policy() {
        let faults = KvFaults { eviction: &[EvictionFault::Evicted], ..KvFaults::NONE };
        KvProfile { faults, ..KvProfile::REDIS }.check("cache".into(), false);
    }
}
