//! Well-known bugs of applications, one module each: a small world that shows the bug, and the fix that holds. Copy a module
//! and replace its world by your own.
//!
//! ```text
//! cargo run -p shakedown --example known_bugs -- explore nightly-bill --without key-per-day
//! cargo run -p shakedown --example known_bugs -- certify nightly-bill --deviations 2
//! cargo test -p shakedown --example known_bugs
//! ```

mod batch_entry;
mod check_then_insert;
mod dirty_session;
mod early_webhook;
mod missed_invalidation;
mod nack_order;
mod nightly_bill;
mod offset_before_work;
mod offset_pages;
mod pooled_session_lock;
mod redis_lock;
mod two_connections;

use shakedown::prelude::*;

fn catalogue() -> Catalogue {
    Catalogue::new("known_bugs")
        .with(early_webhook::entry())
        .with(nightly_bill::entry())
        .with(redis_lock::entry())
        .with(two_connections::entry())
        .with(pooled_session_lock::entry())
        .with(dirty_session::entry())
        .with(offset_before_work::entry())
        .with(missed_invalidation::entry())
        .with(check_then_insert::entry())
        .with(offset_pages::entry())
        .with(nack_order::entry())
        .with(batch_entry::entry())
}

fn main() -> std::process::ExitCode {
    shakedown::cli::main(catalogue())
}
