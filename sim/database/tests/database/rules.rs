//! The properties of the core beside its equivalence to PostgreSQL: misuse is named, memory stays flat, commits are
//! recorded, standbys lag, failovers lose commits, runs repeat exactly.

use shakedown_database::{
    AdvisoryScope, Database, DatabaseError, Deferral, Failover, Isolation, Session, Statement, Step,
    TableDef, TableHandle, XactStatus,
};

type Pair = (i64, i64);

fn pairs(db: &mut Database) -> TableHandle<Pair> {
    db.create_table(TableDef::keyed("pair", |pair: &Pair| pair.0.into())).expect("a new name")
}

fn run<T>(db: &mut Database, session: Session, mut statement: Statement<T>) -> Result<T, DatabaseError> {
    db.poll(session, &mut statement, 0).done().expect("nobody is in the way")
}

#[test]
fn misuse_returns_an_error_that_names_the_call() {
    let (mut db, mut other) = (Database::new(0), Database::new(1));
    let (table, stranger) = (pairs(&mut db), pairs(&mut other));
    let (session, foreign) = (db.connect(), other.connect());
    let foreign_handle =
        |result: Result<_, DatabaseError>| matches!(result, Err(DatabaseError::ForeignHandle { .. }));
    assert!(foreign_handle(run(&mut db, session, stranger.get(1)).map(|_| ())));
    assert!(foreign_handle(run(&mut db, foreign, table.get(1)).map(|_| ())));
    assert!(matches!(db.table_named::<Pair>("nothing"), Err(DatabaseError::UndefinedTable { .. })));
    assert!(matches!(db.table_named::<String>("pair"), Err(DatabaseError::WrongRowType { .. })));
    let again = db.create_table(TableDef::unkeyed("pair") as TableDef<Pair>);
    assert!(matches!(again, Err(DatabaseError::DuplicateTable { .. })));
    let unnamed = run(&mut db, session, table.keys_in("no_index", [1]).select().build());
    assert!(matches!(unnamed, Err(DatabaseError::UndefinedObject { .. })));
    let mut once = table.get(1);
    assert!(matches!(db.poll(session, &mut once, 0), Step::Done(Ok(None))));
    assert!(matches!(db.poll(session, &mut once, 0), Step::Done(Err(DatabaseError::Misuse { .. }))));
    db.disconnect(session);
    assert!(matches!(run(&mut db, session, table.get(1)), Err(DatabaseError::ConnectionClosed)));
}

#[test]
fn a_session_runs_one_statement_at_a_time() {
    let mut db = Database::new(0);
    let table = pairs(&mut db);
    let (a, b) = (db.connect(), db.connect());
    run(&mut db, a, table.insert((1, 0)).build()).expect("free");
    run(&mut db, a, Statement::begin()).expect("free");
    run(&mut db, a, table.at(1).delete()).expect("free");
    let mut waiting = table.at(1).delete();
    assert!(matches!(db.poll(b, &mut waiting, 0), Step::Wait(_)));
    assert!(matches!(run(&mut db, b, table.get(1)), Err(DatabaseError::Misuse { .. })));
    run(&mut db, a, Statement::rollback()).expect("an end");
    assert_eq!(db.take_ready(), [b]);
    assert!(matches!(db.poll(b, &mut waiting, 0), Step::Done(Ok(_))));
}

#[test]
fn old_versions_are_vacuumed_unless_a_snapshot_needs_them() {
    let mut db = Database::new(0);
    let table = pairs(&mut db);
    let (a, reader) = (db.connect(), db.connect());
    run(&mut db, a, table.insert((1, 0)).build()).expect("free");
    let bump = |db: &mut Database| {
        for _ in 0..100 {
            run(db, a, table.at(1).update(|pair| (pair.0, pair.1 + 1))).expect("free");
        }
    };
    bump(&mut db);
    assert_eq!(db.versions(), 1);
    run(&mut db, reader, Statement::begin_at(Isolation::RepeatableRead)).expect("a block");
    run(&mut db, reader, table.get(1)).expect("a snapshot");
    bump(&mut db);
    assert_eq!(db.versions(), 101);
    assert_eq!(run(&mut db, reader, table.get(1)).expect("the old row").expect("there").1, 100);
    run(&mut db, reader, Statement::commit()).expect("an end");
    assert_eq!(db.versions(), 1);
}

