//! List-append and register workloads: a few processes, interleaved by a seeded generator.

use std::collections::BTreeMap;
use std::rc::Rc;

use shakedown_database::{
    Database, DatabaseError, EventType, History, Isolation, Mop, Session, Statement, Step, TableDef,
    TableHandle,
};

/// A list (or, with its last element, a register) under a key.
#[derive(Clone, Debug)]
pub(crate) struct Cell {
    pub key: i64,
    pub values: Vec<i64>,
}

/// A small generator; the tests' only source of chance.
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

/// Which micro-operations a workload is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    ListAppend,
    Register,
}

enum Running {
    Read(i64, Statement<Option<Rc<Cell>>>),
    Write(Mop, Statement<Vec<Rc<Cell>>>),
    Begin(Statement<()>),
    End(Statement<shakedown_database::CommitOutcome>),
}

struct Process {
    session: Session,
    todo: Vec<Mop>,
    done: Vec<Mop>,
    running: Option<Running>,
    began: bool,
    active: bool,
}

/// What a workload left behind.
pub(crate) struct Outcome {
    pub history: History,
    pub committed: usize,
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
    committed: usize,
    timers: Vec<shakedown_database::Timer>,
}

const KEYS: u64 = 4;

/// Runs a workload of some transactions and writes its history.
pub(crate) fn run(kind: Kind, level: Isolation, seed: u64, processes: usize, transactions: usize) -> Outcome {
    let mut db = Database::new(0);
    let cells = db.create_table(TableDef::keyed("cell", |cell: &Cell| cell.key.into())).expect("a new name");
    let processes = (0..processes)
        .map(|_| Process {
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
        processes,
        history: History::default(),
        now: 0,
        next_value: BTreeMap::new(),
        committed: 0,
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
        workload.step(at);
    }
    Outcome { history: workload.history, committed: workload.committed }
}

impl Workload {
    fn invoke(&mut self, at: usize, chance: &mut Chance) {
        let mut mops = Vec::new();
        // One operation a transaction keeps a register's history one of single operations.
        let count = if self.kind == Kind::Register { 1 } else { 1 + chance.below(4) };
        for _ in 0..count {
            let key = chance.below(KEYS) as i64;
            let writes = chance.below(2) == 0;
            mops.push(match (self.kind, writes) {
                (Kind::ListAppend, false) => Mop::ReadList(key, None),
                (Kind::Register, false) => Mop::Read(key, None),
                (kind, true) => {
                    let value = self.next_value.entry(key).or_insert(0);
                    *value += 1;
                    if kind == Kind::ListAppend { Mop::Append(key, *value) } else { Mop::Write(key, *value) }
                }
            });
        }
        self.history.push(at, EventType::Invoke, self.now, mops.clone());
        mops.reverse();
        let process = &mut self.processes[at];
        process.todo = mops;
        process.done.clear();
        (process.active, process.began) = (true, false);
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
                Some(Mop::ReadList(key, _) | Mop::Read(key, _)) => Running::Read(key, cells.get(key)),
                Some(mop @ (Mop::Append(key, value) | Mop::Write(key, value))) => {
                    let first = Cell { key, values: vec![value] };
                    let merge = |old: &Cell, new: &Cell| {
                        let values = old.values.iter().chain(&new.values).copied().collect();
                        Cell { key: old.key, values }
                    };
                    Running::Write(mop, cells.insert(first).on_conflict_update(merge).build())
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
        let finished: Result<Option<Mop>, DatabaseError> = match &mut running {
            Running::Begin(statement) => match db.poll(session, statement, now) {
                Step::Done(answer) => answer.map(|()| None),
                Step::Wait(wait) => return self.park(at, running, wait.timers),
            },
            Running::Read(key, statement) => match db.poll(session, statement, now) {
                Step::Done(answer) => answer.map(|cell| {
                    let values = cell.map(|cell| cell.values.clone()).unwrap_or_default();
                    Some(if register {
                        Mop::Read(*key, values.last().copied())
                    } else {
                        Mop::ReadList(*key, Some(values))
                    })
                }),
                Step::Wait(wait) => return self.park(at, running, wait.timers),
            },
            Running::Write(mop, statement) => match db.poll(session, statement, now) {
                Step::Done(answer) => answer.map(|_| Some(mop.clone())),
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
            Ok(mop) => self.processes[at].done.extend(mop),
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
        self.history.push(at, kind, self.now, done);
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

    /// Everyone waits: the earliest timer comes next.
    fn pass_time(&mut self) {
        let next = self.timers.iter().copied().min_by_key(|timer| timer.at).expect("who waits has a timer");
        self.timers.retain(|timer| *timer != next);
        self.now = self.now.max(next.at);
        self.db.timer(next, self.now);
        self.pump();
    }
}
