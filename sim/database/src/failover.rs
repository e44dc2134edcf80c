//! Crashes, and failover to a standby that may lag.
//!
//! PostgreSQL documentation, "Asynchronous Commit" and "Failover": after a crash of the primary alone every durable
//! commit still exists; after a failover every commit that the standby had not received is lost, although clients
//! were told that it had committed.

use crate::Database;
use crate::error::DatabaseError;
use crate::heap::{PENDING, Tid};
use crate::replica::Replica;

/// The set of commits that survive a failover.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failover {
    /// Replication was synchronous: all of them.
    Lossless,
    /// Replication was asynchronous: those that the standby had replayed.
    ToReplayed,
}

impl Database {
    /// Crashes and restarts the server: every session ends, running transactions are rolled back, sequences skip the
    /// values that they had reserved. A commit whose record was durable remains.
    pub fn crash(&mut self) {
        self.transcribe_end("a crash of the server");
        for slot in 0..self.sessions.len() {
            if self.sessions[slot].open {
                self.end_session(slot, DatabaseError::CrashShutdown);
            }
        }
        self.crash_sequences();
    }

    /// Replaces the lost primary by the standby, under the same handles. Returns how many commits were lost.
    ///
    /// # Errors
    /// [`DatabaseError::UndefinedObject`] or the like if the replica is not one of this database.
    pub fn fail_over(&mut self, replica: Replica, mode: Failover) -> Result<u64, DatabaseError> {
        let replayed = self.replica_mut(replica, "fail_over")?.replayed;
        self.crash();
        let newest = self.csn;
        if mode == Failover::ToReplayed {
            self.lose_commits_after(replayed);
        }
        self.replicas[replica.id] = None;
        self.vacuum();
        Ok(if mode == Failover::ToReplayed { newest - replayed } else { 0 })
    }

    /// Undoes every commit after `csn`. The versions that the lost commits replaced still exist, because the standby
    /// pinned them.
    fn lose_commits_after(&mut self, csn: u64) {
        for table in &mut self.tables {
            let lost: Vec<Tid> =
                table.heap.iter().filter(|(_, version)| version.begin > csn).map(|(tid, _)| *tid).collect();
            for tid in lost {
                table.remove(tid);
            }
            for version in table.heap.values_mut() {
                version.over.take_if(|over| over.end > csn && over.end != PENDING);
            }
        }
        self.dead.retain(|(end, _, _)| *end <= csn);
        self.fates.lose_after(csn);
        for other in self.replicas.iter_mut().flatten() {
            other.replayed = other.replayed.min(csn);
        }
    }
}
