//! Steps of three clients with what they receive through PgBouncer 1.18 in transaction mode over PostgreSQL 15.18, recorded
//! by `.ci/record-pgbouncer` and played on a pooler with two sessions.

use shakedown_sim::database::{AdvisoryScope, Statement};
use shakedown_sim::node::CrashProfile;
use shakedown_sim::store::{Pooler, PoolerConnection, PoolerTransaction, Setting};
use shakedown_sim::*;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::rc::Rc;

/// A recorded case: its name, and its steps with the results.
#[derive(Clone, serde::Deserialize)]
struct Case {
    case: String,
    steps: Vec<(String, String)>,
}

#[derive(serde::Serialize)]
struct Nothing;

impl Fact for Nothing {
    fn sentence(&self) -> String {
        String::new()
    }
}

struct Playing {
    case: Case,
    results: Rc<RefCell<Vec<String>>>,
}

impl Scenario for Playing {
    type Fact = Nothing;
    fn name(&self) -> &str {
        "pooler"
    }
    fn build(&self, stage: &Stage<Nothing>) {
        self.results.borrow_mut().clear();
        let store = Store::new(&stage.node(Role::outside("database".into()), |_| {}), StoreProfile::CALM);
        let pooler = stage.node(Role::outside("pooler".into()), |_| {});
        let pooler = Pooler::new(&store, &pooler, 2, Duration::from_secs(120));
        let env = stage.node(Role::new("clients".into(), &CrashProfile::NEVER), |_| {});
        let (case, results) = (self.case.clone(), Rc::clone(&self.results));
        env.clone().spawn(async move {
            // A session beside the pooler has the key 9.
            let holder = store.connect(&env);
            holder.lock(9).await.expect("it is free");
            let mut clients: BTreeMap<&str, Client> = BTreeMap::new();
            for (step, _) in &case.steps {
                let (name, step) = step.split_once(' ').expect("a client and its statement");
                let client = clients.entry(name).or_insert_with(|| Client {
                    env: env.clone(),
                    connection: pooler.connect(&env),
                    transaction: None,
                });
                let result = client.execute(step).await;
                results.borrow_mut().push(result);
            }
        });
    }
    fn invariants(&self) -> Vec<Box<dyn Invariant<Nothing>>> {
        Vec::new()
    }
}

struct Client {
    env: Env,
    connection: PoolerConnection,
    transaction: Option<PoolerTransaction>,
}

fn text<T: Display>(result: Result<T, StoreError>) -> String {
    result.map_or_else(|error| error.code().to_owned(), |value| value.to_string())
}

impl Client {
    async fn execute(&mut self, step: &str) -> String {
        let (statement, argument) = step.split_once(' ').unwrap_or((step, "0"));
        let key: i64 = argument.parse().expect("a number");
        match (statement, self.transaction.take()) {
            ("begin", _) => {
                self.transaction = self.connection.begin().await.ok();
                "ok".to_owned()
            }
            ("commit", Some(transaction)) => text(transaction.commit("work").await.map(|()| "ok")),
            ("rollback", transaction) => {
                drop(transaction);
                "ok".to_owned()
            }
            (_, Some(mut transaction)) => {
                let result = inside(&mut transaction, statement, key).await;
                self.transaction = Some(transaction);
                result
            }
            (_, None) => self.outside(statement, key).await,
        }
    }

    /// Executes a statement outside of transactions.
    async fn outside(&self, statement: &str, key: i64) -> String {
        let connection = &self.connection;
        match statement {
            "try_lock" => text(connection.try_lock(key).await),
            "unlock" => text(connection.unlock(key).await),
            "set" => {
                let timeout = Duration::from_millis(key.unsigned_abs());
                text(connection.set(Setting::LockTimeout(timeout)).await.map(|()| "ok"))
            }
            "lock_or_wait" => {
                let waits = self.env.timeout(Duration::from_millis(100), connection.lock(key)).await;
                waits.map_or_else(|| "waits".to_owned(), |result| text(result.map(|()| "ok")))
            }
            other => panic!("{other} outside of a transaction"),
        }
    }
}

async fn inside(transaction: &mut PoolerTransaction, statement: &str, key: i64) -> String {
    match statement {
        "try_lock" => {
            text(transaction.execute(Statement::try_advisory_lock(key, AdvisoryScope::Session)).await)
        }
        "unlock" => text(transaction.execute(Statement::advisory_unlock(key)).await),
        "try_xact_lock" => text(transaction.try_advisory_lock(key).await),
        "set" => {
            let statement = Statement::set_lock_timeout(key.unsigned_abs() * 1_000_000);
            text(transaction.execute(statement).await.map(|()| "ok"))
        }
        other => panic!("{other} inside a transaction"),
    }
}

/// Returns the first step with another result than the recorded one.
fn difference(case: &Case) -> Option<String> {
    let results = Rc::<RefCell<Vec<String>>>::default();
    let mut runner = Runner::new(Playing { case: case.clone(), results: Rc::clone(&results) });
    let script: Script = "scenario pooler\n".parse().expect("a script");
    let outcome = runner.run(Plan::Script(&script));
    assert_eq!(outcome.violations, [], "{}", case.case);
    let results = results.borrow();
    assert_eq!(results.len(), case.steps.len(), "{}", case.case);
    case.steps.iter().zip(results.iter()).enumerate().find_map(|(at, ((step, expected), result))| {
        (result != expected).then(|| {
            let before = &case.steps[..at];
            format!(
                "{}: {step}\n  pgbouncer: {expected}\n  here:      {result}\n  after {before:?}",
                case.case
            )
        })
    })
}

#[test]
fn clients_of_a_pooler_receive_what_those_of_pgbouncer_do() {
    let lines = include_str!("fixtures/pgbouncer.jsonl").lines();
    let cases: Vec<Case> = lines.map(|line| serde_json::from_str(line).expect("a case")).collect();
    let differences: Vec<String> = cases.iter().filter_map(difference).collect();
    let first = differences.iter().take(3).cloned().collect::<Vec<_>>().join("\n\n");
    assert!(differences.is_empty(), "{} of {} cases differ:\n\n{first}", differences.len(), cases.len());
    assert_eq!(cases.len(), 60);
}
