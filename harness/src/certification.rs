//! Certification: every script of few deviations on many threads, with the same result on any number of them.
//!
//! Layers run one after the other (see [`Bounded`]). Within a layer threads take parents in order, and one place adds
//! the results in order, up to the first script that violates an invariant. The last layer, which takes nearly all
//! the time, may be divided into parts, which [`checkpoint`](crate::checkpoint) stores.

use crate::campaign::InternalError;
use crate::checkpoint::{BLOCK, Part};
use crate::entry::Entry;
use crate::quiet;
use crate::supervision;
use crate::watchdog::Watchdog;
use shakedown_sim::search::{Bounded, Layer, Parent};
use std::collections::BTreeMap;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Duration;

/// The settings for a layer.
pub struct LayerRequest<'a> {
    /// The scenario.
    pub entry: &'a Entry,
    /// The ablated guardrails.
    pub without: &'a [String],
    /// The number of threads.
    pub jobs: usize,
    /// Ends the search when it is set.
    pub stop: &'a AtomicBool,
    /// The timeout for the children of one parent.
    pub timeout: Duration,
}

/// Runs the children of these parents and returns their results, in parts that end at each block. The last part is
/// incomplete if the search was stopped or if one of its scripts violates an invariant. `watch` receives the parts
/// from time to time.
///
/// # Errors
/// If the harness itself failed.
pub fn run(
    request: &LayerRequest<'_>,
    search: &Bounded,
    parents: Range<usize>,
    mut watch: impl FnMut(&[Part]),
) -> Result<Vec<Part>, InternalError> {
    let (next, enough) = (AtomicUsize::new(parents.start), AtomicBool::new(false));
    let jobs = supervision::jobs(request.jobs);
    let watchdog = Watchdog::new(jobs, request.timeout, &request.entry.name, |parent| {
        format!("what continues script {parent} of the layer")
    });
    let (send, receive) = mpsc::sync_channel(jobs * 16);
    std::thread::scope(|scope| {
        for thread in 0..jobs {
            let (next, enough, watchdog, end) = (&next, &enough, &watchdog, parents.end);
            let worker = Worker { request, search, thread, next, enough, watchdog, end };
            let send = send.clone();
            scope.spawn(move || worker.work(&send));
        }
        drop(send);
        let added = add(&receive, parents.start, &mut watch);
        enough.store(true, Ordering::Relaxed);
        // A worker that waits for its result to be taken must not wait forever.
        drop(receive);
        if added.as_ref().is_ok_and(|parts| parts.last().is_none_or(|part| part.to < parents.end)) {
            supervision::ended_early();
        }
        added
    })
}

/// Runs a search to its end: every layer up to the last, or up to the first script with a violation.
///
/// # Errors
/// If the harness itself failed.
pub fn run_all(request: &LayerRequest<'_>, search: &mut Bounded) -> Result<(), InternalError> {
    let error = |message| InternalError {
        scenario: request.entry.name.clone(),
        run: "no script yet".to_owned(),
        message,
    };
    let mut runner = request.entry.runner(request.without).map_err(error)?;
    quiet::running(|| search.begin(runner.as_mut()));
    while search.next().is_some() {
        let parents = 0..search.parents().len();
        let parts = run(request, search, parents.clone(), |_| {})?;
        let ran = parts.last().map_or(0, |part| part.to);
        let layer = joined(parts);
        let complete = ran == parents.len() || layer.broken.is_some();
        search.advance(layer);
        if !complete {
            break;
        }
    }
    Ok(())
}

/// The result of one parent, by its position.
type Expansion = (usize, Result<Layer, InternalError>);

struct Worker<'a> {
    request: &'a LayerRequest<'a>,
    search: &'a Bounded,
    thread: usize,
    next: &'a AtomicUsize,
    enough: &'a AtomicBool,
    watchdog: &'a Watchdog,
    end: usize,
}

impl Worker<'_> {
    /// Expands parent after parent until none is left, or the search ends.
    fn work(&self, send: &mpsc::SyncSender<Expansion>) {
        let mut runner = match self.request.entry.runner(self.request.without) {
            Ok(runner) => runner,
            Err(message) => return drop(send.send((self.end, Err(self.failed(None, message))))),
        };
        while !self.enough.load(Ordering::Relaxed) && !self.request.stop.load(Ordering::Relaxed) {
            let at = self.next.fetch_add(1, Ordering::Relaxed);
            if at >= self.end {
                return;
            }
            let parent = &self.search.parents()[at];
            // The time limit is that of one run.
            let mut begins = || self.watchdog.begin(self.thread, at as u64);
            let expand = || quiet::running(|| self.search.expand(runner.as_mut(), parent, &mut begins));
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
        InternalError { scenario: self.request.entry.name.clone(), run: parent, message }
    }
}

/// Adds expansions in the order of their parents, independent of the order of their arrival.
fn add(
    receive: &mpsc::Receiver<Expansion>,
    first: usize,
    watch: &mut impl FnMut(&[Part]),
) -> Result<Vec<Part>, InternalError> {
    let (mut early, mut next, mut parts) = (BTreeMap::new(), first, Vec::new());
    for (at, expansion) in receive {
        early.insert(at, expansion);
        while let Some(expansion) = early.remove(&next) {
            append(&mut parts, next, expansion?);
            next += 1;
            if parts.last().is_some_and(|part| part.layer.broken.is_some()) {
                return Ok(parts);
            }
        }
        watch(&parts);
    }
    // A worker that could not start reports its error under a position that is never next.
    early.into_values().find_map(Result::err).map_or(Ok(parts), Err)
}

/// Adds the result of the parent `at`: to the last part, or to a new one at the beginning of a block.
fn append(parts: &mut Vec<Part>, at: usize, layer: Layer) {
    match parts.last_mut() {
        Some(part) if !at.is_multiple_of(BLOCK) => {
            part.layer.then(layer);
            part.to = at + 1;
        }
        _ => parts.push(Part { from: at, to: at + 1, layer }),
    }
}

/// Joins parts into one layer, in order.
pub fn joined(parts: Vec<Part>) -> Layer {
    let mut layer = Layer::default();
    parts.into_iter().for_each(|part| layer.then(part.layer));
    layer
}
