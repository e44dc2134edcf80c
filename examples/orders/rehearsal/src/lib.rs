//! The rehearsal of the order service: the world around it (`shop`), what happens there (`facts`), what must hold (`invariants`), and
//! the users who place orders (`users`). Built by `cargo shakedown` alone; for other builds the crate is empty.
#![cfg(shakedown)]

mod facts;
mod invariants;
mod shop;
mod users;

use shakedown::prelude::*;
use shakedown_clock::FreshThread;
use shop::Shop;

/// Returns what the binary and the tests rehearse.
pub fn catalogue() -> Catalogue {
    let orders = Entry::with_runner("orders", |_| Ok(Box::new(FreshThread::new(|| Shop::ORDERS))))
        .about("two users order, each clicks twice; the service charges at a partner and confirms by mail");
    let deployments =
        Entry::with_runner("deployments", |_| Ok(Box::new(FreshThread::new(|| Shop::DEPLOYMENTS))))
            .about("the same, where the service does not crash and is deployed again at any time");
    [orders, deployments].into_iter().fold(
        Catalogue::new("orders").regressions_in(concat!(env!("CARGO_MANIFEST_DIR"), "/regressions")),
        |catalogue, entry| {
            let entry = entry.assumes("the store, the partner and the mail provider do not crash");
            catalogue.with(entry.assumes("connections neither reorder nor corrupt bytes"))
        },
    )
}
