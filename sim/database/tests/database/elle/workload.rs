//! List-append and register workloads: a few processes, interleaved by a seeded generator.

use std::collections::BTreeMap;
use std::rc::Rc;

use shakedown_database::{
    Database, DatabaseError, EventType, History, Isolation, Key, Mop, Session, Statement, Step, TableDef,
    TableHandle,
};

/// A list (or, with its last element, a register) under a key.
#[derive(Clone, Debug)]
pub(crate) struct Cell {
    pub key: i64,
    pub values: Vec<i64>,
}

/// A small random generator, the only one of the tests.
pub(crate) struct Chance(pub u64);

impl Chance {
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        // SplitMix64 (Steele, Lea, Flood, 2014).
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % bound
    }
}

/// The micro-operations of a workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    ListAppend,
    Register,
}

/// The task of one statement of a transaction.
#[derive(Clone, Debug)]
enum Task {
    /// One read or one write.
    One(Mop),
    /// `SELECT … WHERE key BETWEEN`: a read of every key in the range.
    ReadRange(i64, i64),
    /// `UPDATE … WHERE key BETWEEN`: an append to every existing row.
    AppendRange(BTreeMap<i64, i64>),
}

impl Task {
    /// Returns the micro-operations as they are invoked.
    fn invoked(&self) -> Vec<Mop> {
        match self {
            Self::One(mop) => vec![mop.clone()],
            Self::ReadRange(low, high) => (*low..=*high).map(|key| Mop::ReadList(key, None)).collect(),
            Self::AppendRange(values) => {
                values.iter().map(|(key, value)| Mop::Append(*key, *value)).collect()
            }
        }
    }
}

enum Running {
    Read(i64, Statement<Option<Rc<Cell>>>),
    Write(Mop, Statement<Vec<Rc<Cell>>>),
    ReadRange(i64, i64, Statement<Vec<Rc<Cell>>>),
    AppendRange(BTreeMap<i64, i64>, Statement<Vec<Rc<Cell>>>),
    Begin(Statement<()>),
    End(Statement<shakedown_database::CommitOutcome>),
}

struct Process {
    /// Its number in the history; a process whose commit has an unknown outcome continues under another number.
    number: usize,
    session: Session,
    todo: Vec<Task>,
    done: Vec<Mop>,
    running: Option<Running>,
    began: bool,
    active: bool,
}

/// The result of a workload.
pub(crate) struct Outcome {
    pub history: History,
    pub committed: usize,
    /// The number of commits with an unknown outcome.
    pub unknown: usize,
}

struct Workload {
    db: Database,
    cells: TableHandle<Cell>,
    level: Isolation,
    kind: Kind,
    processes: Vec<Process>,
    history: History,
    now: u64,
    next_value: BTreeMap<i64, i64>,
    next_number: usize,
    committed: usize,
    unknown: usize,
    timers: Vec<shakedown_database::Timer>,
}

const KEYS: u64 = 4;

/// Runs a workload of some transactions and writes its history.
pub(crate) fn run(kind: Kind, level: Isolation, seed: u64, processes: usize, transactions: usize) -> Outcome {
    let mut db = Database::new(0);
    let cells = db.create_table(TableDef::keyed("cell", |cell: &Cell| cell.key.into())).expect("a new name");
    let processes: Vec<Process> = (0..processes)
        .map(|number| Process {
            number,
            session: db.connect(),
            todo: Vec::new(),
            done: Vec::new(),
            running: None,
            began: false,
            active: false,
        })
        .collect();
    let mut workload = Workload {
        db,
        cells,
        level,
        kind,
        next_number: processes.len(),
        processes,
        history: History::default(),
        now: 0,
        next_value: BTreeMap::new(),
        committed: 0,
        unknown: 0,
        timers: Vec::new(),
    };
    let mut chance = Chance(seed);
    let mut begun = 0;
    loop {
        workload.now += 1_000;
        let can_go =
            |process: &Process| process.running.is_none() && (process.active || begun < transactions);
        let able: Vec<usize> =
            (0..workload.processes.len()).filter(|at| can_go(&workload.processes[*at])).collect();
        if able.is_empty() {
            if workload.processes.iter().all(|process| process.running.is_none()) {
                break;
            }
            workload.pass_time();
            continue;
        }
        let at = able[chance.below(able.len() as u64) as usize];
        if !workload.processes[at].active {
            begun += 1;
            workload.invoke(at, &mut chance);
        }
        if workload.is_about_to_commit(at) && chance.below(8) == 0 {
            workload.lose_connection(at, chance.below(2) == 0);
        } else {
            workload.step(at);
        }
    }
    Outcome { history: workload.history, committed: workload.committed, unknown: workload.unknown }
}

