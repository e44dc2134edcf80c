//! Application bugs from production, each found by the core, and each with a fix that holds.

use std::rc::Rc;

use shakedown_database::{
    AdvisoryScope, CommitOutcome, Database, DatabaseError, Isolation, LockMode, LockWait, Session, Statement,
    Step, TableDef, TableHandle, WaitFor, XactStatus, Xid,
};

/// A slot taken in a room of limited capacity; also a job, an account, a counter: an id and a number.
#[derive(Clone, Debug, PartialEq)]
struct Item {
    id: i64,
    value: i64,
}

/// A message to be sent, with the transaction that wrote it.
#[derive(Clone, Debug)]
struct Message {
    id: i64,
    xid: Xid,
}

struct World {
    db: Database,
    items: TableHandle<Item>,
    a: Session,
    b: Session,
}

fn world(rows: &[(i64, i64)]) -> World {
    let mut db = Database::new(0);
    let items = db.create_table(TableDef::keyed("item", |item: &Item| item.id.into())).expect("a new name");
    let (a, b) = (db.connect(), db.connect());
    let mut world = World { db, items, a, b };
    for (id, value) in rows {
        world.now(a, items.insert(Item { id: *id, value: *value }).build());
    }
    world
}

impl World {
    /// Runs a statement that must not wait.
    fn try_now<T>(&mut self, session: Session, mut statement: Statement<T>) -> Result<T, DatabaseError> {
        match self.db.poll(session, &mut statement, 0) {
            Step::Done(answer) => answer,
            Step::Wait(wait) => panic!("waits for {:?}", wait.on),
        }
    }

    /// Runs a statement that must succeed at once.
    fn now<T>(&mut self, session: Session, statement: Statement<T>) -> T {
        self.try_now(session, statement).expect("the statement succeeds")
    }

    /// Runs a statement that must wait.
    fn waits<T>(&mut self, session: Session, mut statement: Statement<T>) -> Statement<T> {
        assert!(matches!(self.db.poll(session, &mut statement, 0), Step::Wait(_)), "the statement waits");
        statement
    }

    /// Completes a statement that waited.
    fn resumed<T>(&mut self, session: Session, mut statement: Statement<T>) -> Result<T, DatabaseError> {
        assert!(self.db.take_ready().contains(&session), "the session has been woken");
        self.db.poll(session, &mut statement, 0).done().expect("the statement is over")
    }

    fn values(&mut self) -> Vec<(i64, i64)> {
        let rows = self.now(self.a, self.items.all().in_key_order().select().build());
        rows.iter().map(|item| (item.id, item.value)).collect()
    }
}

/// Reads the number of items and adds one if there is room for it.
fn take_if_room(world: &mut World, session: Session) -> bool {
    let taken = world.now(session, world.items.all().select().build());
    taken.len() < 2
}

fn both_take(level: Isolation, guard: bool) -> (usize, Vec<Result<CommitOutcome, DatabaseError>>) {
    let mut world = world(&[(1, 0)]);
    let (a, b, items) = (world.a, world.b, world.items);
    let lock = || Statement::advisory_lock(7, AdvisoryScope::Transaction);
    world.now(a, Statement::begin_at(level));
    world.now(b, Statement::begin_at(level));
    let mut ends = Vec::new();
    if guard {
        world.now(a, lock());
        assert!(take_if_room(&mut world, a));
        world.now(a, items.insert(Item { id: 2, value: 0 }).build());
        let waiting = world.waits(b, lock());
        ends.push(world.try_now(a, Statement::commit()));
        world.resumed(b, waiting).expect("the lock is free");
        assert!(!take_if_room(&mut world, b), "the second one sees that there is no room");
    } else {
        assert!(take_if_room(&mut world, a) && take_if_room(&mut world, b));
        world.now(a, items.insert(Item { id: 2, value: 0 }).build());
        world.now(b, items.insert(Item { id: 3, value: 0 }).build());
        ends.push(world.try_now(a, Statement::commit()));
    }
    ends.push(world.try_now(b, Statement::commit()));
    (world.values().len(), ends)
}

