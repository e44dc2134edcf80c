//! Certification: every script of few deviations on many threads, with the same result on any number of them.
//!
//! Layers come one after the other (see [`Bounded`]). Within a layer threads take parents in order, and one
//! place adds what comes of them in order, up to the first script that breaks something. The last layer, which
//! takes nearly all the time, may be cut into parts: by an interrupt, or into shards. Parts are kept in a file
//! and put together again; the layers above are run again, and tell whether it is still the same search.

use crate::campaign::InternalError;
use crate::entry::Entry;
use crate::quiet;
use crate::watchdog::Watchdog;
use serde::{Deserialize, Serialize};
use shakedown_sim::search::{Bounded, Layer, Parent};
use std::collections::BTreeMap;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Duration;

/// How a layer is to be run.
pub struct LayerRequest<'a> {
    /// Which scenario.
    pub entry: &'a Entry,
    /// What its design lacks.
    pub without: &'a [String],
    /// On how many threads.
    pub jobs: usize,
    /// Set from outside to end it.
    pub stop: &'a AtomicBool,
    /// How long the children of one parent may take.
    pub timeout: Duration,
}

/// Runs the children of these parents, and answers how many parents' children it ran: fewer than there are if
/// it was stopped, or something is broken. `watch` is shown what there is now and then.
///
/// # Errors
/// If the harness itself failed.
pub fn run(
    order: &LayerRequest<'_>,
    search: &Bounded,
    parents: Range<usize>,
    mut watch: impl FnMut(&Layer, usize),
) -> Result<(Layer, usize), InternalError> {
    let (next, enough) = (AtomicUsize::new(parents.start), AtomicBool::new(false));
    let watchdog = Watchdog::new(order.jobs, order.timeout, &order.entry.name, |parent| {
        format!("what continues script {parent} of the layer")
    });
    let (send, receive) = mpsc::sync_channel(order.jobs * 16);
    std::thread::scope(|scope| {
        for thread in 0..order.jobs {
            let (next, enough, watchdog, end) = (&next, &enough, &watchdog, parents.end);
            let worker = Worker { order, search, thread, next, enough, watchdog, end };
            let send = send.clone();
            scope.spawn(move || worker.work(&send));
        }
        drop(send);
        let added = add(&receive, parents.start, &mut watch);
        enough.store(true, Ordering::Relaxed);
        // A worker that waits to hand something in must not wait for ever.
        drop(receive);
        added
    })
}

/// What came of one parent, by its place.
type Expansion = (usize, Result<Layer, InternalError>);

struct Worker<'a> {
    order: &'a LayerRequest<'a>,
    search: &'a Bounded,
    thread: usize,
    next: &'a AtomicUsize,
    enough: &'a AtomicBool,
    watchdog: &'a Watchdog,
    end: usize,
}

impl Worker<'_> {
    /// Expands parent after parent until there is none left, or it is enough.
    fn work(&self, send: &mpsc::SyncSender<Expansion>) {
        let mut runner = match self.order.entry.runner(self.order.without) {
            Ok(runner) => runner,
            Err(message) => return drop(send.send((self.end, Err(self.failed(None, message))))),
        };
        while !self.enough.load(Ordering::Relaxed) && !self.order.stop.load(Ordering::Relaxed) {
            let at = self.next.fetch_add(1, Ordering::Relaxed);
            if at >= self.end {
                return;
            }
            let parent = &self.search.parents()[at];
            let expand = || quiet::running(|| self.search.expand(runner.as_mut(), parent));
            let guarded = || catch_unwind(AssertUnwindSafe(expand));
            let layer = self.watchdog.during(self.thread, at as u64, guarded);
            let layer = layer.map_err(|panic| self.failed(Some(parent), quiet::message_of(panic.as_ref())));
            let last = layer.as_ref().map_or(true, |layer| layer.broken.is_some());
            if send.send((at, layer)).is_err() || last {
                return;
            }
        }
    }

    fn failed(&self, parent: Option<&Parent>, message: String) -> InternalError {
        let parent = parent.map_or("no script yet".to_owned(), |parent| {
            format!("{} {:?}", self.search.variants()[parent.variant], parent.turns)
        });
        InternalError { scenario: self.order.entry.name.clone(), run: parent, message }
    }
}

/// Adds expansions in order, whatever the order in which they come.
fn add(
    receive: &mpsc::Receiver<Expansion>,
    first: usize,
    watch: &mut impl FnMut(&Layer, usize),
) -> Result<(Layer, usize), InternalError> {
    let (mut early, mut turn, mut layer) = (BTreeMap::new(), first, Layer::default());
    for (at, expansion) in receive {
        early.insert(at, expansion);
        while let Some(expansion) = early.remove(&turn) {
            layer.then(expansion?);
            turn += 1;
            if layer.broken.is_some() {
                return Ok((layer, turn - first));
            }
        }
        watch(&layer, turn - first);
    }
    // Only a worker that could not begin hands in under a place that is nobody's turn.
    early.into_values().find_map(Result::err).map_or(Ok((layer, turn - first)), Err)
}

