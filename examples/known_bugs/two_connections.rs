//! A pool that deadlocks because each request takes two connections.
//!
//! A handler begins a transaction on a connection of the pool, and calls a function that takes a connection of its own. If as
//! many requests as the pool has connections are at that point at once, all of them wait for a second connection until they
//! time out, because none of them releases its first. A larger pool makes it rarer.
//!
//! The fix: a request takes one connection and passes it on.

use shakedown::prelude::*;
use shakedown::sim::label::Label;
use shakedown::sim::node::CrashProfile;
use shakedown::sim::store::{Pool, PoolProfile, Row, Store, StoreProfile, Table};
use std::collections::BTreeSet;
use std::error::Error;

const REQUESTS: u32 = 2;
const POOL: PoolProfile = PoolProfile { size: 2, ..PoolProfile::USUAL };
const ARRIVES: Alternatives = Alternatives::new(&["after the other", "with the other"]);
const SITE: Site = Site::new(Label::new("user"), Label::new("arrives"));

/// The number of orders of a customer.
#[derive(Clone, Copy, Debug, serde::Serialize)]
struct Account {
    id: u32,
    orders: u32,
}

impl Row for Account {
    type Key = u32;
    const TABLE: &'static str = "accounts";
    fn key(&self) -> u32 {
        self.id
    }
}

#[derive(serde::Serialize)]
enum Handled {
    Done(u32),
    Failed(u32),
}

impl Fact for Handled {
    fn sentence(&self) -> String {
        match self {
            Handled::Done(request) => format!("responds to request {request}"),
            Handled::Failed(request) => format!("responds to request {request} with an error"),
        }
    }
}

struct TwoConnections {
    takes_one: bool,
}

impl Scenario for TwoConnections {
    type Fact = Handled;

    fn name(&self) -> &str {
        "two-connections"
    }

    fn build(&self, stage: &Stage<Handled>) {
        let store = Store::new(&stage.node(Role::outside("database".into()), |_| {}), StoreProfile::CALM);
        let accounts = Table::new(|_, _| {});
        let web = stage.node(Role::new("web".into(), &CrashProfile::NEVER), |_| {});
        let pool = Pool::new(&store, &web, POOL);
        for number in 1..=REQUESTS {
            store.plant(&accounts, Account { id: number, orders: 0 });
            let (pool, accounts, facts) = (pool.clone(), accounts.clone(), stage.facts().clone());
            let (env, takes_one) = (web.within(stage.entity("request")), self.takes_one);
            web.spawn(async move {
                if env.choose(SITE, &ARRIVES).is_benign() {
                    env.sleep(Duration::from_secs(u64::from(number))).await;
                }
                let handled = match order(&env, &pool, &accounts, number, takes_one).await {
                    Ok(()) => Handled::Done(number),
                    Err(_) => Handled::Failed(number),
                };
                facts.state(&env, &handled);
            });
        }
    }

    fn invariants(&self) -> Vec<Box<dyn Invariant<Handled>>> {
        let served =
            invariant("each-request-served", |done: &mut BTreeSet<u32>, at, handled: &Handled, findings| {
                match handled {
                    Handled::Done(request) => drop(done.insert(*request)),
                    Handled::Failed(request) => {
                        findings.violated("request", &[at.event], || format!("request {request} fails"));
                    }
                }
            })
            .at_rest(|done, _, findings| {
                for request in (1..=REQUESTS).filter(|request| !done.contains(request)) {
                    findings.violated("request", &[], || format!("request {request} has no response"));
                }
            });
        vec![served.about("each request is served").boxed()]
    }
}

/// Adds an order, after a check for which the naive form takes another connection.
async fn order(
    env: &Env,
    pool: &Pool,
    accounts: &Table<Account>,
    id: u32,
    takes_one: bool,
) -> Result<(), Box<dyn Error>> {
    let connection = pool.acquire(env).await?;
    let mut tx = connection.begin().await?;
    let orders = if takes_one {
        tx.get(accounts, &id).await?.map_or(0, |account| account.orders)
    } else {
        let another = pool.acquire(env).await?;
        let mut check = another.begin().await?;
        check.get(accounts, &id).await?.map_or(0, |account| account.orders)
    };
    tx.update(accounts, Account { id, orders: orders + 1 }).await?;
    tx.commit("order").await?;
    Ok(())
}

/// Returns the entry of the catalogue.
pub(crate) fn entry() -> Entry {
    let one = Guardrail::new("one-connection", "a request takes one connection and passes it on").naive(
        NaiveForm::new("a function in the middle of a transaction takes a connection of its own")
            .breaks("each-request-served"),
    );
    Entry::new("two-connections", |ablation| TwoConnections { takes_one: ablation.keeps("one-connection") })
        .about("requests share a pool of two connections")
        .guardrail(one)
}

#[cfg(test)]
mod tests {
    use super::entry;

    #[test]
    fn two_requests_that_take_two_connections_each_wait_for_each_other() {
        entry().rehearse(&["one-connection"]).deviations(0).allow_trivial().holds();
        entry().rehearse(&["one-connection"]).deviations(2).violates("each-request-served");
    }

    #[test]
    fn requests_that_take_one_connection_are_served() {
        entry().rehearse(&[]).deviations(2).holds();
    }
}
