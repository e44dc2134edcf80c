//! Mistakes in using the store: each is a panic that names the call.

use crate::workshop::Item;
use shakedown_sim::*;

/// Runs a client of two stores that makes a mistake; returns the report of the run.
fn mistake<W: Future<Output = ()> + 'static>(work: fn(Env, [Store; 2], Table<Item>) -> W) -> String {
    struct Mistake<W>(fn(Env, [Store; 2], Table<Item>) -> W);
    #[derive(serde::Serialize)]
    enum Nothing {}
    impl Fact for Nothing {
        fn sentence(&self) -> String {
            match *self {}
        }
    }
    impl<W: Future<Output = ()> + 'static> Scenario for Mistake<W> {
        type Fact = Nothing;
        fn name(&self) -> &str {
            "mistake"
        }
        fn build(&self, stage: &Stage<Nothing>) {
            let servers = ["one", "other"].map(|name| stage.node(Role::outside(name.into()), |_| {}));
            let stores = servers.map(|server| Store::new(&server, StoreProfile::CALM));
            let client = stage.node(Role::outside("client".into()), |_| {});
            client.spawn(self.0(client.clone(), stores, Table::new(|_, _| {})));
        }
        fn invariants(&self) -> Vec<Box<dyn Invariant<Nothing>>> {
            Vec::new()
        }
    }
    let outcome = Runner::new(Mistake(work)).run(Plan::Seed(1));
    outcome.violations.into_iter().map(|violation| violation.message).collect()
}

fn check(message: &str, expected: &str) {
    assert!(message.contains(expected), "{message}");
}

#[test]
fn a_table_of_another_store_is_refused_by_name() {
    let message = mistake(|env, [one, other], items| async move {
        one.plant(&items, Item { id: 1, value: 0 });
        other.begin(&env).get(&items, &1).await.unwrap();
    });
    check(&message, "Transaction::get: `items` is a table of another store");
}

#[test]
fn a_second_table_of_one_name_is_refused() {
    let message = mistake(|_, [one, _], items| async move {
        one.plant(&items, Item { id: 1, value: 0 });
        one.plant(&Table::<Item>::new(|_, _| {}), Item { id: 2, value: 0 });
    });
    check(&message, "Store::plant: the store has another table of the name `items`");
}

#[test]
fn a_sequence_of_another_store_is_refused() {
    let message = mistake(|env, [one, other], _| async move {
        other.begin(&env).next(one.sequence()).await.unwrap();
    });
    check(&message, "nextval: the handle belongs to another database");
}

#[test]
fn a_statement_with_a_handle_of_another_store_or_a_name_that_is_not_there_is_refused() {
    let message = mistake(|env, [one, other], items| async move {
        let statement = one.handle(&items).get(1);
        drop(other.begin(&env).execute(statement).await);
    });
    check(&message, "the handle belongs to another database");
    let message = mistake(|env, [one, _], items| async move {
        let statement = one.handle(&items).keys_in("by_value", [1]).select().build();
        drop(one.begin(&env).execute(statement).await);
    });
    check(&message, "no object by_value");
}

#[test]
fn a_second_transaction_on_a_connection_is_refused() {
    let message = mistake(|env, [one, _], _| async move {
        let connection = one.connect(&env);
        let _open = connection.begin();
        connection.begin();
    });
    check(&message, "Connection::begin: a transaction is open on this connection");
}

#[test]
fn a_row_planted_twice_is_refused() {
    let message = mistake(|_, [one, _], items| async move {
        one.plant(&items, Item { id: 1, value: 0 });
        one.plant(&items, Item { id: 1, value: 0 });
    });
    check(&message, "Store::plant: duplicate key in `items`");
}

#[test]
fn an_undeclared_standby_is_refused() {
    let message = mistake(|env, [one, _], _| async move {
        drop(one.begin_on_standby(&env, Isolation::ReadCommitted));
    });
    check(&message, "Store::begin_on_standby: the profile has no standby");
}
