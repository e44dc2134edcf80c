//! Measures the cost of a statement of the database core: `cargo bench --manifest-path benchmarks/Cargo.toml --bench
//! database`.

use std::hint::black_box;
use std::time::Instant;

use shakedown_database::{Database, Session, Statement, Step, TableDef, TableHandle};

#[derive(Clone)]
struct Account {
    id: i64,
    balance: i64,
}

const ROWS: i64 = 1_000;
const ROUNDS: i64 = 200_000;

fn run<T>(db: &mut Database, session: Session, mut statement: Statement<T>) -> T {
    match db.poll(session, &mut statement, 0) {
        Step::Done(Ok(answer)) => answer,
        _ => panic!("no other session exists"),
    }
}

fn measure(name: &str, mut body: impl FnMut(i64)) {
    for round in 0..ROUNDS / 10 {
        body(-1 - round);
    }
    let start = Instant::now();
    for round in 0..ROUNDS {
        body(round);
    }
    println!("{name:<34}{:>6} ns", start.elapsed().as_nanos() / ROUNDS as u128);
}

fn accounts(db: &mut Database, session: Session) -> TableHandle<Account> {
    let table = db.create_table(TableDef::keyed("account", |a: &Account| a.id.into())).expect("a new name");
    for id in 0..ROWS {
        run(db, session, table.insert(Account { id, balance: 0 }).build());
    }
    table
}

fn main() {
    let mut db = Database::new(0);
    let (session, other) = (db.connect(), db.connect());
    let table = accounts(&mut db, session);
    let key = |round: i64| round.rem_euclid(ROWS);
    measure("get", |round| drop(black_box(run(&mut db, session, table.get(key(round))))));
    measure("update (implicit commit)", |round| {
        let add = table.at(key(round)).update(|a| Account { id: a.id, balance: a.balance + 1 });
        drop(black_box(run(&mut db, session, add)));
    });
    let mut last = ROWS;
    measure("insert (implicit commit)", |_| {
        last += 1;
        run(&mut db, session, table.insert(Account { id: last, balance: 0 }).build());
    });
    run(&mut db, session, table.all().filter(|account| account.id >= ROWS).delete());
    measure("begin, commit", |_| {
        run(&mut db, session, Statement::begin());
        run(&mut db, session, Statement::commit());
    });
    measure("begin, get, update, commit", |round| {
        run(&mut db, session, Statement::begin());
        run(&mut db, session, table.get(key(round)));
        let add = table.at(key(round)).update(|a| Account { id: a.id, balance: a.balance + 1 });
        run(&mut db, session, add);
        run(&mut db, session, Statement::commit());
    });
    measure("contended update (two sessions)", |round| {
        let add = move || table.at(key(round)).update(|a| Account { id: a.id, balance: a.balance + 1 });
        run(&mut db, session, Statement::begin());
        run(&mut db, session, add());
        let mut waiting = add();
        assert!(matches!(db.poll(other, &mut waiting, 0), Step::Wait(_)));
        run(&mut db, session, Statement::commit());
        assert_eq!(db.take_ready().len(), 1);
        assert!(matches!(db.poll(other, &mut waiting, 0), Step::Done(Ok(_))));
    });
    println!("{:<34}{:>6}", "versions left (of 1,000 rows)", db.versions());
}
