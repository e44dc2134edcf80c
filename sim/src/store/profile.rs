//! What a store is like, and what may go wrong with it.

use crate::fault::{Delays, Faults, Listed, Place};
use crate::time::{self, Duration};
use shakedown_database::Isolation;

/// What may become of a commit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CommitFault {
    /// It has no effect, and the client receives no response.
    Fails,
    /// It takes effect, and the client receives no response.
    ResponseLost,
    /// The client stops waiting, and the server reads the request so much later.
    Late(Duration),
}

impl Listed for CommitFault {
    fn text(self) -> String {
        match self {
            Self::Fails => "fails".to_owned(),
            Self::ResponseLost => "response lost".to_owned(),
            Self::Late(by) => format!("late {}", time::text(by)),
        }
    }

    fn read(text: &str) -> Option<Self> {
        match text {
            "fails" => Some(Self::Fails),
            "response lost" => Some(Self::ResponseLost),
            _ => text.strip_prefix("late ").and_then(time::parse).map(Self::Late),
        }
    }

    fn length(self) -> Option<Duration> {
        match self {
            Self::Fails | Self::ResponseLost => None,
            Self::Late(by) => Some(by),
        }
    }

    fn erase(list: &'static [Self]) -> Faults {
        Faults::Commit(list)
    }
}

/// What may become of a statement.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StatementFault {
    /// The connection breaks, and the statement does not reach the server.
    Lost,
    /// The server works on it this much longer before it has an effect.
    Slow(Duration),
}

impl Listed for StatementFault {
    fn text(self) -> String {
        match self {
            Self::Lost => "lost".to_owned(),
            Self::Slow(by) => format!("slow {}", time::text(by)),
        }
    }

    fn read(text: &str) -> Option<Self> {
        match text {
            "lost" => Some(Self::Lost),
            _ => text.strip_prefix("slow ").and_then(time::parse).map(Self::Slow),
        }
    }

    fn length(self) -> Option<Duration> {
        match self {
            Self::Lost => None,
            Self::Slow(by) => Some(by),
        }
    }

    fn erase(list: &'static [Self]) -> Faults {
        Faults::Statement(list)
    }
}

/// How the primary goes down at a commit, with the time until the database serves again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FailoverFault {
    /// Nothing is lost: its standby takes over once it has replayed everything, or it comes back itself.
    Lossless(Duration),
    /// The standby takes over as it is: what it has not replayed is lost.
    WithLoss(Duration),
    /// The backup is restored: what it lacks is lost.
    FromBackup(Duration),
}

impl Listed for FailoverFault {
    fn text(self) -> String {
        match self {
            Self::Lossless(down) => time::text(down),
            Self::WithLoss(down) => format!("{} with loss", time::text(down)),
            Self::FromBackup(down) => format!("{} from backup", time::text(down)),
        }
    }

    fn read(text: &str) -> Option<Self> {
        match (text.strip_suffix(" with loss"), text.strip_suffix(" from backup")) {
            (Some(down), _) => time::parse(down).map(Self::WithLoss),
            (_, Some(down)) => time::parse(down).map(Self::FromBackup),
            _ => time::parse(text).map(Self::Lossless),
        }
    }

    fn length(self) -> Option<Duration> {
        let (Self::Lossless(down) | Self::WithLoss(down) | Self::FromBackup(down)) = self;
        Some(down)
    }

    fn erase(list: &'static [Self]) -> Faults {
        Faults::Failover(list)
    }
}

/// How long things take, and what may go wrong. An empty list offers no choice.
///
/// ```
/// use shakedown_sim::{CommitFault, Duration, StoreProfile};
/// const LEDGER: StoreProfile = StoreProfile {
///     lock_timeout: Duration::from_secs(1),
///     commit_faults: &[CommitFault::Fails, CommitFault::ResponseLost, CommitFault::Late(Duration::from_secs(2))],
///     ..StoreProfile::CALM
/// };
/// # let _ = LEDGER;
/// ```
#[derive(Clone, Copy, Debug)]
pub struct StoreProfile {
    /// From the request to commit until its response, on the happy path.
    pub commit: Duration,
    /// The time that a client needs to connect.
    pub connect: Duration,
    /// The time of a statement from its request until its response, without waits for locks and slow work. Half of it
    /// passes before the effect.
    pub statement: Duration,
    /// How long a statement waits for a lock; zero is without limit.
    pub lock_timeout: Duration,
    /// How long a wait lasts before the server looks for a deadlock.
    pub deadlock_timeout: Duration,
    /// How long a statement may take; zero is without limit.
    pub statement_timeout: Duration,
    /// How long a transaction may sit without a statement before the server ends its session; zero is without
    /// limit.
    pub idle_in_transaction: Duration,
    /// The greatest number of sessions, those included that no client uses (`max_connections`).
    pub connections_max: u32,
    /// The level of transactions that do not name one.
    pub isolation: Isolation,
    /// Whether the order of rows is a choice in statements that do not order them: as scanned, backwards, or from the
    /// middle.
    pub unordered: bool,
    /// What may become of a commit.
    pub commit_faults: &'static [CommitFault],
    /// What may become of a statement.
    pub statement_faults: &'static [StatementFault],
    /// How much later the server may notice that a client is gone.
    pub notice: &'static [Duration],
    /// How far the standby may be behind a commit, if there is a standby.
    pub standby_lag: Option<&'static [Duration]>,
    /// How far the backup is behind, if there is one: a commit is in it so long after.
    pub backup_lag: Option<Duration>,
    /// How often the primary goes down at most.
    pub failovers_max: u32,
    /// How the primary may go down at a commit.
    pub failover: &'static [FailoverFault],
}

