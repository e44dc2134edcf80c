//! A checker of list-append histories by dependency cycles, after Adya and after Elle (Kingsbury and Alvaro,
//! VLDB 2020).
//!
//! It verifies: no aborted and no intermediate reads (G1a, G1b), own writes that stay readable, one order of appends
//! per key, and no cycle of the kinds that a level forbids. Writes are ordered by the longest list read of their key.
//! A transaction of unknown outcome (`info`) counts as committed if one of its writes was read. The checker does not
//! verify real-time order.

use std::collections::BTreeMap;

use petgraph::algo::tarjan_scc;
use petgraph::graphmap::DiGraphMap;
use shakedown_database::{EventType, History, Mop};

/// The dependency between two transactions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Edge {
    /// The second overwrites the write of the first.
    Ww,
    /// The second reads the write of the first.
    Wr,
    /// The second overwrites the version that the first read.
    Rw,
}

/// The anomalies of a history.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Anomalies {
    /// Reads of values that were never committed.
    pub aborted_read: bool,
    /// A read between two appends of another transaction (G1b).
    pub intermediate_read: bool,
    /// A read that misses an earlier append of the same transaction.
    pub lost_own_write: bool,
    /// Reads of lists that no single order explains.
    pub incompatible_order: bool,
    /// A cycle of write dependencies.
    pub g0: bool,
    /// A cycle of write and read dependencies.
    pub g1c: bool,
    /// A cycle with exactly one anti-dependency: forbidden under a snapshot.
    pub g_single: bool,
    /// A cycle in which no two anti-dependencies follow each other: forbidden under a snapshot too.
    pub g_nonadjacent: bool,
    /// A cycle with anti-dependencies: forbidden at serializable.
    pub g2: bool,
}

impl Anomalies {
    pub(crate) fn is_read_committed(&self) -> bool {
        let reads = self.aborted_read || self.intermediate_read || self.lost_own_write;
        !(reads || self.incompatible_order || self.g0 || self.g1c)
    }

    pub(crate) fn is_snapshot(&self) -> bool {
        self.is_read_committed() && !self.g_single && !self.g_nonadjacent
    }

    pub(crate) fn is_serializable(&self) -> bool {
        self.is_snapshot() && !self.g2
    }
}

/// A transaction that committed, according to the history.
type Transaction<'a> = &'a [Mop];

/// Returns the transactions that committed: those that report it, and those of unknown outcome whose writes were
/// read.
fn committed(history: &History) -> Vec<Transaction<'_>> {
    let of = |kind| history.events().iter().filter(move |event| event.kind == kind);
    let mut transactions: Vec<Transaction<'_>> = of(EventType::Ok).map(|event| &event.value[..]).collect();
    let mut unknown: Vec<Transaction<'_>> = of(EventType::Info).map(|event| &event.value[..]).collect();
    loop {
        let is_read = |mops: &&[Mop]| mops.iter().any(|mop| was_read(&transactions, mop));
        let (read, rest): (Vec<_>, Vec<_>) = unknown.into_iter().partition(is_read);
        if read.is_empty() {
            return transactions;
        }
        transactions.extend(read);
        unknown = rest;
    }
}