#[test]
fn check_then_insert_overfills_at_read_committed_and_a_lock_or_serializable_holds() {
    assert_eq!(both_take(Isolation::ReadCommitted, false).0, 3, "one too many");
    assert_eq!(both_take(Isolation::ReadCommitted, true).0, 2);
    let (taken, ends) = both_take(Isolation::Serializable, false);
    assert_eq!(taken, 2);
    assert_eq!(ends[1].as_ref().map_err(DatabaseError::code), Err("40001"));
}

#[test]
fn a_read_modify_write_loses_an_update_and_arithmetic_in_the_statement_does_not() {
    let mut world = world(&[(1, 10)]);
    let (a, b, items) = (world.a, world.b, world.items);
    let add = |read: Rc<Item>| items.at(1).update(move |_| Item { id: 1, value: read.value + 1 });
    let (first, second) = (world.now(a, items.get(1)), world.now(b, items.get(1)));
    world.now(a, add(first.expect("there")));
    world.now(b, add(second.expect("there")));
    assert_eq!(world.values(), [(1, 11)], "one of two increments is lost");
    for session in [a, b] {
        world.now(session, items.at(1).update(|item| Item { id: 1, value: item.value + 1 }));
    }
    assert_eq!(world.values(), [(1, 13)]);
}

#[test]
fn a_lost_update_is_refused_at_repeatable_read() {
    let mut world = world(&[(1, 10)]);
    let (a, b, items) = (world.a, world.b, world.items);
    for session in [a, b] {
        world.now(session, Statement::begin_at(Isolation::RepeatableRead));
        world.now(session, items.get(1));
    }
    world.now(a, items.at(1).update(|_| Item { id: 1, value: 11 }));
    world.now(a, Statement::commit());
    let refused = world.try_now(b, items.at(1).update(|_| Item { id: 1, value: 11 }));
    assert_eq!(refused.map_err(|error| error.code()).err(), Some("40001"));
}

fn both_leave_duty(level: Isolation) -> (i64, Result<CommitOutcome, DatabaseError>) {
    let mut world = world(&[(1, 1), (2, 1)]);
    let (a, b, items) = (world.a, world.b, world.items);
    for session in [a, b] {
        world.now(session, Statement::begin_at(level));
        let on_duty = world.now(session, items.all().filter(|item| item.value == 1).select().build());
        assert_eq!(on_duty.len(), 2, "both think that the other one stays");
    }
    world.now(a, items.at(1).update(|_| Item { id: 1, value: 0 }));
    world.now(b, items.at(2).update(|_| Item { id: 2, value: 0 }));
    world.now(a, Statement::commit());
    let end = world.try_now(b, Statement::commit());
    (world.values().iter().map(|(_, value)| value).sum(), end)
}

#[test]
fn write_skew_passes_under_snapshot_and_not_at_serializable() {
    let (on_duty, end) = both_leave_duty(Isolation::RepeatableRead);
    assert_eq!((on_duty, end), (0, Ok(CommitOutcome::Committed)));
    let (on_duty, end) = both_leave_duty(Isolation::Serializable);
    assert_eq!(on_duty, 1);
    assert_eq!(end.map_err(|error| error.code()), Err("40001"));
}

