//! The values that the simulation returns in place of the system.

use shakedown_sim::Moment;
use shakedown_sim::ambient::{Entropy, Handle};
use std::net::Ipv4Addr;
use std::time::Duration;

/// The monotonic time at which runs begin, so that a program may subtract from it.
const UPTIME_S: u64 = 1_000_000;

/// Returns the handle of the run under way on this thread.
fn handle() -> Option<Handle> {
    Handle::try_current()
}

/// Returns the time since the Unix epoch that the node's clock shows.
pub(crate) fn wall_clock() -> Option<Duration> {
    let handle = handle()?;
    // A clock may be wrong, but not before 1970.
    Some(Duration::from_nanos(u64::try_from(handle.wall_clock().unix_nanos()).unwrap_or_default()))
}

/// Returns the time since the machine started.
pub(crate) fn monotonic_clock() -> Option<Duration> {
    Some(Duration::from_secs(UPTIME_S) + handle()?.now().since(Moment::START))
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

/// Returns the addresses that a name has for the node whose code runs; `None` if none runs.
pub(crate) fn addresses(name: &str) -> Option<std::io::Result<Vec<Ipv4Addr>>> {
    shakedown_net::lookup_here(name)
}
