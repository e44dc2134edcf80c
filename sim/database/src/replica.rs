//! Standbys that lag: they show the primary as it was some commits ago.
//!
//! PostgreSQL documentation, "Hot Standby": sessions on a standby are read-only, see whole commits in commit
//! order, and see them late. A standby here pins old versions on the primary, as with
//! `hot_standby_feedback`, so its queries are never cancelled.

use crate::Database;
use crate::error::DatabaseError;
use crate::heap::Csn;
use crate::session::Session;

/// A copyable handle to a standby of one database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replica {
    pub(crate) database: u32,
    pub(crate) id: usize,
}

/// The progress of a standby.
#[derive(Debug)]
pub(crate) struct ReplicaState {
    pub replayed: Csn,
}

impl Database {
    /// Creates a standby that has replayed every commit so far.
    pub fn create_replica(&mut self) -> Replica {
        self.replicas.push(Some(ReplicaState { replayed: self.csn }));
        Replica { database: self.identity, id: self.replicas.len() - 1 }
    }

    /// Returns the last commit of the primary; a standby that has replayed it shows everything.
    pub fn last_commit(&self) -> u64 {
        self.csn
    }

    /// Makes a standby replay up to a commit; it never goes back.
    ///
    /// # Errors
    /// If the replica is not one of this database.
    pub fn replay(&mut self, replica: Replica, up_to: u64) -> Result<(), DatabaseError> {
        let newest = self.csn;
        let state = self.replica_mut(replica, "replay")?;
        state.replayed = state.replayed.max(up_to.min(newest));
        self.vacuum();
        Ok(())
    }

    /// Returns how many commits a standby lags behind.
    ///
    /// # Errors
    /// If the replica is not one of this database.
    pub fn lag(&self, replica: Replica) -> Result<u64, DatabaseError> {
        let missing = DatabaseError::ForeignHandle { call: "lag" };
        let state = self.replicas.get(replica.id).and_then(Option::as_ref);
        let state = state.filter(|_| replica.database == self.identity).ok_or(missing)?;
        Ok(self.csn - state.replayed)
    }

    /// Opens a read-only session on a standby. Serializable is rejected there, as in PostgreSQL.
    ///
    /// # Errors
    /// If the replica is not one of this database.
    pub fn connect_to_replica(&mut self, replica: Replica) -> Result<Session, DatabaseError> {
        self.replica_mut(replica, "connect_to_replica")?;
        let session = self.connect();
        self.sessions[session.slot].replica = Some(replica.id);
        Ok(session)
    }

    /// Returns the commit up to which the standby of this session has replayed, if the session reads a standby.
    pub(crate) fn replayed(&self, me: usize) -> Option<Csn> {
        let replica = self.sessions[me].replica?;
        self.replicas.get(replica)?.as_ref().map(|state| state.replayed)
    }

    pub(crate) fn replica_mut(
        &mut self,
        replica: Replica,
        call: &'static str,
    ) -> Result<&mut ReplicaState, DatabaseError> {
        let same = replica.database == self.identity;
        let state = self.replicas.get_mut(replica.id).and_then(Option::as_mut).filter(|_| same);
        state.ok_or(DatabaseError::ForeignHandle { call })
    }
}
