//! Further statements of a transaction; [`Transaction::execute`] takes those that have no method.

use super::table::{Row, Table};
use super::transaction::{text_of, write};
use super::{Store, StoreError, Transaction};
use crate::access::{Access, Verb};
use crate::label::Label;
use crate::time::Duration;
use shakedown_database::{AdvisoryScope, LockWait, Sequence, Statement, TableHandle, TableLock};

const STATEMENT: Label = Label::new("statement");
const SAVEPOINT: Label = Label::new("savepoint");
pub(super) const ADVISORY: Label = Label::new("advisory lock");
const SEQUENCE: Label = Label::new("sequence");
const NOTIFY: Label = Label::new("notify");
const TRANSACTION: Label = Label::new("transaction id");

impl Store {
    /// Creates a sequence, whose first number is 1.
    pub fn sequence(&self) -> Sequence {
        self.0.with_database(|database| database.create_sequence(1))
    }

    /// Returns the table's handle in the database, for statements of the core; see [`Transaction::execute`].
    ///
    /// # Panics
    /// If it is a table of another store.
    pub fn handle<R: Row>(&self, table: &Table<R>) -> TableHandle<R> {
        table.within(&self.0, "Store::handle")
    }
}

impl Transaction {
    /// Runs any statement of the [`database`](crate::database): other paths and locks, sub-selects, `ON
    /// CONFLICT` on other constraints. It is not for those that begin or end a transaction.
    ///
    /// # Errors
    /// As the statement says.
    ///
    /// # Panics
    /// If a handle in it is of another store.
    pub async fn execute<T: 'static>(&mut self, statement: Statement<T>) -> Result<T, StoreError> {
        // Which tables it uses is not known here.
        self.line.looks_at(&self.line.server.commits);
        let result = self.line.run(STATEMENT, statement).await;
        self.line.note(|| (Vec::new(), "runs a statement".to_owned()));
        result
    }

    /// `UPDATE … WHERE key AND condition`: returns the new row, or `None` if no row satisfies the condition. After a wait,
    /// the condition and `set` see the row as it is then.
    ///
    /// # Errors
    /// As [`Transaction::lock`] and [`Transaction::update`].
    pub async fn update_where<R: Row>(
        &mut self,
        table: &Table<R>,
        key: &R::Key,
        condition: impl Fn(&R) -> bool + 'static,
        set: impl Fn(&R) -> R + 'static,
    ) -> Result<Option<R>, StoreError> {
        let handle = self.handle(table, "Transaction::update_where");
        let statement = handle.at(key.clone()).filter(condition).update(set);
        self.line.aims_at(|| text_of::<R>(key));
        let rows = self.line.run(table.0.name, statement).await?;
        self.line.note(|| {
            if rows.is_empty() {
                missed::<R>("update", key, "no such row, or not as it should be")
            } else {
                write::<R>("updates", key)
            }
        });
        Ok(rows.first().map(|row| R::clone(row)))
    }

    /// `INSERT … ON CONFLICT (key) DO UPDATE`: inserts the row, or sets the one with its key to what `merge`
    /// makes of the old and the new one. Returns the row as it is now.
    ///
    /// # Errors
    /// As [`Transaction::insert`].
    pub async fn insert_or_update<R: Row>(
        &mut self,
        table: &Table<R>,
        row: R,
        merge: impl Fn(&R, &R) -> R + 'static,
    ) -> Result<R, StoreError> {
        let handle = self.handle(table, "Transaction::insert_or_update");
        let statement = handle.insert(row.clone()).on_conflict_update(merge).build();
        self.line.aims_at(|| text_of::<R>(&row.key()));
        let rows = self.line.run(table.0.name, statement).await?;
        self.line.note(|| write::<R>("inserts or updates", &row.key()));
        Ok(rows.first().map_or(row, |row| R::clone(row)))
    }

    /// Deletes the row with this key; returns it as it was.
    ///
    /// # Errors
    /// As [`Transaction::lock`].
    pub async fn delete<R: Row>(&mut self, table: &Table<R>, key: &R::Key) -> Result<Option<R>, StoreError> {
        let handle = self.handle(table, "Transaction::delete");
        self.line.aims_at(|| text_of::<R>(key));
        let rows = self.line.run(table.0.name, handle.at(key.clone()).delete()).await?;
        self.line.note(|| {
            if rows.is_empty() {
                return missed::<R>("delete", key, "no such row");
            }
            let (key, table) = (text_of::<R>(key), R::TABLE);
            (vec![Access::new(Verb::Delete, table, &key)], format!("deletes {key} of {table}"))
        });
        Ok(rows.first().map(|row| self.seen(row)))
    }

    /// Rolls back, now: the same as dropping it.
    pub fn roll_back(self) {}

    /// Sets a savepoint.
    ///
    /// # Errors
    /// As [`Transaction::get`].
    pub async fn savepoint(&mut self, name: &str) -> Result<(), StoreError> {
        self.line.run(SAVEPOINT, Statement::savepoint(name)).await
    }

    /// Rolls back to a savepoint, which stays, and releases the row locks taken since; the transaction continues, also if
    /// a statement has failed.
    ///
    /// # Errors
    /// 3B001 if there is no such savepoint, [`StoreError::ConnectionLost`].
    pub async fn roll_back_to(&mut self, name: &str) -> Result<(), StoreError> {
        let rolled_back = self.line.run(SAVEPOINT, Statement::rollback_to(name)).await;
        self.line.server.tell_holders(&self.line.server.releases);
        rolled_back
    }

    /// Releases a savepoint; what came after it belongs to the transaction.
    ///
    /// # Errors
    /// 3B001 if there is no such savepoint, and as [`Transaction::get`].
    pub async fn release(&mut self, name: &str) -> Result<(), StoreError> {
        self.line.run(SAVEPOINT, Statement::release(name)).await
    }

    /// From now on a statement of this transaction waits this long for a lock; zero is without limit.
    ///
    /// # Errors
    /// As [`Transaction::get`].
    pub async fn limit_lock_waits(&mut self, to: Duration) -> Result<(), StoreError> {
        let to = u64::try_from(to.as_nanos()).unwrap_or(u64::MAX);
        self.line.run(STATEMENT, Statement::set_lock_timeout(to).local()).await
    }

    /// From now on a statement of this transaction takes this long at most; zero is without limit.
    ///
    /// # Errors
    /// As [`Transaction::get`].
    pub async fn limit_statements(&mut self, to: Duration) -> Result<(), StoreError> {
        let to = u64::try_from(to.as_nanos()).unwrap_or(u64::MAX);
        self.line.run(STATEMENT, Statement::set_statement_timeout(to).local()).await
    }

    /// Takes the advisory lock of this key until the transaction ends. For one that outlives it, see
    /// [`Connection::lock`](super::Connection::lock).
    ///
    /// # Errors
    /// As [`Transaction::lock`].
    pub async fn advisory_lock(&mut self, key: i64) -> Result<(), StoreError> {
        self.line.looks_at(&self.line.server.acquisitions);
        self.line.run(ADVISORY, Statement::advisory_lock(key, AdvisoryScope::Transaction)).await
    }

    /// Like [`Transaction::advisory_lock`], without waiting; returns whether the lock was free.
    ///
    /// # Errors
    /// As [`Transaction::get`].
    pub async fn try_advisory_lock(&mut self, key: i64) -> Result<bool, StoreError> {
        self.line.try_lock(Statement::try_advisory_lock(key, AdvisoryScope::Transaction)).await
    }

    /// Locks a whole table until the transaction ends (`LOCK TABLE`), as a change of its schema does: `ALTER TABLE` takes
    /// [`TableLock::AccessExclusive`], `CREATE INDEX` [`TableLock::Share`]. Every statement that conflicts waits, also
    /// behind a request that waits itself: an `ALTER TABLE` that waits for one long transaction blocks all readers.
    /// Limit the wait with [`Transaction::limit_lock_waits`].
    ///
    /// # Errors
    /// As [`Transaction::lock`]; [`StoreError::RowLocked`] with [`LockWait::NoWait`].
    pub async fn lock_table<R: Row>(
        &mut self,
        table: &Table<R>,
        mode: TableLock,
        wait: LockWait,
    ) -> Result<(), StoreError> {
        let handle = self.handle(table, "Transaction::lock_table");
        if wait == LockWait::Block {
            self.line.looks_at(&self.line.server.acquisitions);
        }
        self.line.run(table.0.name, handle.lock(mode, wait)).await?;
        self.line.note(|| {
            (vec![Access::new(Verb::Lock, R::TABLE, "")], format!("locks {} in mode {mode:?}", R::TABLE))
        });
        Ok(())
    }

    /// Returns the next number of a sequence.
    ///
    /// # Errors
    /// As [`Transaction::get`].
    ///
    /// # Panics
    /// If it is a sequence of another store.
    pub async fn next(&mut self, sequence: Sequence) -> Result<i64, StoreError> {
        self.line.touch();
        self.line.read(SEQUENCE, |scope| scope.nextval(sequence)).await
    }

    /// Returns the number of this transaction, assigned on first need (`pg_current_xact_id`). Numbers are not in the order
    /// of commits.
    ///
    /// # Errors
    /// As [`Transaction::get`].
    pub async fn id(&mut self) -> Result<u64, StoreError> {
        self.line.touch();
        self.line.read(TRANSACTION, |scope| Ok(scope.transaction_id().0)).await
    }

    /// Returns the number below which every transaction has ended (`pg_snapshot_xmin(pg_current_snapshot())`): no more rows
    /// of smaller numbers will appear. At read committed, call it before the read, so that the read is no older.
    ///
    /// # Errors
    /// As [`Transaction::get`].
    pub async fn horizon(&mut self) -> Result<u64, StoreError> {
        self.line.looks_at(&self.line.server.releases);
        self.line.read(TRANSACTION, |scope| Ok(scope.snapshot_xmin().0)).await
    }

    /// Sends a notice to every session that listens on the channel, when and if the transaction commits.
    ///
    /// # Errors
    /// As [`Transaction::get`].
    pub async fn notify(&mut self, channel: &str, payload: &str) -> Result<(), StoreError> {
        self.line.run(NOTIFY, Statement::notify(channel, payload)).await
    }
}

/// Returns the step of a statement that finds no row to act on.
fn missed<R: Row>(verb: &str, key: &R::Key, reason: &str) -> (Vec<Access>, String) {
    let key = text_of::<R>(key);
    let text = format!("does not {verb} {key} of {}: {reason}", R::TABLE);
    (vec![Access::new(Verb::Miss, R::TABLE, key)], text)
}
