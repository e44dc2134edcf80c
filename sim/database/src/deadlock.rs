//! The waits-for relation, and the check for cycles.
//!
//! As in PostgreSQL (documentation, "Deadlocks"), nothing is checked when a wait begins. A session that has waited
//! for its `deadlock_timeout` checks whether it is part of a cycle, and if so aborts itself: the victim is the first
//! waiter whose timer fires, not the one that closed the cycle. PostgreSQL first tries to resolve a cycle by
//! reordering a lock queue; that is not modelled.

use petgraph::algo::has_path_connecting;
use petgraph::graphmap::DiGraphMap;

use crate::Database;
use crate::session::WaitOn;

impl Database {
    /// Returns the sessions (slots) that block this one.
    pub(crate) fn blocking_slots(&self, me: usize) -> Vec<usize> {
        match self.sessions[me].waiting.map(|waiting| waiting.on) {
            Some(WaitOn::Xid(xid)) => self.live.get(&xid).copied().into_iter().collect(),
            Some(WaitOn::Lock(tag)) => self.locks.queued.blockers(tag, me),
            Some(WaitOn::Table(table)) => self.locks.tables.blockers(table, me),
            Some(WaitOn::Acknowledgement) | None => Vec::new(),
        }
    }

    /// Returns whether this waiting session waits, through others, for itself.
    pub(crate) fn is_deadlocked(&self, me: usize) -> bool {
        let mut graph: DiGraphMap<usize, ()> = DiGraphMap::new();
        for slot in 0..self.sessions.len() {
            for blocker in self.blocking_slots(slot) {
                graph.add_edge(slot, blocker, ());
            }
        }
        let through = self.blocking_slots(me);
        through.into_iter().any(|first| has_path_connecting(&graph, first, me, None))
    }
}
