//! Vacuum: removes versions that no snapshot can see any more.
//!
//! It runs at the end of every transaction and examines only ended versions, oldest first, so memory stays
//! proportional to the live rows plus the versions that the oldest snapshot (of a session or a lagging replica) pins.

use crate::Database;
use crate::heap::Csn;

impl Database {
    /// Returns the commit number that every present and future snapshot includes.
    fn horizon(&self) -> Csn {
        let sessions = self.sessions.iter().filter_map(|state| state.snapshot.map(|snapshot| snapshot.csn));
        let replicas = self.replicas.iter().flatten().map(|replica| replica.replayed);
        sessions.chain(replicas).min().unwrap_or(self.csn)
    }

    pub(crate) fn vacuum(&mut self) {
        if self.dead.is_empty() {
            return;
        }
        let horizon = self.horizon();
        while let Some((csn, table, tid)) = self.dead.front().copied() {
            if csn > horizon {
                break;
            }
            self.dead.pop_front();
            self.tables[table].remove(tid);
        }
    }
}
