//! The waits-for relation, and the check for cycles.
//!
//! As in PostgreSQL (documentation, "Deadlocks"; source, `deadlock.c`), nothing is checked when a wait begins. A session
//! that has waited for its `deadlock_timeout` checks whether it is part of a cycle. A waiter waits for the holders of the
//! lock and for earlier waiters whose requests conflict with its own. The second kind of edge, the *soft* one, disappears
//! if the waiter moves before the other. So the check first looks for an order of the queues without a cycle. Only if there
//! is none, the session aborts itself: the victim is the first waiter whose timer fires, not the one that closed the
//! cycle.

use crate::Database;
use crate::error::DatabaseError;
use crate::session::WaitOn;

/// A soft edge. As a constraint, it says that the waiter must come before the other.
#[derive(Clone, Copy)]
struct SoftEdge {
    waiter: usize,
    earlier: usize,
    queue: WaitOn,
}

/// The new orders of some queues.
type Orders = Vec<(WaitOn, Vec<usize>)>;

/// A search for a path from a session through the sessions that it waits for, back to itself.
struct CycleSearch<'a> {
    database: &'a Database,
    orders: &'a Orders,
    /// The sessions that were visited; the path begins at the first.
    visited: Vec<usize>,
    /// The soft edges of the cycle, last one first.
    soft: Vec<SoftEdge>,
}

impl CycleSearch<'_> {
    /// Returns whether a path leads from this session to the first one.
    fn visit(&mut self, session: usize) -> bool {
        if let Some(index) = self.visited.iter().position(|visited| *visited == session) {
            return index == 0;
        }
        self.visited.push(session);
        if self.database.holders_awaited(session).into_iter().any(|holder| self.visit(holder)) {
            return true;
        }
        let edges = self.database.soft_edges(session, self.orders);
        let found = edges.into_iter().find(|edge| self.visit(edge.earlier));
        self.soft.extend(found);
        found.is_some()
    }
}

impl Database {
    /// Returns the sessions (slots) that block this one: holders, then earlier waiters.
    pub(crate) fn blocking_slots(&self, me: usize) -> Vec<usize> {
        let mut blockers = self.holders_awaited(me);
        blockers.extend(self.soft_edges(me, &Orders::new()).iter().map(|edge| edge.earlier));
        blockers.dedup();
        blockers
    }

    /// Returns whether this waiting session waits, through others, for itself.
    pub(crate) fn is_deadlocked(&self, me: usize) -> bool {
        self.cycle_through(me, &Orders::new()).is_some()
    }

    /// Resolves the deadlock that a session is part of, if there is one: brings queues into an order without it, or aborts
    /// the session.
    pub(crate) fn check_for_deadlock(&mut self, me: usize) {
        let Some(orders) = self.orders_without_cycle(me, &mut Vec::new()) else {
            self.interrupt(me, DatabaseError::DeadlockDetected);
            return;
        };
        if orders.is_empty() {
            return;
        }
        self.transcribe_rearrangement();
        let mut woken = Vec::new();
        for (queue, order) in orders {
            self.locks.rearrange(queue, &order, &mut woken);
        }
        self.wake(&woken);
    }

    /// Returns the sessions that hold what a session waits for.
    fn holders_awaited(&self, me: usize) -> Vec<usize> {
        match self.sessions[me].waiting.map(|waiting| waiting.on) {
            Some(WaitOn::Xid(xid)) => self.live.get(&xid).copied().into_iter().collect(),
            Some(on) => self.locks.queue(on).map(|queue| queue.holders_awaited(me)).unwrap_or_default(),
            None => Vec::new(),
        }
    }

    /// Returns the soft edges from a waiter, first waiter first.
    fn soft_edges(&self, me: usize, orders: &Orders) -> Vec<SoftEdge> {
        let Some(on) = self.sessions[me].waiting.map(|waiting| waiting.on) else {
            return Vec::new();
        };
        let Some(queue) = self.locks.queue(on) else {
            return Vec::new();
        };
        let order = orders.iter().find(|(other, _)| *other == on).map(|(_, order)| order.clone());
        let waiters = order.unwrap_or_else(|| queue.waiters()).into_iter();
        let earlier = waiters.take_while(|waiter| *waiter != me).filter(|other| queue.conflict(me, *other));
        earlier.map(|earlier| SoftEdge { waiter: me, earlier, queue: on }).collect()
    }

    /// Returns the soft edges of a cycle through a session, if there is a cycle.
    fn cycle_through(&self, me: usize, orders: &Orders) -> Option<Vec<SoftEdge>> {
        let mut search = CycleSearch { database: self, orders, visited: Vec::new(), soft: Vec::new() };
        search.visit(me).then_some(search.soft)
    }

    /// Returns orders of queues that satisfy the constraints, with no cycle through the session or through one of the
    /// constraints; `None` if there are none (PostgreSQL source, `DeadLockCheckRecurse`).
    fn orders_without_cycle(&self, me: usize, constraints: &mut Vec<SoftEdge>) -> Option<Orders> {
        let orders = self.orders_with(constraints)?;
        let mut soft = Vec::new();
        let constrained = constraints.iter().flat_map(|edge| [edge.waiter, edge.earlier]);
        for start in constrained.chain([me]) {
            if let Some(edges) = self.cycle_through(start, &orders) {
                if edges.is_empty() {
                    return None;
                }
                soft = edges;
            }
        }
        if soft.is_empty() {
            return Some(orders);
        }
        soft.into_iter().find_map(|edge| {
            constraints.push(edge);
            let orders = self.orders_without_cycle(me, constraints);
            constraints.pop();
            orders
        })
    }

    /// Returns the orders of the queues that constraints concern; `None` if the constraints contradict each other.
    fn orders_with(&self, constraints: &[SoftEdge]) -> Option<Orders> {
        let mut orders = Orders::new();
        for SoftEdge { queue, .. } in constraints.iter().rev() {
            if orders.iter().all(|(other, _)| other != queue) {
                let waiters = self.locks.queue(*queue).map(|queue| queue.waiters()).unwrap_or_default();
                let here: Vec<SoftEdge> =
                    constraints.iter().filter(|edge| edge.queue == *queue).copied().collect();
                orders.push((*queue, sorted(waiters, &here)?));
            }
        }
        Some(orders)
    }
}

/// Sorts waiters by constraints and otherwise keeps their order: from the end on, it takes the last waiter that need not
/// come before another one (PostgreSQL source, `TopoSort`).
fn sorted(mut waiters: Vec<usize>, constraints: &[SoftEdge]) -> Option<Vec<usize>> {
    let mut order = Vec::new();
    while !waiters.is_empty() {
        let must_precede = |edge: &SoftEdge, waiter| edge.waiter == waiter && waiters.contains(&edge.earlier);
        let is_free = |waiter: &usize| !constraints.iter().any(|edge| must_precede(edge, *waiter));
        let last = waiters.iter().rposition(is_free)?;
        order.push(waiters.remove(last));
    }
    order.reverse();
    Some(order)
}
