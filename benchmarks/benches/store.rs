//! Measures the cost of a statement through the store, engine included: `cargo bench --manifest-path
//! benchmarks/Cargo.toml --bench store`. Writes its section of RESULTS.md.

use shakedown_benchmarks::results;
use shakedown_sim::*;
use std::fmt::Write;
use std::time::Instant;

#[derive(Clone, Copy, serde::Serialize)]
struct Account {
    id: u32,
    balance: i64,
}

impl Row for Account {
    type Key = u32;
    const TABLE: &'static str = "accounts";
    fn key(&self) -> u32 {
        self.id
    }
}

#[derive(serde::Serialize)]
enum Nothing {}

impl Fact for Nothing {
    fn sentence(&self) -> String {
        match *self {}
    }
}

/// The repeated work of each client.
#[derive(Clone, Copy)]
enum Work {
    Read,
    Insert,
    Commit,
    Update,
}

/// Clients of a store with a number of rows.
struct Desk {
    work: Work,
    times: u32,
    clients: u32,
    isolation: Isolation,
}

const ROWS: u32 = 1_000;

impl Desk {
    async fn client(env: Env, store: Store, accounts: Table<Account>, work: Work, times: u32) {
        let mut tx = store.begin(&env);
        for round in 0..times {
            let id = round % ROWS;
            let done = match work {
                Work::Read => tx.get(&accounts, &id).await.map(drop),
                Work::Insert => tx.insert(&accounts, Account { id: ROWS + round, balance: 0 }).await,
                Work::Commit => {
                    let done = tx.commit("work").await;
                    tx = store.begin(&env);
                    done
                }
                Work::Update => {
                    let add = |row: &Account| Account { balance: row.balance + 1, ..*row };
                    tx.update_where(&accounts, &0, |_| true, add).await.expect("it is there in time");
                    let done = tx.commit("work").await;
                    tx = store.begin(&env);
                    done
                }
            };
            done.expect("nothing fails");
        }
    }
}

impl Scenario for Desk {
    type Fact = Nothing;

    fn name(&self) -> &str {
        "desk"
    }

    fn horizon(&self, _: &Variant) -> Horizon {
        Horizon { heal: Duration::from_secs(86_400), settle: Duration::from_secs(86_400) }
    }

    fn build(&self, stage: &Stage<Nothing>) {
        let server = stage.node(Role::outside("database".into()), |_| {});
        let store = Store::new(&server, StoreProfile { isolation: self.isolation, ..StoreProfile::CALM });
        let accounts = Table::new(|_, _| {});
        (0..ROWS).for_each(|id| store.plant(&accounts, Account { id, balance: 0 }));
        for _ in 0..self.clients {
            let env = stage.node(Role::new("client".into(), &CrashProfile::NEVER), |_| {});
            env.spawn(Self::client(env.clone(), store.clone(), accounts.clone(), self.work, self.times));
        }
    }

    fn invariants(&self) -> Vec<Box<dyn Invariant<Nothing>>> {
        Vec::new()
    }
}

const TIMES: u32 = 20_000;

/// Returns the nanoseconds of one piece of work: a run of many pieces less a run of none, the best of five.
fn cost(work: Work, clients: u32, isolation: Isolation) -> u128 {
    let took = |times: u32| {
        let mut runner = Runner::new(Desk { work, times, clients, isolation });
        let took = (0..5).map(|seed| {
            let began = Instant::now();
            assert_eq!(runner.run(Plan::Seed(seed)).violations, []);
            began.elapsed().as_nanos()
        });
        took.min().unwrap_or_default()
    };
    (took(TIMES / clients).saturating_sub(took(0))) / u128::from(TIMES)
}

fn main() {
    let mut text = String::from(
        "## What a statement costs\n\nWritten by `cargo bench --manifest-path benchmarks/Cargo.toml --bench store`: through the store, in a world \
         with its events, digest on,\nin nanoseconds; a table of 1,000 rows. *commit* is an empty transaction with its three events; *update, commit* one row by \
         key;\n*contended* the same by two clients that wait for each other all the time.\n\n| level | point read | insert | commit | \
         update, commit | contended |\n|---|---|---|---|---|---|\n",
    );
    let levels = [
        ("read committed", Isolation::ReadCommitted),
        ("repeatable read", Isolation::RepeatableRead),
        ("serializable", Isolation::Serializable),
    ];
    for (name, level) in levels {
        let alone = [Work::Read, Work::Insert, Work::Commit, Work::Update].map(|work| cost(work, 1, level));
        let [read, insert, commit, update] = alone;
        // Above read committed the second one fails instead of waiting.
        let contended = match level {
            Isolation::ReadCommitted => cost(Work::Update, 2, level).to_string(),
            _ => "–".to_owned(),
        };
        let _ = writeln!(text, "| {name} | {read} | {insert} | {commit} | {update} | {contended} |");
    }
    results::write("store", &text);
}