#[test]
fn a_commit_lists_each_changed_row_once_with_its_first_and_last_state() {
    let mut db = Database::new(0);
    let table = pairs(&mut db);
    let session = db.connect();
    run(&mut db, session, table.insert((1, 0)).build()).expect("free");
    db.record_commits(true);
    run(&mut db, session, Statement::begin()).expect("a block");
    for _ in 0..3 {
        run(&mut db, session, table.at(1).update(|pair| (pair.0, pair.1 + 1))).expect("free");
    }
    run(&mut db, session, table.insert((2, 5)).build()).expect("free");
    run(&mut db, session, table.at(2).update(|pair| (pair.0, 6))).expect("free");
    run(&mut db, session, table.insert((3, 0)).build()).expect("free");
    run(&mut db, session, table.at(3).delete()).expect("free");
    assert!(db.take_commits().is_empty());
    run(&mut db, session, Statement::commit()).expect("an end");
    let commits = db.take_commits();
    let changes: Vec<(Option<Pair>, Option<Pair>)> = commits[0]
        .changes
        .iter()
        .filter_map(|change| change.of(table))
        .map(|(before, after)| (before.map(|row| *row), after.map(|row| *row)))
        .collect();
    assert_eq!(changes, [(Some((1, 0)), Some((1, 3))), (None, Some((2, 6)))]);
}

#[test]
fn a_standby_lags_and_a_failover_to_it_loses_what_it_had_not_replayed() {
    let mut db = Database::new(0);
    let table = pairs(&mut db);
    let session = db.connect();
    run(&mut db, session, table.insert((1, 0)).build()).expect("free");
    let standby = db.create_replica();
    let reader = db.connect_to_replica(standby).expect("a standby");
    run(&mut db, session, table.at(1).update(|pair| (pair.0, 1))).expect("free");
    run(&mut db, session, Statement::begin()).expect("a block");
    let xid = run(&mut db, session, Statement::compute(|scope| Ok(scope.transaction_id()))).expect("an id");
    run(&mut db, session, table.insert((2, 0)).build()).expect("free");
    run(&mut db, session, Statement::commit()).expect("told that it committed");
    let stale = run(&mut db, reader, table.get(1)).expect("a read").expect("there");
    assert_eq!((stale.1, db.lag(standby)), (0, Ok(2)));
    let refused = run(&mut db, reader, table.at(1).delete());
    assert_eq!(refused.map_err(|error| error.code()).err(), Some("25006"));
    db.replay(standby, db.last_commit() - 1).expect("a standby");
    assert_eq!(run(&mut db, reader, table.get(1)).expect("a read").expect("there").1, 1);
    assert_eq!(db.fail_over(standby, Failover::ToReplayed), Ok(1));
    let told = run(&mut db, session, table.get(1));
    assert_eq!(told.map_err(|error| error.code()).err(), Some("57P02"));
    let session = db.connect();
    assert_eq!(run(&mut db, session, table.get(2)).expect("a read"), None);
    assert_eq!(run(&mut db, session, table.get(1)).expect("a read").expect("there").1, 1);
    assert_eq!(db.transaction_status(xid), Some(XactStatus::Aborted));
}

