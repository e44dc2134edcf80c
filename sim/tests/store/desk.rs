//! A scenario of clients of a store, each with a list of statements; the results of the statements and the durable
//! changes are recorded in order.

use shakedown_sim::*;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// A row.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize)]
pub(crate) struct Account {
    pub(crate) id: u32,
    pub(crate) code: Option<u64>,
    pub(crate) value: i64,
}

impl Row for Account {
    type Key = u32;
    const TABLE: &'static str = "accounts";
    fn key(&self) -> u32 {
        self.id
    }
    fn unique(&self) -> Option<u64> {
        self.code
    }
}

/// A statement. Those after a commit or a rollback belong to the next transaction; an error ends the client.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Do {
    /// States the value of a row, and takes no lock.
    Read(u32),
    /// States which row has this code.
    Find(u64),
    /// Inserts a row of value 0.
    Insert(u32, Option<u64>),
    /// Inserts a row of value 0 unless one of its keys is taken; states whether it did.
    InsertOrIgnore(u32, Option<u64>),
    /// Sets the value of a row.
    Set(u32, i64),
    /// Sets the code of a row.
    Rename(u32, u64),
    /// Locks a row and states its value.
    Lock(u32),
    /// Locks the first row that is not locked, and states its number.
    Claim,
    /// Locks a row, triples its value and adds this.
    Triple(u32, i64),
    /// Triples a row's value and adds this, with a plain read before the write.
    TripleUnlocked(u32, i64),
    /// Thinks for this many milliseconds.
    Wait(u64),
    /// Reaches a crash point.
    Think,
    Commit,
    Rollback,
}

/// An event.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub(crate) enum LogEntry {
    /// A client received this result.
    Said { client: u32, text: String },
    /// A client read this value.
    Read { key: u32, value: Option<i64> },
    /// The hook was called with this change.
    Changed(Option<Account>, Option<Account>),
}

impl Fact for LogEntry {
    fn sentence(&self) -> String {
        format!("{self:?}")
    }
}

type Record = Rc<RefCell<Vec<(u64, LogEntry)>>>;

/// Violates nothing, records everything.
struct Keeper(Record);

impl Invariant<LogEntry> for Keeper {
    fn name(&self) -> &'static str {
        "keeper"
    }
    fn about(&self) -> &'static str {
        "nothing"
    }
    fn reset(&mut self) {
        self.0.borrow_mut().clear();
    }
    fn observe(&mut self, at: &At<'_>, fact: &LogEntry, _: &mut Findings) {
        self.0.borrow_mut().push((at.time.nanos() / 1_000_000, fact.clone()));
    }
}

/// A client: its start time and its statements.
pub(crate) type Client = (u64, Vec<Do>);

pub(crate) struct Desk {
    clients: Vec<Client>,
    record: Record,
}

const FAULTS: &[CrashFault] =
    &[CrashFault::Crash, CrashFault::ShutDown, CrashFault::Pause(Duration::from_secs(3))];
const CLIENT: Role = Role::new(
    Label::new("client"),
    &CrashProfile {
        before: FAULTS,
        after: FAULTS,
        restart: Duration::from_secs(5),
        late_restart: &[],
        ..CrashProfile::NEVER
    },
);
const STORE: StoreProfile = StoreProfile {
    commit: Duration::from_millis(10),
    lock_timeout: Duration::from_secs(1),
    commit_faults: &[CommitFault::Fails, CommitFault::ResponseLost],
    notice: &[Duration::from_secs(120)],
    ..StoreProfile::CALM
};

impl Desk {
    pub(crate) fn new(clients: Vec<Client>) -> Self {
        Self { clients, record: Record::default() }
    }

    pub(crate) fn record(&self) -> Vec<(u64, LogEntry)> {
        self.record.borrow().clone()
    }
}

impl Scenario for Desk {
    type Fact = LogEntry;

    fn name(&self) -> &str {
        "desk"
    }

    fn horizon(&self, _: &Variant) -> Horizon {
        Horizon { heal: Duration::from_secs(600), settle: Duration::from_secs(600) }
    }

