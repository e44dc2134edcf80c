//! A job that reads pages by OFFSET and skips a row.
//!
//! A job bills all accounts, a page in each transaction, and skips as many rows as it has read (`OFFSET`). If an account of an
//! earlier page is closed in the meantime, all later rows move up by one place: the first row of the next page is never read.
//! An index makes it faster, not right.
//!
//! The fix is keyset pagination: each page begins behind the last row of the one before.

use shakedown::prelude::*;
use shakedown::sim::label::Label;
use shakedown::sim::node::CrashProfile;
use shakedown::sim::store::{Column, Query, Row, Store, StoreError, StoreProfile, Table};
use std::collections::BTreeSet;

const ACCOUNTS: u32 = 6;
const PAGE: usize = 2;
const CLOSED: u32 = 1;
/// When a user closes an account of the first page.
const CLOSES: Site = Site::new(Label::new("user"), Label::new("closes"));
const TIMES: Alternatives = Alternatives::new(&["after the job", "between two pages"]);

#[derive(Clone, Copy, Debug, serde::Serialize)]
struct Account {
    id: u32,
}

impl Row for Account {
    type Key = u32;
    const TABLE: &'static str = "accounts";
    fn key(&self) -> u32 {
        self.id
    }
}

const ID: Column<Account> = Column::new("id", |account| account.id.into());

#[derive(serde::Serialize)]
struct Billed(u32);

impl Fact for Billed {
    fn sentence(&self) -> String {
        format!("bills account {}", self.0)
    }
}

struct OffsetPages {
    uses_keyset: bool,
}

impl Scenario for OffsetPages {
    type Fact = Billed;

    fn name(&self) -> &str {
        "offset-pages"
    }

    fn build(&self, stage: &Stage<Billed>) {
        let store = Store::new(&stage.node(Role::outside("database".into()), |_| {}), StoreProfile::CALM);
        let accounts = Table::new(|_, _| {});
        (1..=ACCOUNTS).for_each(|id| store.plant(&accounts, Account { id }));
        let job = stage.node(Role::new("job".into(), &CrashProfile::NEVER), |_| {});
        job.clone().spawn({
            let (store, accounts, facts) = (store.clone(), accounts.clone(), stage.facts().clone());
            let uses_keyset = self.uses_keyset;
            async move {
                // Without faults of the store no transaction fails.
                let _ = bill_all(&job, &store, &accounts, &facts, uses_keyset).await;
            }
        });
        let user = stage.node(Role::outside("user".into()), |_| {});
        user.clone().spawn(async move {
            let is_early = !user.choose(CLOSES, &TIMES).is_benign();
            user.sleep(Duration::from_millis(if is_early { 1_500 } else { 60_000 })).await;
            let mut tx = store.begin(&user);
            if tx.delete(&accounts, &CLOSED).await.is_ok() {
                let _ = tx.commit("close").await;
            }
        });
    }

    fn invariants(&self) -> Vec<Box<dyn Invariant<Billed>>> {
        let billed = invariant(
            "each-account-billed",
            |billed: &mut BTreeSet<u32>, at, Billed(id): &Billed, findings| {
                if !billed.insert(*id) {
                    findings.violated("account", &[at.event], || format!("account {id} is billed twice"));
                }
            },
        )
        .at_rest(|billed, _, findings| {
            for id in (1..=ACCOUNTS).filter(|id| !billed.contains(id)) {
                findings.violated("account", &[], || format!("account {id} is never billed"));
            }
        });
        vec![billed.about("each account is billed once").boxed()]
    }
}

/// Bills the accounts, a page a second.
async fn bill_all(
    env: &Env,
    store: &Store,
    accounts: &Table<Account>,
    facts: &Facts<Billed>,
    uses_keyset: bool,
) -> Result<(), StoreError> {
    let (mut last, mut read) = (0, 0);
    loop {
        let mut tx = store.begin(env);
        let query = Query::all().order_by(ID).limit(PAGE);
        let query = if uses_keyset { query.after(last) } else { query.offset(read) };
        let page = tx.select(accounts, query).await?;
        for account in &page {
            facts.state(env, &Billed(account.id));
        }
        tx.commit("page").await?;
        let Some(end) = page.last() else { return Ok(()) };
        (last, read) = (end.id, read + page.len());
        env.sleep(Duration::from_secs(1)).await;
    }
}

/// Returns the entry of the catalogue.
pub(crate) fn entry() -> Entry {
    let keyset = Guardrail::new("keyset", "each page begins behind the last row of the one before")
        .naive(NaiveForm::new("each page skips as many rows as were read").breaks("each-account-billed"));
    Entry::new("offset-pages", |ablation| OffsetPages { uses_keyset: ablation.keeps("keyset") })
        .about("a job bills all accounts, a page in each transaction, while users close accounts")
        .guardrail(keyset)
}

#[cfg(test)]
mod tests {
    use super::entry;

    #[test]
    fn a_row_that_moves_to_an_earlier_page_is_skipped() {
        entry().rehearse(&["keyset"]).deviations(0).holds();
        let early = "user/closes @ - #1 = between two pages";
        entry().rehearse(&["keyset"]).script(early).violates("each-account-billed");
    }

    #[test]
    fn pages_behind_the_last_row_skip_none() {
        entry().rehearse(&[]).deviations(1).holds();
    }
}
