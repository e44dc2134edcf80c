//! Scopes: the causal path of the entity that something concerns, such as `intent-1/attempt-2`.
//!
//! A scope travels with calls, messages and rows, as trace context does in production. Choices are keyed by it, so a
//! fault of one entity does not change the draws of another. Each part is numbered within its parent, in the order in
//! which the parts were opened.

use crate::hash::join_numbered;
use crate::label::{Label, TextHash};
use std::fmt;

/// A scope of the current run; cheap to copy, meaningless in another run.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Scope(u32);

impl Scope {
    /// The scope of the run itself; written as `-`.
    pub const ROOT: Scope = Scope(0);
}

impl serde::Serialize for Scope {
    /// Serializes the scope as its number in the run: sufficient for digests, never used in files.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u32(self.0)
    }
}

const NONE: u32 = u32::MAX;

struct Node {
    parent: u32,
    label: &'static str,
    number: u32,
    hash: u64,
    /// The index of its latest counter.
    counters: u32,
    /// A bit for each key that has a counter here, selected by the key's highest bits: most keys without a counter need no
    /// lookup.
    counted: u32,
}

/// Counts the draws of a label or a site within one scope, and holds the last drawing task.
struct Counter {
    key: u64,
    count: u32,
    user: User,
    next: u32,
}

/// A place in the source of the code under test.
pub(crate) type Source = &'static std::panic::Location<'static>;

/// The drawing task, and the place in the source, if it is known.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct User {
    /// A whole word: a padding gap would be written and read in pieces that do not match, which stalls the processor.
    pub(crate) task: u64,
    pub(crate) place: Option<Source>,
}

impl User {
    const NO_NODE: User = User { task: u64::MAX, place: None };
    /// The engine itself, outside every task.
    pub(crate) const ENGINE: User = User { task: u64::MAX, place: None };
}

/// All scopes of a run.
pub(crate) struct Scopes {
    nodes: Vec<Node>,
    /// Scopes of tasks, which name choices of task order. They are separate from the others, which enter the digest
    /// by number: a run has the same numbers with and without task order.
    tasks: Vec<Node>,
    counters: Vec<Counter>,
}

/// The first number that denotes a scope of a task.
const TASKS: u32 = 1 << 31;

impl Scopes {
    pub(crate) fn new() -> Self {
        let mut scopes = Self { nodes: Vec::new(), tasks: Vec::new(), counters: Vec::new() };
        scopes.reset();
        scopes
    }

    pub(crate) fn reset(&mut self) {
        self.nodes.clear();
        self.tasks.clear();
        self.counters.clear();
        let root = Node { parent: NONE, label: "-", number: 0, hash: 0, counters: NONE, counted: 0 };
        self.nodes.push(root);
    }

    /// Returns how many scopes and counters there is room for.
    pub(crate) fn capacity(&self) -> (usize, usize) {
        (self.nodes.capacity(), self.counters.capacity())
    }

    /// Opens the next child of `parent` with this label.
    #[inline]
    pub(crate) fn child(&mut self, parent: Scope, label: Label) -> Scope {
        let key = label.word();
        let number = self.count(parent, key, User::NO_NODE).0 + 1;
        let hash = part_hash(self.hash(parent), key, number);
        self.nodes.push(Node {
            parent: parent.0,
            label: label.text(),
            number,
            hash,
            counters: NONE,
            counted: 0,
        });
        Scope(self.nodes.len() as u32 - 1)
    }

    /// Opens the part of `parent` with this label and number, for a task. The caller numbers the parts and opens each
    /// once.
    pub(crate) fn numbered(&mut self, parent: Scope, label: Label, number: u32) -> Scope {
        let hash = part_hash(self.hash(parent), label.word(), number);
        let (parent, label) = (parent.0, label.text());
        self.tasks.push(Node { parent, label, number, hash, counters: NONE, counted: 0 });
        Scope(TASKS + self.tasks.len() as u32 - 1)
    }

    #[inline(always)]
    fn node(&self, scope: u32) -> &Node {
        match self.nodes.get(scope as usize) {
            Some(node) => node,
            // Not a function call: functions without calls need not save registers.
            None => &self.tasks[scope.wrapping_sub(TASKS) as usize],
        }
    }

    /// Counts one more use of `key` within `scope`; returns the number of earlier uses, and the last user.
    #[inline(always)]
    pub(crate) fn count(&mut self, scope: Scope, key: u64, user: User) -> (u32, User) {
        let node = match self.nodes.get_mut(scope.0 as usize) {
            Some(node) => node,
            None => &mut self.tasks[scope.0.wrapping_sub(TASKS) as usize],
        };
        let bit = 1 << (key >> 59);
        if node.counted & bit != 0
            && let Some(counter) = find(&mut self.counters, node.counters, key)
        {
            counter.count += 1;
            return (counter.count - 1, std::mem::replace(&mut counter.user, user));
        }
        node.counted |= bit;
        let next = std::mem::replace(&mut node.counters, self.counters.len() as u32);
        self.counters.push(Counter { key, count: 1, user, next });
        (0, user)
    }

    #[inline]
    pub(crate) fn hash(&self, scope: Scope) -> u64 {
        self.node(scope.0).hash
    }

    /// Returns the number of the nearest enclosing part with this label (`2` of `intent-2` for `intent`).
    pub(crate) fn number_of(&self, scope: Scope, label: Label) -> Option<u32> {
        let mut at = scope.0;
        while at != 0 {
            let node = self.node(at);
            if node.label == label.text() {
                return Some(node.number);
            }
            at = node.parent;
        }
        None
    }

