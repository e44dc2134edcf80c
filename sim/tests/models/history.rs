//! The operations of clients on a register and their results, and whether a sequential order explains them: Herlihy
//! and Wing, "Linearizability" (1990).

use serde::Serialize;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
pub(crate) enum Operation {
    Write(char),
    /// With the value that was read, once it is known.
    Read(Option<char>),
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
struct Call {
    operation: Operation,
    /// How many operations of each client had returned when this one was called.
    after: Vec<usize>,
    returned: bool,
}

/// The operations of each client, in order. At most the last one of each is still pending.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
pub(crate) struct History(Vec<Vec<Call>>);

/// The initial value of a register.
pub(crate) const NOTHING: char = '\0';

impl History {
    pub(crate) fn of(clients: usize) -> Self {
        Self(vec![Vec::new(); clients])
    }

    pub(crate) fn call(&mut self, client: usize, operation: Operation) {
        let returned = |calls: &Vec<Call>| calls.iter().filter(|call| call.returned).count();
        let after = self.0.iter().map(returned).collect();
        self.0[client].push(Call { operation, after, returned: false });
    }

    /// Completes the pending operation of the client; a read with its value.
    pub(crate) fn returned(&mut self, client: usize, read: Option<char>) {
        let Some(call) = self.0[client].last_mut() else { return };
        call.returned = true;
        if let Operation::Read(heard) = &mut call.operation {
            *heard = read;
        }
    }

    /// Returns whether the completed operations can be ordered so that a register would give these results, and none
    /// precedes an operation that had completed when it was called. A pending operation may have had its effect.
    pub(crate) fn is_linearizable(&self) -> bool {
        self.has_order(&mut vec![0; self.0.len()], NOTHING)
    }

    fn has_order(&self, done: &mut Vec<usize>, value: char) -> bool {
        let left =
            |client: usize, done: &[usize]| self.0[client][done[client]..].iter().any(|call| call.returned);
        if !(0..self.0.len()).any(|client| left(client, done)) {
            return true;
        }
        (0..self.0.len()).any(|client| {
            let Some(call) = self.0[client].get(done[client]) else { return false };
            let is_due = call.after.iter().zip(done.iter()).all(|(after, done)| after <= done);
            let value = match call.operation {
                Operation::Write(value) => value,
                Operation::Read(heard) if !call.returned || heard == Some(value) => value,
                Operation::Read(_) => return false,
            };
            done[client] += 1;
            let found = is_due && self.has_order(done, value);
            done[client] -= 1;
            found
        })
    }
}

#[test]
fn a_read_may_not_miss_a_write_that_has_returned() {
    let mut history = History::of(2);
    history.call(0, Operation::Write('A'));
    history.call(1, Operation::Read(None));
    history.returned(1, Some(NOTHING));
    assert!(history.is_linearizable(), "the write was open");
    history.returned(0, None);
    assert!(history.is_linearizable());
    history.call(1, Operation::Read(None));
    assert!(history.is_linearizable());
    history.returned(1, Some(NOTHING));
    assert!(!history.is_linearizable());
}