#[test]
fn a_crash_keeps_what_committed_and_skips_reserved_sequence_values() {
    let mut db = Database::new(0);
    let table = pairs(&mut db);
    let ids = db.create_sequence(1);
    let session = db.connect();
    let add = move || table.insert_with(move |scope| Ok(vec![(scope.nextval(ids)?, 0)])).build();
    assert_eq!(run(&mut db, session, add()).expect("free")[0].0, 1);
    run(&mut db, session, Statement::begin()).expect("a block");
    run(&mut db, session, add()).expect("free");
    db.crash();
    let session = db.connect();
    assert_eq!(run(&mut db, session, table.all().select().build()).expect("a read").len(), 1);
    assert_eq!(run(&mut db, session, add()).expect("free")[0].0, 34);
}

#[test]
fn a_statement_end_unique_constraint_lets_keys_be_swapped() {
    let mut db = Database::new(0);
    let swap =
        TableDef::unkeyed("swap").unique("swap_key", Deferral::StatementEnd, |pair: &Pair| pair.0.into());
    let table = db.create_table(swap).expect("a new name");
    let session = db.connect();
    for key in [1, 2, 3] {
        run(&mut db, session, table.insert((key, key)).build()).expect("free");
    }
    run(&mut db, session, table.all().update(|pair| (pair.0 + 1, pair.1))).expect("no clash at the end");
    let clash = run(&mut db, session, table.keys_in("swap_key", [2]).update(|pair| (3, pair.1)));
    assert_eq!(clash.map_err(|error| error.code()).err(), Some("23505"));
}

#[test]
fn notices_are_sent_at_commit_and_only_to_listeners() {
    let mut db = Database::new(0);
    let (a, b, c) = (db.connect(), db.connect(), db.connect());
    run(&mut db, b, Statement::listen("jobs")).expect("free");
    run(&mut db, a, Statement::begin()).expect("a block");
    for payload in ["1", "1", "2"] {
        run(&mut db, a, Statement::notify("jobs", payload)).expect("free");
    }
    assert!(db.notified().is_empty());
    run(&mut db, a, Statement::commit()).expect("an end");
    assert_eq!(db.notified(), [b]);
    let payloads: Vec<String> =
        db.take_notifications(b).expect("open").into_iter().map(|notice| notice.payload).collect();
    assert_eq!(payloads, ["1", "2"]);
    run(&mut db, c, Statement::listen("jobs")).expect("free");
    assert!(db.take_notifications(c).expect("open").is_empty(), "what was sent before is missed");
}

/// Three sessions wait in a cycle, and the last one only because of its place in a queue: it moves forward, and nobody is a
/// victim.
#[test]
fn a_queue_is_rearranged_before_a_session_is_aborted_and_ends_the_transcript() {
    let mut db = Database::new(0);
    db.keep_transcript();
    let [reader, holder, writer] = [(); 3].map(|()| db.connect());
    let scope = AdvisoryScope::Session;
    run(&mut db, reader, Statement::advisory_lock_shared(1, scope)).expect("free");
    run(&mut db, holder, Statement::advisory_lock(2, scope)).expect("free");
    let mut write = Statement::advisory_lock(1, scope);
    let Step::Wait(wait) = db.poll(writer, &mut write, 0) else { panic!("the reader holds it") };
    let mut read = Statement::advisory_lock_shared(1, scope);
    assert!(matches!(db.poll(holder, &mut read, 0), Step::Wait(_)), "the writer is before it");
    let mut other = Statement::advisory_lock(2, scope);
    assert!(matches!(db.poll(reader, &mut other, 0), Step::Wait(_)), "the holder has it");
    assert_eq!(db.is_in_deadlock(writer), Ok(true));
    let [timer] = wait.timers[..] else { panic!("a wait has a deadlock timer") };
    db.timer(timer, timer.at);
    assert_eq!(db.is_in_deadlock(writer), Ok(false));
    assert_eq!(db.take_ready(), [holder]);
    assert!(matches!(db.poll(holder, &mut read, timer.at), Step::Done(Ok(()))));
    let transcript = db.take_transcript().expect("one is kept");
    assert_eq!(transcript.ends_early, Some("the check for deadlocks changes the order of a queue"));
}