#[test]
fn an_outbox_cursor_on_the_id_misses_a_late_commit_and_one_on_transaction_and_id_does_not() {
    let mut world = world(&[]);
    let outbox =
        world.db.create_table(TableDef::keyed("outbox", |m: &Message| m.id.into())).expect("a new name");
    let ids = world.db.create_sequence(1);
    let (a, b) = (world.a, world.b);
    let poller = world.db.connect();
    let write = || {
        outbox
            .insert_with(move |scope| {
                Ok(vec![Message { id: scope.nextval(ids)?, xid: scope.transaction_id() }])
            })
            .build()
    };
    let by_id = |after: i64| outbox.all().filter(move |m| m.id > after).select().build();
    let complete = |after: (Xid, i64)| {
        let horizon = Statement::compute(|scope| Ok(scope.snapshot_xmin()));
        horizon.then(move |xmin, _| {
            let new = outbox.all().filter(move |m| m.xid < xmin && (m.xid, m.id) > after);
            Ok(new.select().order_by(|m| (m.xid.0 as i64, m.id).into()).build())
        })
    };
    world.now(a, Statement::begin());
    world.now(a, write());
    world.now(b, write());
    let seen: Vec<i64> = world.now(poller, by_id(0)).iter().map(|m| m.id).collect();
    assert_eq!(seen, [2], "the later id commits first");
    assert!(world.now(poller, complete((Xid(0), 0))).is_empty(), "nothing is complete yet");
    world.now(a, Statement::commit());
    assert!(world.now(poller, by_id(2)).is_empty(), "message 1 is never sent");
    let seen: Vec<i64> = world.now(poller, complete((Xid(0), 0))).iter().map(|m| m.id).collect();
    assert_eq!(seen, [1, 2]);
}

#[test]
fn a_retry_after_a_lost_commit_reply_pays_twice_without_a_key_or_status_check() {
    let mut world = world(&[(1, 100)]);
    let (a, items) = (world.a, world.items);
    let pay = || items.at(1).update(|item| Item { id: 1, value: item.value - 10 });
    world.now(a, Statement::begin());
    let xid = world.now(a, Statement::compute(|scope| Ok(scope.transaction_id())));
    world.now(a, pay());
    world.now(a, items.insert(Item { id: 77, value: 0 }).build());
    // The server commits; the reply is lost with the connection.
    world.now(a, Statement::commit());
    world.db.disconnect(a);
    world.a = world.db.connect();
    let retry = world.db.connect();
    world.now(retry, pay());
    assert_eq!(world.values()[0], (1, 80), "paid twice");
    // A key written in the same transaction rejects the repetition.
    world.now(retry, Statement::begin());
    world.now(retry, pay());
    let repeated = world.try_now(retry, items.insert(Item { id: 77, value: 0 }).build());
    assert_eq!(repeated.map_err(|error| error.code()).err(), Some("23505"));
    world.now(retry, Statement::rollback());
    assert_eq!(world.db.transaction_status(xid), Some(XactStatus::Committed));
    assert_eq!(world.values()[0], (1, 80), "and not a third time");
}

#[test]
fn a_commit_that_is_durable_but_unacknowledged_is_invisible_and_survives_the_end_of_its_session() {
    let mut world = world(&[(1, 100)]);
    let (a, b, items) = (world.a, world.b, world.items);
    world.now(a, Statement::begin());
    let xid = world.now(a, Statement::compute(|scope| Ok(scope.transaction_id())));
    world.now(a, items.at(1).update(|_| Item { id: 1, value: 90 }));
    let mut commit = Statement::commit_in_two_steps();
    let Step::Wait(wait) = world.db.poll(a, &mut commit, 0) else {
        panic!("the commit waits to be acknowledged")
    };
    assert_eq!(wait.on, WaitFor::Acknowledgement);
    assert_eq!(world.now(b, items.get(1)).expect("there").value, 100);
    assert_eq!(world.db.transaction_status(xid), Some(XactStatus::InProgress));
    world.db.terminate(a).expect("the session is open");
    assert_eq!(world.now(b, items.get(1)).expect("there").value, 90);
    assert_eq!(world.db.transaction_status(xid), Some(XactStatus::Committed));
}