    /// Returns the outermost entity that encloses `scope`, as its hash.
    pub(crate) fn outermost(&self, scope: Scope) -> u64 {
        let mut at = scope.0;
        while at != 0 && self.node(at).parent != 0 {
            at = self.node(at).parent;
        }
        self.node(at).hash
    }

    /// Returns whether `path` is the written form of `scope`; compares every part.
    pub(crate) fn is(&self, scope: Scope, path: &ScopePath) -> bool {
        let mut at = scope.0;
        for (label, number) in path.parts.iter().rev() {
            let node = self.node(at);
            if at == 0 || node.number != *number || node.label != label {
                return false;
            }
            at = node.parent;
        }
        at == 0
    }

    pub(crate) fn path(&self, scope: Scope) -> ScopePath {
        let mut parts = Vec::new();
        let mut at = scope.0;
        while at != 0 {
            let node = self.node(at);
            parts.push((node.label.to_owned(), node.number));
            at = node.parent;
        }
        parts.reverse();
        ScopePath { parts }
    }
}

/// Returns the counter of this key in the list that begins at `at`.
#[inline(never)]
fn find(counters: &mut [Counter], mut at: u32, key: u64) -> Option<&mut Counter> {
    while counters.get(at as usize)?.key != key {
        at = counters[at as usize].next;
    }
    counters.get_mut(at as usize)
}

fn part_hash(parent: u64, label: u64, number: u32) -> u64 {
    join_numbered(parent, label, number)
}

/// A scope in its written form, as in scripts and traces: `intent-1/attempt-2`, or `-` for the run.
///
/// ```
/// use shakedown_sim::ScopePath;
/// let path: ScopePath = "intent-1/attempt-2".parse().unwrap();
/// assert_eq!(path.to_string(), "intent-1/attempt-2");
/// assert_eq!(path.roles(), "intent/attempt");
/// assert!("intent/attempt-2".parse::<ScopePath>().is_err());
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct ScopePath {
    parts: Vec<(String, u32)>,
}

impl ScopePath {
    /// Returns the hash, which equals the hash that the run gives the scope.
    pub(crate) fn hash(&self) -> u64 {
        self.parts
            .iter()
            .fold(0, |parent, (label, number)| part_hash(parent, TextHash::of(label).finish(), *number))
    }

    /// Returns the path without its numbers: the kinds of entity involved.
    pub fn roles(&self) -> String {
        if self.parts.is_empty() {
            return "-".to_owned();
        }
        self.parts.iter().map(|(label, _)| label.as_str()).collect::<Vec<_>>().join("/")
    }

    /// Returns the numbers of its parts, outermost first.
    pub(crate) fn numbers(&self) -> impl Iterator<Item = u32> {
        self.parts.iter().map(|(_, number)| *number)
    }

    /// Returns whether both paths lie within one entity down to `depth`, counted from 0.
    pub(crate) fn shares(&self, other: &ScopePath, depth: usize) -> bool {
        let (mine, theirs) = (self.parts.get(..=depth), other.parts.get(..=depth));
        mine.is_some() && mine == theirs
    }

    /// Returns the same path within another entity at `depth`.
    pub(crate) fn renumbered(&self, depth: usize, number: u32) -> Self {
        let mut other = self.clone();
        other.parts[depth].1 = number;
        other
    }

    /// Returns the outermost part in its written form (`intent-1`), if there is one.
    pub fn first(&self) -> Option<String> {
        self.parts.first().map(|(label, number)| format!("{label}-{number}"))
    }
}

impl fmt::Display for ScopePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.parts.is_empty() {
            return f.write_str("-");
        }
        for (at, (label, number)) in self.parts.iter().enumerate() {
            let slash = if at == 0 { "" } else { "/" };
            write!(f, "{slash}{label}-{number}")?;
        }
        Ok(())
    }
}

impl std::str::FromStr for ScopePath {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "-" {
            return Ok(Self::default());
        }
        let parts = text.split('/').map(|part| {
            let number = part.rsplit_once('-').and_then(|(label, n)| Some((label, n.parse().ok()?)));
            match number {
                Some((label, number)) if !label.is_empty() => Ok((label.to_owned(), number)),
                _ => Err(format!(
                    "`{part}` is no part of a scope: expected a name and a number, as in `intent-1`"
                )),
            }
        });
        Ok(Self { parts: parts.collect::<Result<_, _>>()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_numbered_within_their_parent() {
        let mut scopes = Scopes::new();
        let intent = scopes.child(Scope::ROOT, "intent".into());
        let first = scopes.child(intent, "attempt".into());
        let second = scopes.child(intent, "attempt".into());
        let other = scopes.child(Scope::ROOT, "intent".into());
        let paths = [first, second, other].map(|scope| scopes.path(scope).to_string());
        assert_eq!(paths, ["intent-1/attempt-1", "intent-1/attempt-2", "intent-2"]);
        assert_eq!(scopes.number_of(second, "intent".into()), Some(1));
        assert_eq!(scopes.path(second).hash(), scopes.hash(second));
        assert!(scopes.is(second, &"intent-1/attempt-2".parse().unwrap()));
        assert!(!scopes.is(second, &"attempt-2".parse().unwrap()));
    }
}