    fn build(&self, stage: &Stage<LogEntry>) {
        let server = stage.node(Role::outside("database".into()), |_| {});
        let (facts, store) = (stage.facts().clone(), Store::new(&server, STORE));
        let accounts = Table::new(move |env, change: &Change<Account>| {
            facts.state(env, &LogEntry::Changed(change.before, change.after));
        });
        (1..=3).for_each(|id| store.plant(&accounts, Account { id, code: Some(u64::from(id)), value: 0 }));
        for (number, (begins, does)) in (1..).zip(&self.clients) {
            let (scope, first) = (stage.entity("client"), Cell::new(true));
            let (facts, store, accounts) = (stage.facts().clone(), store.clone(), accounts.clone());
            let (begins, does) = (Duration::from_millis(*begins), does.clone());
            stage.node(CLIENT, move |env| {
                if first.replace(false) {
                    let env = env.within(scope);
                    let (facts, store, accounts, does) =
                        (facts.clone(), store.clone(), accounts.clone(), does.clone());
                    let at = Seat { env, facts, store, accounts, number };
                    at.env.clone().spawn(async move {
                        at.env.sleep(begins).await;
                        if let Err(error) = at.work(&does).await {
                            at.say(error.to_string());
                        }
                    });
                }
            });
        }
    }

    fn invariants(&self) -> Vec<Box<dyn Invariant<LogEntry>>> {
        vec![Box::new(Keeper(self.record.clone()))]
    }
}

/// A client's view of the desk.
struct Seat {
    env: Env,
    facts: Facts<LogEntry>,
    store: Store,
    accounts: Table<Account>,
    number: u32,
}

impl Seat {
    fn say(&self, text: impl Into<String>) {
        self.facts.state(&self.env, &LogEntry::Said { client: self.number, text: text.into() });
    }

    async fn work(&self, does: &[Do]) -> Result<(), StoreError> {
        for transaction in does.split_inclusive(|step| matches!(step, Do::Commit | Do::Rollback)) {
            let mut tx = self.store.begin(&self.env);
            for step in transaction {
                match step {
                    Do::Commit => break,
                    step => self.step(&mut tx, *step).await?,
                }
            }
            if let Some(Do::Commit) = transaction.last() {
                tx.commit("work").await?;
                self.say("commits");
            }
        }
        Ok(())
    }

    async fn step(&self, tx: &mut Transaction, step: Do) -> Result<(), StoreError> {
        let accounts = &self.accounts;
        let of = |id: u32, code: Option<u64>| Account { id, code, value: 0 };
        match step {
            Do::Read(key) => {
                let value = tx.get(accounts, &key).await?.map(|row| row.value);
                self.facts.state(&self.env, &LogEntry::Read { key, value });
            }
            Do::Find(code) => {
                let found = tx.get_by_unique(accounts, code).await?.map(|row| row.id);
                self.say(format!("finds {found:?}"));
            }
            Do::Insert(id, code) => {
                tx.insert(accounts, of(id, code)).await?;
                self.say("inserts");
            }
            Do::InsertOrIgnore(id, code) => {
                let did = tx.insert_or_ignore(accounts, of(id, code)).await?;
                self.say(if did { "inserts" } else { "is too late" });
            }
            Do::Set(key, value) => {
                let row = tx.get(accounts, &key).await?.unwrap_or(of(key, None));
                tx.update(accounts, Account { value, ..row }).await?;
            }
            Do::Rename(key, code) => {
                let row = tx.lock(accounts, &key).await?.unwrap_or(of(key, None));
                tx.update(accounts, Account { code: Some(code), ..row }).await?;
            }
            Do::Lock(key) => {
                let value = tx.lock(accounts, &key).await?.map(|row| row.value);
                self.say(format!("holds {key} at {value:?}"));
            }
            Do::Claim => {
                let claimed = tx.claim(accounts, |_| true).await?.map(|row| row.id);
                self.say(format!("claims {claimed:?}"));
            }
            Do::Triple(key, more) => {
                let row = tx.lock(accounts, &key).await?.unwrap_or(of(key, None));
                tx.update(accounts, Account { value: tripled(row.value, more), ..row }).await?;
            }
            Do::TripleUnlocked(key, more) => {
                let row = tx.get(accounts, &key).await?.unwrap_or(of(key, None));
                tx.update(accounts, Account { value: tripled(row.value, more), ..row }).await?;
            }
            Do::Wait(ms) => self.env.sleep(Duration::from_millis(ms)).await,
            Do::Think => self.env.crash_point(Side::Before, "thought").await,
            Do::Commit | Do::Rollback => {}
        }
        Ok(())
    }
}

/// Returns the new value; the result of two such changes depends on their order.
pub(crate) fn tripled(value: i64, more: i64) -> i64 {
    (value * 3 + more) % 1_000_003
}