#[test]
fn a_dead_clients_lock_lives_until_the_server_notices_and_a_lock_timeout_bounds_the_wait() {
    let mut world = world(&[(1, 10)]);
    let (a, b, items) = (world.a, world.b, world.items);
    let touch = || items.at(1).update(|item| Item { id: 1, value: item.value + 1 });
    world.now(a, Statement::begin());
    world.now(a, touch());
    world.db.client_gone(a, None::<Statement<()>>).expect("the session is open");
    world.now(b, Statement::set_lock_timeout(2_000_000_000));
    let mut waiting = touch();
    let Step::Wait(wait) = world.db.poll(b, &mut waiting, 0) else { panic!("the dead client holds the row") };
    for timer in wait.timers {
        world.db.timer(timer, timer.at);
    }
    assert_eq!(world.resumed(b, waiting).map_err(|error| error.code()).err(), Some("55P03"));
    let waiting = world.waits(b, touch());
    world.db.terminate(a).expect("the session is open");
    assert_eq!(world.resumed(b, waiting).expect("the row is free")[0].value, 11);
}

#[test]
fn a_statement_of_a_dead_client_still_commits() {
    let mut world = world(&[(1, 10)]);
    let (a, b, items) = (world.a, world.b, world.items);
    world.now(a, Statement::begin());
    world.now(a, items.at(1).select().for_update().build());
    let waiting = world.waits(b, items.at(1).update(|item| Item { id: 1, value: item.value + 5 }));
    world.db.client_gone(b, Some(waiting)).expect("the session is open");
    world.now(a, Statement::commit());
    assert!(world.db.take_ready().is_empty(), "nobody is there to be told");
    assert_eq!(world.values(), [(1, 15)]);
}

#[test]
fn two_workers_without_skip_locked_take_turns_and_with_it_take_different_jobs() {
    let mut world = world(&[(1, 0), (2, 0)]);
    let (a, b, items) = (world.a, world.b, world.items);
    let next = |wait| {
        let todo = items.all().in_key_order().filter(|job| job.value == 0).select().limit(1);
        todo.lock(LockMode::Update, wait).build()
    };
    // Without a lock both take the same job.
    let peek = || items.all().in_key_order().filter(|job| job.value == 0).select().limit(1).build();
    assert_eq!(world.now(a, peek())[0].id, world.now(b, peek())[0].id);
    world.now(a, Statement::begin());
    world.now(b, Statement::begin());
    assert_eq!(world.now(a, next(LockWait::Block))[0].id, 1);
    let waiting = world.waits(b, next(LockWait::Block));
    world.now(a, Statement::rollback());
    assert_eq!(world.resumed(b, waiting).expect("the job is free")[0].id, 1);
    world.now(a, Statement::begin());
    assert_eq!(world.now(a, next(LockWait::SkipLocked))[0].id, 2);
}

#[test]
fn an_advisory_lock_of_the_wrong_scope_outlives_its_transaction_or_ends_before_its_work() {
    let mut world = world(&[]);
    let (a, b) = (world.a, world.b);
    let try_lock = || Statement::try_advisory_lock(9, AdvisoryScope::Session);
    // Session scope: a rollback does not release it, so a pooled connection keeps it.
    world.now(a, Statement::begin());
    world.now(a, Statement::advisory_lock(9, AdvisoryScope::Session));
    world.now(a, Statement::rollback());
    assert!(!world.now(b, try_lock()), "leaked");
    assert!(world.now(a, Statement::advisory_unlock(9)));
    // Transaction scope outside a block: it is released when the statement that took it ends.
    world.now(a, Statement::advisory_lock(9, AdvisoryScope::Transaction));
    assert!(world.now(b, try_lock()), "it never guarded anything");
    assert!(world.now(b, Statement::advisory_unlock(9)));
    // The right scope for work in a transaction.
    world.now(a, Statement::begin());
    world.now(a, Statement::advisory_lock(9, AdvisoryScope::Transaction));
    assert!(!world.now(b, try_lock()));
    world.now(a, Statement::rollback());
    assert!(world.now(b, try_lock()));
}