/// Returns the statement of a single read or write.
fn one(cells: TableHandle<Cell>, mop: Mop) -> Running {
    match mop {
        Mop::ReadList(key, _) | Mop::Read(key, _) => Running::Read(key, cells.get(key)),
        Mop::Append(key, value) | Mop::Write(key, value) => {
            let first = Cell { key, values: vec![value] };
            let merge = |old: &Cell, new: &Cell| {
                let values = old.values.iter().chain(&new.values).copied().collect();
                Cell { key: old.key, values }
            };
            Running::Write(mop, cells.insert(first).on_conflict_update(merge).build())
        }
    }
}

/// Returns the result of a range read: absent rows are empty lists.
fn lists(low: i64, high: i64, rows: &[Rc<Cell>]) -> Vec<Mop> {
    let list =
        |key| rows.iter().find(|cell| cell.key == key).map_or_else(Vec::new, |cell| cell.values.clone());
    (low..=high).map(|key| Mop::ReadList(key, Some(list(key)))).collect()
}

impl Workload {
    fn invoke(&mut self, at: usize, chance: &mut Chance) {
        // One operation per transaction makes a register's history one of single operations.
        let count = if self.kind == Kind::Register { 1 } else { 1 + chance.below(4) };
        let mut tasks: Vec<Task> = (0..count).map(|_| self.task(chance)).collect();
        let mops = tasks.iter().flat_map(Task::invoked).collect();
        let process = &mut self.processes[at];
        self.history.push(process.number, EventType::Invoke, self.now, mops);
        tasks.reverse();
        process.todo = tasks;
        process.done.clear();
        (process.active, process.began) = (true, false);
    }

    fn task(&mut self, chance: &mut Chance) -> Task {
        let key = chance.below(KEYS) as i64;
        if self.kind == Kind::Register {
            let is_write = chance.below(2) == 0;
            return Task::One(if is_write { Mop::Write(key, self.value(key)) } else { Mop::Read(key, None) });
        }
        let high = (key + 1 + chance.below(2) as i64).min(KEYS as i64 - 1);
        match chance.below(8) {
            0..3 => Task::One(Mop::Append(key, self.value(key))),
            3..6 => Task::One(Mop::ReadList(key, None)),
            6 => Task::ReadRange(key, high),
            _ => Task::AppendRange((key..=high).map(|key| (key, self.value(key))).collect()),
        }
    }

    /// Returns a value that was not written under the key before.
    fn value(&mut self, key: i64) -> i64 {
        let value = self.next_value.entry(key).or_insert(0);
        *value += 1;
        *value
    }

    /// Returns whether the next statement of a list transaction is its commit.
    fn is_about_to_commit(&self, at: usize) -> bool {
        let process = &self.processes[at];
        self.kind == Kind::ListAppend && process.active && process.began && process.todo.is_empty()
    }

    /// Breaks the connection at the commit, before or after the server reads it: the client cannot distinguish the
    /// two.
    fn lose_connection(&mut self, at: usize, is_read: bool) {
        let session = self.processes[at].session;
        if is_read {
            let outcome = self.db.poll(session, &mut Statement::commit(), self.now);
            assert!(outcome.done().is_some(), "no check is deferred");
        }
        self.db.disconnect(session);
        self.processes[at].session = self.db.connect();
        self.unknown += 1;
        self.complete(at, EventType::Info);
        self.pump();
    }

