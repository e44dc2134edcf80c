//! The faults of the server.

use shakedown_sim::{Alternatives, Duration};

/// What may become of a new session.
const SESSION: &[&str] = &["accepted", "too many connections", "starting up"];

/// What may become of a batch that commits a transaction block; see [`ServerFaults::commit`].
const COMMIT: &[&str] =
    &["runs", "lost before", "lost after", "lost during", "outlives", "restart", "restart after", "failover"];

/// The same without the failover, which stands last.
const WITHOUT_FAILOVER: &[&str] = COMMIT.split_at(COMMIT.len() - 1).0;

/// The standby of a server, which takes over in a failover.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standby {
    /// Each commit waits for it, so it has all of them.
    Synchronous,
    /// It lags: it does not have the commit at which it takes over, nor those of the time `lag` before. Their clients know them as committed.
    Asynchronous {
        /// How far it is behind.
        lag: Duration,
    },
}

/// The faults of a server; the benign alternative first in each. Connections are also subject to the faults of their link
/// ([`shakedown_net::StreamFaults`]): refused, lost, reset.
#[derive(Clone, Copy, Debug)]
pub struct ServerFaults {
    /// What may become of a new session: `too many connections`, `starting up`.
    pub session: Alternatives,
    /// What may become of a batch that does not commit a transaction block; see [`ServerFaults::commit`].
    pub statement: Alternatives,
    /// What may become of a batch that commits a transaction block:
    ///
    /// - `lost before`: the connection is lost, and the batch is not run; the transaction is rolled back;
    /// - `lost after`: the batch is run, and the connection is lost before its response;
    /// - `lost during`: the connection is lost, and the server runs the batch later, after [`ServerFaults::late`];
    /// - `outlives`: the connection is lost, the batch is not run, and the server does not notice for
    ///   [`ServerFaults::notices_after`]: until then the session keeps its locks;
    /// - `restart`: the server restarts before it runs the batch; all sessions end;
    /// - `restart after`: the server restarts once it has run the batch, before its response;
    /// - `failover`: the client learns that the transaction is committed; then the server is replaced by its
    ///   [standby](ServerFaults::standby). All sessions end. With an asynchronous standby it is possible at a single simple `COMMIT`, without
    ///   effect on other batches.
    pub commit: Alternatives,
    /// The standby that takes over in a `failover`.
    pub standby: Standby,
    /// How late a batch runs whose connection was lost during it.
    pub late: Duration,
    /// How long the server takes to notice that a client is gone without having closed its session.
    pub notices_after: Duration,
    /// How long a restart takes.
    pub restart: Duration,
}

impl ServerFaults {
    /// A server at which nothing goes wrong.
    pub const NONE: ServerFaults = ServerFaults {
        session: Alternatives::new(&["accepted"]),
        statement: Alternatives::new(&["runs"]),
        commit: Alternatives::new(&["runs"]),
        standby: Standby::Asynchronous { lag: Duration::ZERO },
        late: Duration::from_secs(1),
        notices_after: Duration::from_secs(30),
        restart: Duration::from_secs(2),
    };

    /// A server whose connections may be lost at any statement, and which may restart when it commits.
    pub const LOSSY: ServerFaults = ServerFaults {
        session: Alternatives::new(SESSION),
        statement: Alternatives::new(&["runs", "lost before", "lost after"]),
        commit: Alternatives::new(WITHOUT_FAILOVER),
        ..Self::NONE
    };

    /// The same with an asynchronous standby, which takes over without the last commit. See [`ServerFaults::lagging`].
    pub const ASYNCHRONOUS: ServerFaults = ServerFaults { commit: Alternatives::new(COMMIT), ..Self::LOSSY };

    /// The same with a synchronous standby: a failover loses no commit.
    pub const SYNCHRONOUS: ServerFaults =
        ServerFaults { standby: Standby::Synchronous, ..Self::ASYNCHRONOUS };

    /// Returns these faults with an asynchronous standby that is so far behind.
    ///
    /// ```
    /// # use shakedown_postgres::ServerFaults;
    /// # use shakedown_sim::Duration;
    /// const FAULTS: ServerFaults = ServerFaults::ASYNCHRONOUS.lagging(Duration::from_secs(2));
    /// ```
    #[must_use]
    pub const fn lagging(self, lag: Duration) -> ServerFaults {
        ServerFaults { standby: Standby::Asynchronous { lag }, ..self }
    }

    /// Returns how far an asynchronous standby is behind.
    pub(crate) fn lag(&self) -> Option<Duration> {
        match self.standby {
            Standby::Synchronous => None,
            Standby::Asynchronous { lag } => Some(lag),
        }
    }

    /// # Panics
    /// If an alternative has no meaning at its place.
    pub(crate) fn check(&self, role: &str) {
        self.session.expect(format_args!("{role}/session"), &SESSION[1..], false);
        self.statement.expect(format_args!("{role}/statement"), &WITHOUT_FAILOVER[1..], false);
        self.commit.expect(format_args!("{role}/statement commit"), &COMMIT[1..], false);
    }
}

/// What becomes of a batch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fate {
    Runs,
    LostBefore,
    LostAfter,
    LostDuring,
    Outlives,
    Restart,
    RestartAfter,
    Failover,
}

impl Fate {
    /// Returns the fate of this name, which [`ServerFaults::check`] has accepted.
    pub(crate) fn named(name: &str) -> Self {
        match name {
            "lost before" => Self::LostBefore,
            "lost after" => Self::LostAfter,
            "lost during" => Self::LostDuring,
            "outlives" => Self::Outlives,
            "restart" => Self::Restart,
            "restart after" => Self::RestartAfter,
            "failover" => Self::Failover,
            other => unreachable!("`{other}` was rejected when the world was built"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Alternatives, ServerFaults};

    #[test]
    fn the_profiles_are_accepted() {
        let profiles =
            [ServerFaults::NONE, ServerFaults::LOSSY, ServerFaults::ASYNCHRONOUS, ServerFaults::SYNCHRONOUS];
        profiles.iter().for_each(|faults| faults.check("postgres"));
    }

    #[test]
    #[should_panic(
        expected = "postgres/session lists `refused`, which is none of `too many connections`, `starting up`"
    )]
    fn a_word_without_meaning_is_rejected() {
        ServerFaults { session: Alternatives::new(&["accepted", "refused"]), ..ServerFaults::NONE }
            .check("postgres");
    }

    #[test]
    #[should_panic(expected = "postgres/statement lists `failover`, which is none of `lost before`")]
    fn a_failover_at_a_statement_is_rejected() {
        ServerFaults { statement: ServerFaults::ASYNCHRONOUS.commit, ..ServerFaults::NONE }.check("postgres");
    }
}
