//! A database core that behaves as PostgreSQL does under concurrency, including its failures.
//!
//! [`Database`] is a pure state machine. It keeps no clock, draws no random number, starts no thread and iterates
//! over nothing unordered: the caller passes the time, chooses the session that runs next, and fires the timers.
//! Equal calls give equal results.
//!
//! # How it is driven
//!
//! Build a [`Statement`] and pass it to [`Database::poll`]. It is either done, or it waits for another session. After
//! each call, [`Database::take_ready`] lists the sessions whose statements can continue, in the order in which they
//! began to wait. The [`Wait`] names the timers to fire with [`Database::timer`].
//!
//! # What is modelled
//!
//! - Row versions and snapshots; read committed with its row re-check, repeatable read, serializable.
//! - The four row-lock modes with waiting, `NOWAIT` and `SKIP LOCKED`; places in a row's queue; deadlocks,
//!   and the orders of queues that avoid them; lock, statement and idle timeouts; advisory locks of both scopes.
//! - Locks of tables in eight modes, taken by every statement, and the queue behind a strong one.
//! - Unique, deferred-unique, exclusion, check and foreign-key constraints as they behave in a race; the referential
//!   actions of `ON DELETE`.
//! - Savepoints, the failed-transaction state, sequences, `LISTEN`/`NOTIFY`, transaction ids and their fate.
//! - Commits whose record is durable before their effect is visible, clients that die and leave their locks behind,
//!   crashes, lagging replicas and a failover that loses commits.
//!
//! # What is not
//!
//! DDL itself (but for its locks on tables), `DEFERRABLE` transactions, two-phase commit, referential actions of `ON UPDATE`
//! other than `NO ACTION`, `SET CONSTRAINTS`, and planners (the caller names the path through a table). If several
//! sessions begin to wait at the same moment, the first one woken is the victim of a deadlock; on a real server this
//! depends on its scheduler.
//!
//! # Sources
//!
//! PostgreSQL 15 documentation, chapters "Concurrency Control", "Explicit Locking" and the statements' own pages; its
//! source where the module names it; and the replies of a running PostgreSQL 15, which the conformance tests replay.
//!
//! Modules in reading order. The caller's interface: `key`, `schema`, `rows`, `statement`, `session_statements`,
//! `scope`, `sequence`, `error`, `changes`, `notify`, `history`. State: `session`, `xact`, `heap`, `lock_mode`,
//! `lockers`, `lock_manager`. Running a statement: `drive`, `control`, `table_lock`, `scan`, `select`, `write`, `insert`, `row_lock`, `unique`,
//! `checks`, `deadlock`, `commit`. Records: `transcript`, `transcript_form`. Serializable: `ssi`, `ssi_conflicts`. Maintenance and failures: `vacuum`,
//! `replica`, `failover`.

mod changes;
mod checks;
mod commit;
mod control;
mod deadlock;
mod drive;
mod error;
mod failover;
mod heap;
mod history;
mod insert;
mod key;
mod lock_manager;
mod lock_mode;
mod lockers;
mod notify;
mod replica;
mod row_lock;
mod rows;
mod scan;
mod schema;
mod scope;
mod select;
mod sequence;
mod session;
mod session_statements;
mod ssi;
mod ssi_conflicts;
mod statement;
mod table_lock;
mod transcript;
mod transcript_form;
mod unique;
mod vacuum;
mod write;
mod xact;

use std::any::TypeId;
use std::collections::{BTreeMap, VecDeque};
use std::marker::PhantomData;

pub use changes::{BeforeAfter, CommitOutcome, CommitRecord, RowChange};
pub use error::{DatabaseError, SerializationCause};
pub use failover::Failover;
pub use history::{Event, EventType, History, Mop};
pub use key::{Key, Scalar};
pub use lock_mode::{LockMode, LockWait};
pub use notify::Notification;
pub use replica::Replica;
pub use rows::{Insert, Rows, Select};
pub use schema::{Deferral, TableDef, TableHandle};
pub use scope::Scope;
pub use select::Arrangement;
pub use sequence::Sequence;
pub use session::{DEADLOCK_TIMEOUT_NS, Session, Settings, Timer, TimerKind, WaitFor};
pub use statement::{AdvisoryScope, Statement, Step, Wait};
pub use table_lock::TableLock;
pub use transcript::{Transcript, TranscriptAction, TranscriptReply, TranscriptStep};
pub use xact::{Isolation, XactStatus, Xid};

use commit::Fates;
use heap::{Csn, TableState, Tid};
use lock_manager::LockManager;
use replica::ReplicaState;
use schema::TableId;
use sequence::SequenceState;
use session::SessionState;
use ssi::Ssi;