/// Returns whether one of these transactions read the value of an append.
fn was_read(transactions: &[Transaction<'_>], append: &Mop) -> bool {
    let Mop::Append(key, value) = append else { return false };
    transactions
        .iter()
        .copied()
        .flatten()
        .any(|mop| matches!(mop, Mop::ReadList(of, Some(list)) if of == key && list.contains(value)))
}

/// Judges a history of list appends.
pub(crate) fn check(history: &History) -> Anomalies {
    let committed = committed(history);
    let mut anomalies = Anomalies::default();
    let mut writers: BTreeMap<(i64, i64), usize> = BTreeMap::new();
    let mut orders: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
    for (number, mops) in committed.iter().enumerate() {
        anomalies.lost_own_write |= loses_own_write(mops);
        for mop in *mops {
            match mop {
                Mop::Append(key, value) => drop(writers.insert((*key, *value), number)),
                Mop::ReadList(key, Some(list)) => {
                    let longest = orders.entry(*key).or_default();
                    let shared = longest.len().min(list.len());
                    anomalies.incompatible_order |= longest[..shared] != list[..shared];
                    if list.len() > longest.len() {
                        longest.clone_from(list);
                    }
                }
                _ => {}
            }
        }
    }
    let known = |key: &i64, value: &i64| writers.contains_key(&(*key, *value));
    anomalies.aborted_read = orders.iter().any(|(key, list)| !list.iter().all(|value| known(key, value)));
    anomalies.intermediate_read =
        committed.iter().enumerate().any(|(reader, _)| reads_in_between(&committed, reader));
    let edges = edges(&committed, &writers, &orders);
    find_cycles(&edges, committed.len(), &mut anomalies);
    anomalies
}

/// Returns whether a read misses an earlier append of the same transaction, or contains a later one. An append locks
/// its row, so at every level the own values are last, in order.
fn loses_own_write(mops: Transaction<'_>) -> bool {
    let appended = |mops: &[Mop], key: i64| {
        mops.iter()
            .filter_map(|mop| match mop {
                Mop::Append(of, value) if *of == key => Some(*value),
                _ => None,
            })
            .collect::<Vec<i64>>()
    };
    mops.iter().enumerate().any(|(at, mop)| {
        let Mop::ReadList(key, Some(list)) = mop else { return false };
        let (before, after) = (appended(&mops[..at], *key), appended(&mops[at..], *key));
        !list.ends_with(&before) || after.iter().any(|value| list.contains(value))
    })
}

/// Returns whether a transaction read some but not all of another's appends to a key.
fn reads_in_between(committed: &[Transaction<'_>], reader: usize) -> bool {
    let reads = committed[reader].iter().filter_map(|mop| match mop {
        Mop::ReadList(key, Some(list)) => Some((key, list)),
        _ => None,
    });
    reads.into_iter().any(|(key, list)| {
        let others = committed.iter().enumerate().filter(|(writer, _)| *writer != reader);
        others.into_iter().any(|(_, mops)| {
            let appended = mops.iter().filter_map(|mop| match mop {
                Mop::Append(of, value) if of == key => Some(value),
                _ => None,
            });
            let seen: Vec<bool> = appended.map(|value| list.contains(value)).collect();
            seen.contains(&true) && seen.contains(&false)
        })
    })
}

fn edges(
    committed: &[&[Mop]],
    writers: &BTreeMap<(i64, i64), usize>,
    orders: &BTreeMap<i64, Vec<i64>>,
) -> Vec<(usize, usize, Edge)> {
    let mut edges = Vec::new();
    let mut add = |from: Option<&usize>, to: Option<&usize>, edge| {
        if let (Some(from), Some(to)) = (from, to)
            && from != to
        {
            edges.push((*from, *to, edge));
        }
    };
    for (key, order) in orders {
        for pair in order.windows(2) {
            add(writers.get(&(*key, pair[0])), writers.get(&(*key, pair[1])), Edge::Ww);
        }
    }
    for (reader, mops) in committed.iter().enumerate() {
        for mop in *mops {
            let Mop::ReadList(key, Some(list)) = mop else {
                continue;
            };
            let order = orders.get(key).map_or(&[][..], |order| &order[..]);
            if let Some(last) = list.last() {
                add(writers.get(&(*key, *last)), Some(&reader), Edge::Wr);
            }
            if let Some(next) = order.get(list.len()) {
                add(Some(&reader), writers.get(&(*key, *next)), Edge::Rw);
            }
        }
    }
    edges
}

fn has_cycle(edges: impl Iterator<Item = (usize, usize)>) -> bool {
    let mut graph: DiGraphMap<usize, ()> = DiGraphMap::new();
    for (from, to) in edges {
        graph.add_edge(from, to, ());
    }
    tarjan_scc(&graph).iter().any(|component| component.len() > 1)
}

fn find_cycles(edges: &[(usize, usize, Edge)], count: usize, anomalies: &mut Anomalies) {
    let of = |wanted: &'static [Edge]| {
        edges.iter().filter(move |(_, _, edge)| wanted.contains(edge)).map(|(from, to, _)| (*from, *to))
    };
    anomalies.g0 = has_cycle(of(&[Edge::Ww]));
    anomalies.g1c = has_cycle(of(&[Edge::Ww, Edge::Wr]));
    anomalies.g2 = has_cycle(of(&[Edge::Ww, Edge::Wr, Edge::Rw]));
    // One anti-dependency and a path back over the other edges.
    let mut plain: DiGraphMap<usize, ()> = DiGraphMap::new();
    for (from, to) in of(&[Edge::Ww, Edge::Wr]) {
        plain.add_edge(from, to, ());
    }
    let back = |from: usize, to: usize| {
        plain.contains_node(to)
            && plain.contains_node(from)
            && petgraph::algo::has_path_connecting(&plain, to, from, None)
    };
    anomalies.g_single = of(&[Edge::Rw]).any(|(from, to)| back(from, to));
    // Every anti-dependency must be followed by another kind: search in two layers.
    let mut layered: DiGraphMap<usize, ()> = DiGraphMap::new();
    for (from, to, edge) in edges {
        if *edge == Edge::Rw {
            layered.add_edge(*from, *to + count, ());
        } else {
            layered.add_edge(*from, *to, ());
            layered.add_edge(*from + count, *to, ());
        }
    }
    anomalies.g_nonadjacent = tarjan_scc(&layered).iter().any(|component| component.len() > 1);
}