    fn step(&mut self, at: usize) {
        let cells = self.cells;
        let process = &mut self.processes[at];
        process.running = Some(if !process.began {
            process.began = true;
            Running::Begin(Statement::begin_at(self.level))
        } else {
            match process.todo.pop() {
                None => Running::End(Statement::commit()),
                Some(Task::One(mop)) => one(cells, mop),
                Some(Task::ReadRange(low, high)) => {
                    let rows = cells.range(Key::from(low)..=Key::from(high));
                    Running::ReadRange(low, high, rows.select().build())
                }
                Some(Task::AppendRange(values)) => {
                    let keys = values.keys().copied().collect::<Vec<i64>>();
                    let rows = cells.all().filter(move |cell| keys.contains(&cell.key));
                    let appended = values.clone();
                    let statement = rows.update(move |cell| {
                        let new = appended.get(&cell.key).copied();
                        Cell { key: cell.key, values: cell.values.iter().copied().chain(new).collect() }
                    });
                    Running::AppendRange(values, statement)
                }
            }
        });
        self.drive(at);
        self.pump();
    }

    fn drive(&mut self, at: usize) {
        let Some(mut running) = self.processes[at].running.take() else {
            return;
        };
        let session = self.processes[at].session;
        let (db, now) = (&mut self.db, self.now);
        let register = self.kind == Kind::Register;
        let finished: Result<Vec<Mop>, DatabaseError> = match &mut running {
            Running::Begin(statement) => match db.poll(session, statement, now) {
                Step::Done(answer) => answer.map(|()| Vec::new()),
                Step::Wait(wait) => return self.park(at, running, wait.timers),
            },
            Running::Read(key, statement) => match db.poll(session, statement, now) {
                Step::Done(answer) => answer.map(|cell| {
                    let values = cell.map(|cell| cell.values.clone()).unwrap_or_default();
                    vec![if register {
                        Mop::Read(*key, values.last().copied())
                    } else {
                        Mop::ReadList(*key, Some(values))
                    }]
                }),
                Step::Wait(wait) => return self.park(at, running, wait.timers),
            },
            Running::Write(mop, statement) => match db.poll(session, statement, now) {
                Step::Done(answer) => answer.map(|_| vec![mop.clone()]),
                Step::Wait(wait) => return self.park(at, running, wait.timers),
            },
            Running::ReadRange(low, high, statement) => match db.poll(session, statement, now) {
                Step::Done(answer) => answer.map(|rows| lists(*low, *high, &rows)),
                Step::Wait(wait) => return self.park(at, running, wait.timers),
            },
            Running::AppendRange(values, statement) => match db.poll(session, statement, now) {
                Step::Done(answer) => answer.map(|rows| {
                    let append = |cell: &Rc<Cell>| Some(Mop::Append(cell.key, *values.get(&cell.key)?));
                    rows.iter().filter_map(append).collect()
                }),
                Step::Wait(wait) => return self.park(at, running, wait.timers),
            },
            Running::End(statement) => match db.poll(session, statement, now) {
                Step::Done(answer) => {
                    let kind = if answer.is_ok() { EventType::Ok } else { EventType::Fail };
                    self.committed += usize::from(answer.is_ok());
                    return self.complete(at, kind);
                }
                Step::Wait(wait) => return self.park(at, running, wait.timers),
            },
        };
        match finished {
            Ok(mops) => self.processes[at].done.extend(mops),
            Err(_) => {
                let mut rollback = Statement::rollback();
                let _ = self.db.poll(session, &mut rollback, self.now);
                self.complete(at, EventType::Fail);
            }
        }
    }

    fn park(&mut self, at: usize, running: Running, timers: Vec<shakedown_database::Timer>) {
        self.processes[at].running = Some(running);
        self.timers.extend(timers);
    }

    fn complete(&mut self, at: usize, kind: EventType) {
        let process = &mut self.processes[at];
        process.active = false;
        let done = std::mem::take(&mut process.done);
        self.history.push(process.number, kind, self.now, done);
        if kind == EventType::Info {
            process.number = self.next_number;
            self.next_number += 1;
        }
    }

    fn pump(&mut self) {
        loop {
            let ready = self.db.take_ready();
            if ready.is_empty() {
                return;
            }
            for session in ready {
                let waiting = |process: &Process| process.session == session && process.running.is_some();
                if let Some(at) = self.processes.iter().position(waiting) {
                    self.drive(at);
                }
            }
        }
    }

    /// All sessions wait: fires the earliest timer.
    fn pass_time(&mut self) {
        let next = self.timers.iter().copied().min_by_key(|timer| timer.at).expect("who waits has a timer");
        self.timers.retain(|timer| *timer != next);
        self.now = self.now.max(next.at);
        self.db.timer(next, self.now);
        self.pump();
    }
}
