//! Well-known bugs of applications, one module each: a small world that shows the bug, and the fix that holds. Copy a module
//! and replace its world by your own.
//!
//! ```text
//! cargo run -p shakedown --example known_bugs -- explore nightly-bill --without key-per-day
//! cargo run -p shakedown --example known_bugs -- certify nightly-bill --deviations 2
//! cargo test -p shakedown --example known_bugs
//! ```

mod nightly_bill;

use shakedown::prelude::*;

fn catalogue() -> Catalogue {
    Catalogue::new("known_bugs").with(nightly_bill::entry())
}

fn main() -> std::process::ExitCode {
    shakedown::cli::main(catalogue())
}
