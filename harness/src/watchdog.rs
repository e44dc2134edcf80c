//! The watchdog: ends the process if a run neither ends nor does anything that the engine could count.
//!
//! Code under test that loops without awaiting, drawing or acting cannot be stopped from within its thread. Under
//! `supervision` its run is a violation, and the other runs are kept.

use crate::supervision;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Watches some threads, each of which runs one seed after another.
pub struct Watchdog {
    began: Instant,
    posts: Arc<[Post]>,
}

/// The state of one thread.
#[derive(Default)]
struct Post {
    seed: AtomicU64,
    /// Milliseconds since the start of the watchdog, plus one; 0 while the thread runs nothing.
    since: AtomicU64,
}

impl Watchdog {
    /// Starts to watch `threads` threads, until it is dropped. If a run of `scenario` takes longer than `timeout`,
    /// the process ends with a message in which `describe` names the run by its number.
    pub fn new(
        threads: usize,
        timeout: Duration,
        scenario: &str,
        describe: impl Fn(u64) -> String + Send + 'static,
    ) -> Self {
        let scenario = scenario.to_owned();
        let timeout = supervision::timeout(timeout);
        Self::calling(threads, timeout, move |number| {
            if let Some(link) = supervision::link() {
                link.blocked(timeout);
            }
            eprintln!(
                "internal error: scenario {scenario}, {}: not ended after {timeout:?}",
                describe(number)
            );
            eprintln!(
                "  a run probably loops without awaiting anything; --watchdog says how long it may take"
            );
            std::process::exit(70);
        })
    }

    /// Watches threads, and calls `abort_hung_run` once with the number of a run that takes too long.
    fn calling(threads: usize, timeout: Duration, abort_hung_run: impl Fn(u64) + Send + 'static) -> Self {
        let posts: Arc<[Post]> = (0..threads).map(|_| Post::default()).collect();
        let (began, watched) = (Instant::now(), Arc::downgrade(&posts));
        let turn = (timeout / 4).clamp(Duration::from_millis(10), Duration::from_secs(1));
        std::thread::spawn(move || {
            while let Some(posts) = watched.upgrade() {
                if let Some(seed) = overdue(&posts, began, timeout) {
                    return abort_hung_run(seed);
                }
                drop(posts);
                std::thread::sleep(turn);
            }
        });
        Self { began, posts }
    }

    /// Calls `run` as the run of `seed` on the thread with this number.
    pub fn during<T>(&self, thread: usize, seed: u64, run: impl FnOnce() -> T) -> T {
        self.begin(thread, seed);
        let result = run();
        self.posts[thread].since.store(0, Ordering::Release);
        result
    }

    /// Records that the thread with this number starts the run of `seed`, which ends with the watchdog.
    pub fn begin(&self, thread: usize, seed: u64) {
        let post = &self.posts[thread];
        post.seed.store(seed, Ordering::Relaxed);
        post.since.store(self.began.elapsed().as_millis() as u64 + 1, Ordering::Release);
    }
}

fn overdue(posts: &[Post], began: Instant, timeout: Duration) -> Option<u64> {
    let now = began.elapsed().as_millis() as u64;
    let late = |post: &&Post| {
        let since = post.since.load(Ordering::Acquire);
        since != 0 && now.saturating_sub(since) > timeout.as_millis() as u64
    };
    posts.iter().find(late).map(|post| post.seed.load(Ordering::Relaxed))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[test]
    fn a_run_that_does_not_end_is_named() {
        let (abort_hung_run, aborted) = mpsc::channel();
        let watchdog = Watchdog::calling(2, Duration::from_millis(20), move |seed| {
            abort_hung_run.send(seed).expect("heard")
        });
        watchdog.during(0, 1, || {});
        watchdog.during(1, 7, || assert_eq!(aborted.recv_timeout(Duration::from_secs(10)), Ok(7)));
    }
}
