//! A consumer that shows an old price, because a returned message comes after a later one.
//!
//! A consumer on RabbitMQ prefetches messages and applies each. If it cannot apply one, it returns it (`basic.nack`) and goes
//! on with the next, which it already has. The returned message comes again afterwards, and its old price replaces the new
//! one. The queue keeps an order, but only of messages that are never returned.
//!
//! The fix: a price carries a version, and an older version is not applied.

use shakedown::prelude::*;
use shakedown::sim::label::Label;
use shakedown::sim::node::CrashProfile;
use shakedown::sim::queue::{Delivery, Queue, QueueProfile};

/// Messages that the consumer has at a time.
const PREFETCH: u32 = 2;
const PRICES: QueueProfile = QueueProfile { prefetch: PREFETCH, ..QueueProfile::CHANNEL };
const WRITE: Site = Site::new(Label::new("cache"), Label::new("write"));
const RESULTS: Alternatives = Alternatives::new(&["succeeds", "fails"]);

/// A price was shown, by its version.
#[derive(serde::Serialize)]
struct Shown(u32);

impl Fact for Shown {
    fn sentence(&self) -> String {
        format!("shows version {} of the price", self.0)
    }
}

struct NackOrder {
    compares_versions: bool,
}

impl Scenario for NackOrder {
    type Fact = Shown;

    fn name(&self) -> &str {
        "nack-order"
    }

    fn build(&self, stage: &Stage<Shown>) {
        let broker = stage.node(Role::outside("broker".into()), |_| {});
        let prices: Queue<u32> = Queue::new(&broker, "prices", PRICES);
        let shop = stage.node(Role::outside("shop".into()), |_| {}).within(stage.entity("product"));
        let sent = prices.clone();
        shop.clone().spawn(async move {
            for version in 1..=PREFETCH {
                // Without faults of the queue no message is lost.
                let _ = sent.send(&shop, "price", version).await;
            }
        });
        let page = stage.node(Role::new("page".into(), &CrashProfile::NEVER), |_| {});
        let (facts, compares_versions) = (stage.facts().clone(), self.compares_versions);
        page.clone().spawn(async move {
            let mut shown = 0;
            let mut window = Vec::new();
            while window.len() < PREFETCH as usize {
                window.push(prices.receive(&page).await);
            }
            loop {
                for delivery in std::mem::take(&mut window) {
                    apply(&delivery, &mut shown, &facts, compares_versions).await;
                }
                window.push(prices.receive(&page).await);
            }
        });
    }

    fn invariants(&self) -> Vec<Box<dyn Invariant<Shown>>> {
        let newest = invariant("newest-price-shown", |last: &mut u32, _, Shown(version): &Shown, _| {
            *last = *version;
        })
        .at_rest(|last, _, findings| {
            if *last != PREFETCH {
                findings.violated("old", &[], || format!("version {last} of {PREFETCH} is shown"));
            }
        });
        vec![newest.about("in the end the newest price is shown").boxed()]
    }
}

/// Applies a price, or returns it if that fails.
async fn apply(delivery: &Delivery<u32>, shown: &mut u32, facts: &Facts<Shown>, compares_versions: bool) {
    let (env, version) = (delivery.env(), *delivery.body());
    if !env.choose(WRITE, &RESULTS).is_benign() {
        let _ = delivery.nack(Duration::ZERO).await;
        return;
    }
    if !compares_versions || version > *shown {
        *shown = version;
        facts.state(env, &Shown(version));
    }
    let _ = delivery.ack().await;
}

/// Returns the entry of the catalogue.
pub(crate) fn entry() -> Entry {
    let versions = Guardrail::new("newer-version", "a price is applied if its version is newer")
        .naive(NaiveForm::new("each price is applied when it comes").breaks("newest-price-shown"));
    Entry::new("nack-order", |ablation| NackOrder { compares_versions: ablation.keeps("newer-version") })
        .about("a page shows the newest price of a product, from a queue of prices")
        .guardrail(versions)
}

#[cfg(test)]
mod tests {
    use super::entry;

    #[test]
    fn a_returned_price_replaces_a_newer_one() {
        entry().rehearse(&["newer-version"]).deviations(0).holds();
        entry().rehearse(&["newer-version"]).deviations(1).violates("newest-price-shown");
    }

    #[test]
    fn an_older_version_is_not_applied() {
        entry().rehearse(&[]).deviations(2).holds();
    }
}