impl StoreProfile {
    /// PostgreSQL's default settings, commits of 5 ms, statements of no time, no standby, and no faults.
    pub const CALM: StoreProfile = StoreProfile {
        commit: Duration::from_millis(5),
        connect: Duration::ZERO,
        statement: Duration::ZERO,
        lock_timeout: Duration::ZERO,
        deadlock_timeout: Duration::from_secs(1),
        statement_timeout: Duration::ZERO,
        idle_in_transaction: Duration::ZERO,
        connections_max: u32::MAX,
        isolation: Isolation::ReadCommitted,
        unordered: false,
        commit_faults: &[],
        statement_faults: &[],
        notice: &[],
        standby_lag: None,
        backup_lag: None,
        failovers_max: u32::MAX,
        failover: &[],
    };

    /// Returns whether statements take no time and cannot fail on their way.
    pub(super) fn has_instant_statements(&self) -> bool {
        self.statement.is_zero() && self.statement_faults.is_empty()
    }

    /// # Panics
    /// If it lists what cannot be; the message names the site.
    pub(super) fn check(&self) {
        Commits(self.commit_faults).check("store/commit");
        Statements(self.statement_faults).check("store/statement");
        Delays(self.notice).check("store/notices a dead client");
        Delays(self.standby_lag.unwrap_or_default()).check("store/standby replays");
        Failovers(self.failover).check("store/goes down at");
        let restores = |fault: &FailoverFault| matches!(fault, FailoverFault::FromBackup(_));
        let has_backup = self.backup_lag.is_some() || !self.failover.iter().any(restores);
        assert!(has_backup, "store/goes down at lists a restore from a backup, and there is none");
        let loses = |fault: &FailoverFault| matches!(fault, FailoverFault::WithLoss(_));
        let has_standby = self.standby_lag.is_some() || !self.failover.iter().any(loses);
        assert!(has_standby, "store/goes down at lists a failover with loss, and there is no standby");
    }
}

/// Commits of a store.
#[derive(Clone, Copy)]
pub(super) struct Commits(pub(super) &'static [CommitFault]);

impl Place for Commits {
    type Fault = CommitFault;
    const BENIGN: &'static str = "commits";

    fn faults(self) -> &'static [CommitFault] {
        self.0
    }
}

/// Statements of a store.
#[derive(Clone, Copy)]
pub(super) struct Statements(pub(super) &'static [StatementFault]);

impl Place for Statements {
    type Fault = StatementFault;
    const BENIGN: &'static str = "arrives";

    fn faults(self) -> &'static [StatementFault] {
        self.0
    }
}

/// Failovers of a store.
#[derive(Clone, Copy)]
pub(super) struct Failovers(pub(super) &'static [FailoverFault]);

impl Place for Failovers {
    type Fault = FailoverFault;
    const BENIGN: &'static str = "up";

    fn faults(self) -> &'static [FailoverFault] {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_of_a_store_is_read_back_as_it_is_written() {
        fn check<F: Listed + std::fmt::Debug>(faults: &[F]) {
            for fault in faults {
                assert_eq!(F::read(&fault.text()), Some(*fault));
            }
            assert_eq!(F::read("losst"), None);
        }
        let length = Duration::from_secs(90);
        check(&[CommitFault::Fails, CommitFault::ResponseLost, CommitFault::Late(length)]);
        check(&[StatementFault::Lost, StatementFault::Slow(length)]);
        check(&[
            FailoverFault::Lossless(length),
            FailoverFault::WithLoss(length),
            FailoverFault::FromBackup(length),
        ]);
    }

    #[test]
    #[should_panic(expected = "store/goes down at lists a restore from a backup, and there is none")]
    fn a_restore_needs_a_backup() {
        const RESTORED: FailoverFault = FailoverFault::FromBackup(Duration::from_secs(300));
        StoreProfile { failover: &[RESTORED], ..StoreProfile::CALM }.check();
    }
}
