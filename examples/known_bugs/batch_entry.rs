//! An importer that loses an order, because a batch succeeds although one of its entries fails.
//!
//! An importer sends orders in batches (`SendMessageBatch`) and marks each batch as sent when the request succeeds. The
//! response lists entries that failed, each on its own, and the importer does not look at it.
//!
//! The fix: the entries that failed are sent again, until none fails.

use shakedown::prelude::*;
use shakedown::sim::queue::{BATCH_MAX, EntryFault, Message, Queue, QueueFaults, QueueProfile};
use std::collections::BTreeSet;

const ORDERS: QueueProfile = QueueProfile {
    faults: QueueFaults { entry: &[EntryFault::Refused], ..QueueFaults::NONE },
    ..QueueProfile::STANDARD
};
/// The orders of a file.
const FILE: std::ops::Range<u32> = 0..3;

/// An order was processed.
#[derive(serde::Serialize)]
struct Processed(u32);

impl Fact for Processed {
    fn sentence(&self) -> String {
        format!("processes order {}", self.0)
    }
}

struct BatchEntry {
    sends_again: bool,
}

impl Scenario for BatchEntry {
    type Fact = Processed;

    fn name(&self) -> &str {
        "batch-entry"
    }

    fn build(&self, stage: &Stage<Processed>) {
        let broker = stage.node(Role::outside("broker".into()), |_| {});
        let orders: Queue<u32> = Queue::new(&broker, "orders", ORDERS);
        let importer = stage.node(Role::outside("importer".into()), |_| {}).within(stage.entity("file"));
        importer.clone().spawn(import(importer, orders.clone(), self.sends_again));
        let worker = stage.node(Role::outside("worker".into()), |_| {});
        let facts = stage.facts().clone();
        worker.clone().spawn(async move {
            loop {
                let Ok(received) = orders.receive_batch(&worker, BATCH_MAX).await else { return };
                for delivery in &received {
                    facts.state(delivery.env(), &Processed(*delivery.body()));
                    // An order that is delivered again is processed again, which does no harm here.
                    let _ = delivery.ack().await;
                }
            }
        });
    }

    fn invariants(&self) -> Vec<Box<dyn Invariant<Processed>>> {
        let all = invariant(
            "every-order-processed",
            |seen: &mut BTreeSet<u32>, _, Processed(order): &Processed, _| {
                seen.insert(*order);
            },
        )
        .at_rest(|seen, _, findings| {
            for order in FILE.filter(|order| !seen.contains(order)) {
                findings.violated("lost", &[], || format!("order {order} was never processed"));
            }
        });
        vec![all.about("in the end every order of the file is processed").boxed()]
    }
}

/// Sends the orders of the file in a batch.
async fn import(env: Env, queue: Queue<u32>, sends_again: bool) {
    let mut missing: Vec<u32> = FILE.collect();
    while !missing.is_empty() {
        let entries = missing.iter().map(|order| (*order, Message::new("order", *order))).collect();
        match queue.post_batch(&env, entries).await {
            Ok(result) if sends_again => missing = result.failed.iter().map(|entry| entry.id).collect(),
            Ok(_) => return,
            // Without faults of the whole request this does not happen.
            Err(_) => {}
        }
    }
}

/// Returns the entry of the catalogue.
pub(crate) fn entry() -> Entry {
    let again = Guardrail::new("failed-entries", "the entries of a batch that failed are sent again")
        .naive(NaiveForm::new("a batch that succeeds is taken as sent").breaks("every-order-processed"));
    Entry::new("batch-entry", |ablation| BatchEntry { sends_again: ablation.keeps("failed-entries") })
        .about("an importer sends the orders of a file to a queue, in batches")
        .guardrail(again)
}

#[cfg(test)]
mod tests {
    use super::entry;

    #[test]
    fn a_batch_loses_the_entry_that_failed() {
        entry().rehearse(&["failed-entries"]).deviations(0).holds();
        entry().rehearse(&["failed-entries"]).deviations(1).violates("every-order-processed");
    }

    #[test]
    fn failed_entries_are_sent_again() {
        entry().rehearse(&[]).deviations(2).holds();
    }
}
