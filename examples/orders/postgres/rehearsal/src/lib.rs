//! The rehearsal of the order service on PostgreSQL: the world around it (`shop`), what happens there (`facts`), what must hold
//! (`invariants`), and the users who place orders (`users`). Built by `cargo shakedown` alone; for other builds the crate is empty.
#![cfg(shakedown)]

mod facts;
mod invariants;
mod shop;
mod users;

use shakedown::prelude::*;
use shakedown_clock::FreshThread;
use shakedown_postgres::Servers;
use shop::Shop;
use std::sync::Arc;

/// Returns what the binary and the tests rehearse.
pub fn catalogue() -> Catalogue {
    let orders = entry("orders", &shop::MIGRATED).about(
        "two users order the last lamp and one a book, at two instances that share a PostgreSQL; one instance relays the outbox",
    );
    let first_start = entry("first-start", &shop::EMPTY)
        .about("the same with an empty database, which both instances migrate when they start");
    Catalogue::new("orders-postgres")
        .regressions_in(concat!(env!("CARGO_MANIFEST_DIR"), "/regressions"))
        .with(orders)
        .with(first_start)
}

fn entry(name: &'static str, servers: &'static Servers) -> Entry {
    let entry = Entry::with_runner(name, move |_| {
        let server = servers.take().map_err(|error| error.to_string())?;
        Ok(Box::new(FreshThread::new(move || Shop { name, server: Arc::clone(&server) })))
    });
    entry
        .assumes("the partner and the mail provider do not crash")
        .assumes("connections neither reorder nor corrupt bytes")
}
