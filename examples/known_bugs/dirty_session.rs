//! A session that comes from the pool with the settings of its former user.
//!
//! A report must not wait for locks, and sets `lock_timeout` to 100 ms for itself. Its connection returns to the pool, which
//! rolls back and nothing more, as most pools do. The next order that is given this session has a lock timeout of 100 ms as
//! well, and fails where it should wait for another order of the same article.
//!
//! The fix: the pool resets a session that returns (`DISCARD ALL`), or the report uses `SET LOCAL`, which ends with its
//! transaction.

use shakedown::prelude::*;
use shakedown::sim::node::CrashProfile;
use shakedown::sim::store::{Pool, PoolProfile, Reset, Row, Setting, Store, StoreProfile, Table};
use std::error::Error;

const ORDERS: u32 = 2;
const ARRIVES: Alternatives = Alternatives::new(&["after the other", "while the other is handled"]);

/// The stock of an article.
#[derive(Clone, Copy, Debug, serde::Serialize)]
struct Article {
    id: u32,
    stock: u32,
}

impl Row for Article {
    type Key = u32;
    const TABLE: &'static str = "articles";
    fn key(&self) -> u32 {
        self.id
    }
}

#[derive(serde::Serialize)]
enum Handled {
    Ordered(u32),
    Rejected(u32),
}

impl Fact for Handled {
    fn sentence(&self) -> String {
        match self {
            Handled::Ordered(order) => format!("accepts order {order}"),
            Handled::Rejected(order) => format!("responds to order {order} with an error"),
        }
    }
}

struct DirtySession {
    resets: bool,
}

impl Scenario for DirtySession {
    type Fact = Handled;

    fn name(&self) -> &str {
        "dirty-session"
    }

    fn build(&self, stage: &Stage<Handled>) {
        let store = Store::new(&stage.node(Role::outside("database".into()), |_| {}), StoreProfile::CALM);
        let articles = Table::new(|_, _| {});
        store.plant(&articles, Article { id: 1, stock: 10 });
        let web = stage.node(Role::new("web".into(), &CrashProfile::NEVER), |_| {});
        let reset = if self.resets { Reset::Discard } else { Reset::Rollback };
        let pool = Pool::new(&store, &web, PoolProfile { reset, ..PoolProfile::USUAL });
        let (reports, env) = (pool.clone(), web.within(stage.entity("report")));
        web.spawn(async move {
            env.sleep(Duration::from_millis(1_010)).await;
            // A report that fails is tried again tomorrow.
            let _ = report(&env, &reports).await;
        });
        for number in 1..=ORDERS {
            let (pool, articles, facts) = (pool.clone(), articles.clone(), stage.facts().clone());
            let env = web.within(stage.entity("order"));
            web.spawn(async move {
                // The first order comes just before the report, the second one later.
                let arrives = match number {
                    1 => Duration::from_secs(1),
                    _ if env.choose(Site::new("user".into(), "arrives".into()), &ARRIVES).is_benign() => {
                        Duration::from_secs(2)
                    }
                    _ => Duration::from_millis(1_100),
                };
                env.sleep(arrives).await;
                facts.state(
                    &env,
                    &match order(&env, &pool, &articles).await {
                        Ok(()) => Handled::Ordered(number),
                        Err(_) => Handled::Rejected(number),
                    },
                );
            });
        }
    }

    fn invariants(&self) -> Vec<Box<dyn Invariant<Handled>>> {
        let accepted = invariant(
            "each-order-accepted",
            |count: &mut u32, at, handled: &Handled, findings| match handled {
                Handled::Ordered(_) => *count += 1,
                Handled::Rejected(order) => {
                    findings.violated("order", &[at.event], || format!("order {order} fails"));
                }
            },
        )
        .at_rest(|count, _, findings| {
            if *count < ORDERS {
                findings.violated("order", &[], || format!("{count} of {ORDERS} orders have a response"));
            }
        });
        vec![accepted.about("each order is accepted: there is enough of the article").boxed()]
    }
}

async fn report(env: &Env, pool: &Pool) -> Result<(), Box<dyn Error>> {
    let connection = pool.acquire(env).await?;
    connection.set(Setting::LockTimeout(Duration::from_millis(100))).await?;
    connection.begin().await?.commit("report").await?;
    Ok(())
}

async fn order(env: &Env, pool: &Pool, articles: &Table<Article>) -> Result<(), Box<dyn Error>> {
    let connection = pool.acquire(env).await?;
    let mut tx = connection.begin().await?;
    let article = tx.lock(articles, &1).await?.ok_or("no such article")?;
    env.sleep(Duration::from_millis(300)).await;
    tx.update(articles, Article { stock: article.stock - 1, ..article }).await?;
    tx.commit("order").await?;
    Ok(())
}

/// Returns the entry of the catalogue.
pub(crate) fn entry() -> Entry {
    let reset = Guardrail::new("reset-on-return", "the pool clears the state of a session that returns")
        .naive(NaiveForm::new("the pool rolls back and nothing more").breaks("each-order-accepted"));
    Entry::new("dirty-session", |ablation| DirtySession { resets: ablation.keeps("reset-on-return") })
        .about("orders and a report with settings of its own share a pool")
        .guardrail(reset)
}

#[cfg(test)]
mod tests {
    use super::entry;

    #[test]
    fn an_order_fails_with_the_settings_of_the_report() {
        entry().rehearse(&["reset-on-return"]).deviations(0).allow_trivial().holds();
        entry().rehearse(&["reset-on-return"]).deviations(1).violates("each-order-accepted");
    }

    #[test]
    fn a_session_that_is_reset_serves_every_order() {
        entry().rehearse(&[]).deviations(1).holds();
    }
}
