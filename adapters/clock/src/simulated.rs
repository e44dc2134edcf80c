//! What the simulation answers.

use shakedown_sim::Moment;
use shakedown_sim::ambient::{Entropy, Handle};
use std::net::Ipv4Addr;
use std::time::Duration;

/// The wall-clock time at which runs begin: 2026-01-01 00:00 UTC, in seconds since the Unix epoch.
const EPOCH_S: u64 = 1_767_225_600;

/// The monotonic time at which runs begin, so that a program may subtract from it.
const UPTIME_S: u64 = 1_000_000;

/// Returns the handle of the run under way on this thread.
fn handle() -> Option<Handle> {
    Handle::try_current()
}

fn since_start(moment: Moment) -> Duration {
    moment.since(Moment::START)
}

/// Returns the time since the Unix epoch that the node's clock shows.
pub(crate) fn wall_clock() -> Option<Duration> {
    let handle = handle()?;
    Some(Duration::from_secs(EPOCH_S) + since_start(handle.wall_clock()))
}

/// Returns the time since the machine started.
pub(crate) fn monotonic_clock() -> Option<Duration> {
    Some(Duration::from_secs(UPTIME_S) + since_start(handle()?.now()))
}

/// Fills `bytes` with the node's random numbers; returns whether a run is under way.
pub(crate) fn fill(bytes: &mut [u8]) -> bool {
    let Some(handle) = handle() else { return false };
    match handle.try_extension::<Entropy>() {
        Some(entropy) => entropy.fill(handle, bytes),
        None => bytes.fill(0),
    }
    true
}

/// Returns the addresses of a name as the node whose code runs sees it.
pub(crate) fn addresses(name: &str) -> Option<Vec<Ipv4Addr>> {
    shakedown_net::lookup_here(name)
}