/// A database with its sessions. See the [module documentation](self).
pub struct Database {
    /// Its number, counted from one: zero marks a statement without a database.
    identity: u32,
    tables: Vec<TableState>,
    names: BTreeMap<String, TableId>,
    sequences: Vec<SequenceState>,
    sessions: Vec<SessionState>,
    free_slots: Vec<usize>,
    /// Every running transaction id and the session that runs it.
    live: BTreeMap<Xid, usize>,
    locks: LockManager,
    ssi: Ssi,
    fates: Fates,
    next_xid: u64,
    csn: Csn,
    now: u64,
    /// Numbers waits.
    epoch: u64,
    /// Numbers statements.
    serial: u64,
    ready: VecDeque<usize>,
    /// Versions that ended, with the commit that ended them.
    dead: VecDeque<(Csn, TableId, Tid)>,
    records_commits: bool,
    commits: Vec<CommitRecord>,
    replicas: Vec<Option<ReplicaState>>,
    /// How many row locks were passed over by `SKIP LOCKED`.
    skipped: u64,
    /// The transcript in progress, if one is kept.
    recorder: Option<Box<transcript::Recorder>>,
}

impl Database {
    /// Creates an empty database. Every handle carries the database's number, so that a handle of a database with
    /// another number is rejected: number the databases of a world differently.
    pub fn new(number: u16) -> Self {
        Self {
            identity: u32::from(number) + 1,
            tables: Vec::new(),
            names: BTreeMap::new(),
            sequences: Vec::new(),
            sessions: Vec::new(),
            free_slots: Vec::new(),
            live: BTreeMap::new(),
            locks: LockManager::default(),
            ssi: Ssi::default(),
            fates: Fates::default(),
            next_xid: 1,
            csn: 1,
            now: 0,
            epoch: 0,
            serial: 0,
            ready: VecDeque::new(),
            dead: VecDeque::new(),
            records_commits: false,
            commits: Vec::new(),
            replicas: Vec::new(),
            skipped: 0,
            recorder: None,
        }
    }

    /// Creates a table. The schema is fixed from then on.
    ///
    /// # Errors
    /// [`DatabaseError::DuplicateTable`], or an error that names the referenced table or constraint that is missing.
    pub fn create_table<R: 'static>(&mut self, def: TableDef<R>) -> Result<TableHandle<R>, DatabaseError> {
        let id = self.tables.len();
        let schema = def.erase(id, |database, parent, unique| self.parent_index(database, parent, unique))?;
        if self.names.contains_key(&schema.name) {
            return Err(DatabaseError::DuplicateTable { table: schema.name });
        }
        let parents: Vec<TableId> = schema.foreign_keys.iter().map(|fk| fk.parent).collect();
        self.names.insert(schema.name.clone(), id);
        self.tables.push(TableState::new(schema));
        for (number, parent) in parents.into_iter().enumerate() {
            self.tables[parent].referenced_by.push((id, number));
        }
        self.transcribe_table(id);
        Ok(TableHandle { database: self.identity, id, row: PhantomData })
    }

    /// Returns the handle of an existing table, if its rows are of that type.
    ///
    /// # Errors
    /// [`DatabaseError::UndefinedTable`], [`DatabaseError::WrongRowType`].
    pub fn table_named<R: 'static>(&self, name: &str) -> Result<TableHandle<R>, DatabaseError> {
        let undefined = || DatabaseError::UndefinedTable { table: name.to_owned() };
        let id = *self.names.get(name).ok_or_else(undefined)?;
        if self.tables[id].schema.row_type != TypeId::of::<R>() {
            return Err(DatabaseError::WrongRowType { table: name.to_owned() });
        }
        Ok(TableHandle { database: self.identity, id, row: PhantomData })
    }

    /// Returns the number of stored row versions, live and dead; vacuum keeps it small.
    pub fn versions(&self) -> usize {
        self.tables.iter().map(|table| table.heap.len()).sum()
    }

    fn parent_index(
        &self,
        database: u32,
        parent: TableId,
        unique: Option<&str>,
    ) -> Result<usize, DatabaseError> {
        if database != self.identity {
            return Err(DatabaseError::ForeignHandle { call: "create_table: foreign_key" });
        }
        self.tables[parent].schema.referenced(unique)
    }

    fn table<R: 'static>(&self, table: TableHandle<R>, call: &'static str) -> Result<TableId, DatabaseError> {
        if table.database == self.identity {
            Ok(table.id)
        } else {
            Err(DatabaseError::ForeignHandle { call })
        }
    }
}
