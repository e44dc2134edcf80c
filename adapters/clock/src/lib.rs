//! The clock, entropy and name resolution of a process, taken from the simulation instead of the system.
//!
//! Linked into rehearsals only. On Linux it defines `clock_gettime`, `getrandom` and `getaddrinfo`, and on x86-64 and AArch64 with glibc
//! `syscall`, of which it replaces `getrandom` alone. They take precedence over those of the C library. On a thread on which a run is under way they return the run's time, random numbers keyed by the run's variant and
//! the node, and the addresses of nodes; elsewhere they do what the C library's do. So `Instant`, `SystemTime`, the order of a
//! `HashMap`, `uuid`, `rand`, `fastrand`, `chrono` and rustls with ring follow the run.
//!
//! The standard library derives the keys of hash maps once per thread, and other libraries keep such state per thread too, so each run
//! needs a thread of its own: [`FreshThread`]. State that a library keeps per *process* (a static) differs between the first run and
//! the next; the self-check of a rehearsal finds it and names the first event that differs.
//!
//! On other platforms nothing is defined: code that reads the system's clock or entropy makes runs differ, and the self-check reports it.

mod fresh;
mod simulated;
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "the functions that it replaces have the C interface")]
mod system;

pub use fresh::FreshThread;
