//! A local cache that stays stale because it missed a message.
//!
//! Servers keep the price of an article in memory. When it changes, a message over Redis tells them to forget it. Only the
//! servers that are connected receive the message. A server whose connection breaks misses it and serves the old price for
//! ever, although it subscribes again at once.
//!
//! The fix: a server forgets all that it has in memory whenever it subscribes, because it may have missed anything.

use shakedown::prelude::*;
use shakedown::sim::kv::{Kv, KvFailover, KvFaults, KvProfile, MessageFault};
use shakedown::sim::node::CrashProfile;
use std::cell::RefCell;
use std::rc::Rc;

const SERVERS: u32 = 2;
const OLD: &str = "100";
const NEW: &str = "90";
const SECOND: Duration = Duration::from_secs(1);

const REDIS: KvProfile = KvProfile {
    failovers_max: 1,
    faults: KvFaults {
        message: &[MessageFault::Disconnected, MessageFault::Late(Duration::from_secs(5))],
        failover: &[KvFailover::Restart(SECOND)],
        ..KvFaults::NONE
    },
    ..KvProfile::REDIS
};

/// A server showed a price.
#[derive(serde::Serialize)]
struct Showed {
    server: u32,
    is_new: bool,
    is_last: bool,
}

impl Fact for Showed {
    fn sentence(&self) -> String {
        let price = if self.is_new { NEW } else { OLD };
        format!("server {} shows {price}", self.server)
    }
}

struct MissedInvalidation {
    forgets_on_subscribe: bool,
}

impl Scenario for MissedInvalidation {
    type Fact = Showed;

    fn name(&self) -> &str {
        "missed-invalidation"
    }

    fn build(&self, stage: &Stage<Showed>) {
        let redis = Kv::new(&stage.node(Role::outside("redis".into()), |_| {}), "prices", REDIS);
        let prices = Rc::new(RefCell::new(OLD));
        for server in 1..=SERVERS {
            let node = stage.node(Role::new("server".into(), &CrashProfile::NEVER), |_| {});
            let env = node.within(stage.entity("server"));
            let cache = Rc::<RefCell<Option<&str>>>::default();
            node.spawn(listen(
                env.child("subscriber"),
                redis.clone(),
                Rc::clone(&cache),
                self.forgets_on_subscribe,
            ));
            let (facts, prices) = (stage.facts().clone(), Rc::clone(&prices));
            let shows = env.child("page");
            node.spawn(async move {
                for seconds in [5, 40] {
                    shows.sleep_until(shakedown::sim::time::Moment::START + SECOND * seconds).await;
                    let price = *cache.borrow_mut().get_or_insert_with(|| *prices.borrow());
                    let is_last = seconds == 40;
                    facts.state(&shows, &Showed { server, is_new: price == NEW, is_last });
                }
            });
        }
        let shop = stage.node(Role::outside("shop".into()), |_| {}).within(stage.entity("change"));
        shop.clone().spawn(async move {
            shop.sleep(SECOND * 10).await;
            *prices.borrow_mut() = NEW;
            // A shop that receives no reply publishes again.
            while redis.client(&shop.child("attempt")).publish("prices", "changed").await.is_err() {
                shop.sleep(SECOND).await;
            }
        });
    }

    fn invariants(&self) -> Vec<Box<dyn Invariant<Showed>>> {
        let fresh = invariant("price-in-the-end-new", |count: &mut u32, at, showed: &Showed, findings| {
            *count += u32::from(showed.is_last);
            if showed.is_last && !showed.is_new {
                findings.violated("server", &[at.event], || {
                    format!("server {} shows the old price 30 s after the change", showed.server)
                });
            }
        })
        .at_rest(|count, _, findings| {
            if *count < SERVERS {
                findings.violated("server", &[], || "a server shows no price".to_owned());
            }
        });
        vec![fresh.about("each server shows the new price half a minute after the change").boxed()]
    }
}

async fn listen(env: Env, redis: Kv, cache: Rc<RefCell<Option<&'static str>>>, forgets: bool) {
    loop {
        let turn = env.child("turn");
        if let Ok(subscription) = redis.client(&turn).subscribe(&["prices"]).await {
            if forgets {
                cache.take();
            }
            while subscription.next().await.is_ok() {
                cache.take();
            }
        }
        env.sleep(SECOND).await;
    }
}

/// Returns the entry of the catalogue.
pub(crate) fn entry() -> Entry {
    let forgets = Guardrail::new("forget-on-subscribe", "a server forgets all prices when it subscribes")
        .naive(
            NaiveForm::new("a server forgets a price when it receives a message")
                .breaks("price-in-the-end-new"),
        );
    Entry::new("missed-invalidation", |ablation| MissedInvalidation {
        forgets_on_subscribe: ablation.keeps("forget-on-subscribe"),
    })
    .about("servers keep a price in memory and receive its change over Redis")
    .assumes("a server notices that its connection has broken")
    .guardrail(forgets)
}

#[cfg(test)]
mod tests {
    use super::entry;

    #[test]
    fn a_server_that_missed_the_message_shows_the_old_price_for_ever() {
        let missed = "prices/message @ change-1/attempt-1/message-1 #1 = disconnected";
        entry().rehearse(&["forget-on-subscribe"]).script(missed).violates("price-in-the-end-new");
        entry().rehearse(&["forget-on-subscribe"]).deviations(0).allow_trivial().holds();
    }

    #[test]
    fn a_server_that_forgets_when_it_subscribes_shows_the_new_price() {
        entry().rehearse(&[]).deviations(2).holds();
    }
}
