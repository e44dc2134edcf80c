//! Two requests that register the same address, because each checks before it inserts.
//!
//! A handler looks for an account with the address and inserts one if there is none. Two requests at the same time, as a
//! double click makes them, both find none. A transaction does not help: at read committed neither sees the other's row.
//!
//! The fix: the address is a unique key, and a handler treats its violation as an answer.

use shakedown::prelude::*;
use shakedown::sim::database::Deferral;
use shakedown::sim::label::Label;
use shakedown::sim::node::CrashProfile;
use shakedown::sim::store::{
    Change, Column, Constraints, Query, Row, Store, StoreError, StoreProfile, Table,
};
use std::collections::BTreeMap;

const REQUESTS: u32 = 2;
const ADDRESS: u32 = 7;
const ARRIVES: Site = Site::new(Label::new("user"), Label::new("arrives"));
const TIMES: Alternatives = Alternatives::new(&["after the other", "with the other"]);
/// Statements take time, so that transactions overlap.
const STORE: StoreProfile = StoreProfile { statement: Duration::from_millis(2), ..StoreProfile::CALM };

#[derive(Clone, Copy, Debug, serde::Serialize)]
struct Account {
    id: u32,
    address: u32,
}

impl Row for Account {
    type Key = u32;
    const TABLE: &'static str = "accounts";
    fn key(&self) -> u32 {
        self.id
    }
}

const OF: Column<Account> = Column::new("address", |account| account.address.into());

/// An account was committed.
#[derive(serde::Serialize)]
struct Registered(u32);

impl Fact for Registered {
    fn sentence(&self) -> String {
        format!("registers address {}", self.0)
    }
}

struct CheckThenInsert {
    has_key: bool,
}

impl Scenario for CheckThenInsert {
    type Fact = Registered;

    fn name(&self) -> &str {
        "check-then-insert"
    }

    fn build(&self, stage: &Stage<Registered>) {
        let store = Store::new(&stage.node(Role::outside("database".into()), |_| {}), STORE);
        let constraints = if self.has_key {
            Constraints::none()
                .unique("accounts_address", Deferral::Immediate, |account: &Account| account.address.into())
        } else {
            Constraints::none()
        };
        let facts = stage.facts().clone();
        let accounts = Table::constrained(constraints, move |env, change: &Change<Account>| {
            change.after.into_iter().for_each(|account| facts.state(env, &Registered(account.address)));
        });
        let web = stage.node(Role::new("web".into(), &CrashProfile::NEVER), |_| {});
        for number in 1..=REQUESTS {
            let (store, accounts) = (store.clone(), accounts.clone());
            let env = web.within(stage.entity("request"));
            web.spawn(async move {
                if env.choose(ARRIVES, &TIMES).is_benign() {
                    env.sleep(Duration::from_secs(u64::from(number))).await;
                }
                match register(&env, &store, &accounts, number).await {
                    Ok(()) | Err(StoreError::UniqueViolation) => {}
                    Err(error) => panic!("nothing else fails here: {error}"),
                }
            });
        }
    }

    fn invariants(&self) -> Vec<Box<dyn Invariant<Registered>>> {
        let once = invariant(
            "one-account-per-address",
            |seen: &mut BTreeMap<u32, u32>, at, Registered(address): &Registered, findings| {
                if let Some(earlier) = seen.insert(*address, at.event) {
                    findings.violated("twice", &[earlier, at.event], || {
                        format!("address {address} has two accounts")
                    });
                }
            },
        );
        vec![once.about("an address has one account").boxed()]
    }
}

async fn register(env: &Env, store: &Store, accounts: &Table<Account>, id: u32) -> Result<(), StoreError> {
    let mut tx = store.begin(env);
    let known = tx.select(accounts, Query::all().filter(OF.eq(ADDRESS)).limit(1)).await?;
    if known.is_empty() {
        tx.insert(accounts, Account { id, address: ADDRESS }).await?;
    }
    tx.commit("register").await
}

/// Returns the entry of the catalogue.
pub(crate) fn entry() -> Entry {
    let key = Guardrail::new("unique-address", "the address is a unique key of its account").naive(
        NaiveForm::new("a handler checks, and inserts if there is none").breaks("one-account-per-address"),
    );
    Entry::new("check-then-insert", |ablation| CheckThenInsert { has_key: ablation.keeps("unique-address") })
        .about("two requests register the same address")
        .guardrail(key)
}

#[cfg(test)]
mod tests {
    use super::entry;

    #[test]
    fn two_requests_at_the_same_time_both_find_no_account() {
        entry().rehearse(&["unique-address"]).deviations(0).holds();
        entry().rehearse(&["unique-address"]).deviations(2).violates("one-account-per-address");
    }

    #[test]
    fn a_unique_key_rejects_the_second_account() {
        entry().rehearse(&[]).deviations(2).holds();
    }
}