/// A search as a file keeps it: which one it is, and which parts of its last layer were run.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Progress {
    /// The form of the file.
    pub schema: String,
    /// Which scenario.
    pub scenario: String,
    /// What its design lacked.
    pub without: Vec<String>,
    /// What its runs were built from.
    pub variants: Vec<String>,
    /// Up to how many deviations.
    pub deviations: usize,
    /// Whether scripts that come to the same were run once.
    pub pruning: bool,
    /// Over the layers above the last, if they were run: another digest means another system.
    pub above: Option<String>,
    /// Parts of the last layer, by their first parent.
    pub parts: Vec<Part>,
}

/// The form of the files written now.
pub const SCHEMA: &str = "shakedown-certify/1";

/// A part of the last layer.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Part {
    /// Its first parent.
    pub from: usize,
    /// The parent after its last.
    pub to: usize,
    /// What they came to.
    pub layer: Layer,
}

impl Progress {
    /// Whether this is the same search, as far as one can tell before it is run.
    pub fn is_of(&self, other: &Progress) -> bool {
        let key = |one: &Progress| {
            (
                one.schema.clone(),
                one.scenario.clone(),
                one.without.clone(),
                one.variants.clone(),
                one.deviations,
                one.pruning,
            )
        };
        key(self) == key(other)
    }

    /// Adds a part; what it shares with those that there are is left out.
    pub fn add(&mut self, part: Part) {
        let overlaps = |other: &Part| part.from < other.to && other.from < part.to;
        if part.from < part.to && !self.parts.iter().any(overlaps) {
            self.parts.push(part);
            self.parts.sort_by_key(|part| part.from);
        }
    }

    /// What is missing of these parents; nothing after the first that has a script which broke something.
    pub fn gaps(&self, mut wanted: Range<usize>) -> Vec<Range<usize>> {
        if let Some(broken) = self.parts.iter().find(|part| part.layer.broken.is_some()) {
            wanted.end = wanted.end.min(broken.to);
        }
        let (mut gaps, mut from) = (Vec::new(), wanted.start);
        for part in &self.parts {
            if part.from > from {
                gaps.push(from..part.from.min(wanted.end));
            }
            from = from.max(part.to);
        }
        gaps.push(from..wanted.end);
        gaps.retain(|gap| gap.start < gap.end && gap.start >= wanted.start);
        gaps
    }

    /// How many runs its parts took.
    pub fn runs(&self) -> u64 {
        self.parts.iter().map(|part| part.layer.tally.runs).sum()
    }

    /// All parts, put together in order.
    pub fn layer(&self) -> Layer {
        let mut layer = Layer::default();
        self.parts.iter().for_each(|part| layer.then(part.layer.clone()));
        layer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn progress(parts: &[Range<usize>]) -> Progress {
        let mut progress = Progress {
            schema: SCHEMA.to_owned(),
            scenario: "till".to_owned(),
            without: Vec::new(),
            variants: Vec::new(),
            deviations: 3,
            pruning: true,
            above: None,
            parts: Vec::new(),
        };
        let part = |range: &Range<usize>| Part { from: range.start, to: range.end, layer: Layer::default() };
        parts.iter().map(part).for_each(|part| progress.add(part));
        progress
    }

    #[test]
    fn what_is_missing_is_what_no_part_holds() {
        type Span = (usize, usize);
        fn check(parts: &[Span], of: Span, missing: &[Span]) {
            let parts: Vec<_> = parts.iter().map(|(from, to)| *from..*to).collect();
            let gaps = progress(&parts).gaps(of.0..of.1);
            let gaps: Vec<Span> = gaps.iter().map(|gap| (gap.start, gap.end)).collect();
            assert_eq!(gaps, missing, "{of:?} of {parts:?}");
        }
        check(&[], (0, 9), &[(0, 9)]);
        check(&[(5, 7), (0, 3)], (0, 9), &[(3, 5), (7, 9)]);
        check(&[(0, 3), (3, 9)], (0, 9), &[]);
        check(&[(0, 3)], (3, 6), &[(3, 6)]);
        check(&[(6, 9)], (0, 3), &[(0, 3)]);
        check(&[(0, 5), (3, 9)], (0, 9), &[(5, 9)]); // an overlap is not counted twice
    }
}
