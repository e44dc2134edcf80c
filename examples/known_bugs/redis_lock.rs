//! A lock in Redis that has two holders.
//!
//! Two editors change one document: each takes a lock in Redis (`SET lock owner NX PX 10000`), reads the document, works,
//! writes it, and releases the lock. The lock has two holders if Redis fails over before its replica has received the lock,
//! or if an editor is paused for longer than the lock lives. The edit of one of them is overwritten.
//!
//! The fix is a fencing token: an editor that begins writes a token that is higher than all before it into the document, and
//! the database rejects the edit of any other token. The token must come from where the document is. A counter in Redis is
//! lost by the same failover as the lock, and two editors have the same token.

use shakedown::prelude::*;
use shakedown::sim::env::Side;
use shakedown::sim::kv::{Client, CommandFault, Kv, KvFailover, KvFaults, KvProfile};
use shakedown::sim::label::Label;
use shakedown::sim::node::{CrashFault, CrashProfile};
use shakedown::sim::store::{Change, Row, Store, StoreProfile, Table};
use std::error::Error;

/// How long the lock lives.
const TTL: Duration = Duration::from_secs(10);
/// How long an edit takes.
const WORK: Duration = Duration::from_secs(3);
/// The pause before another attempt.
const RETRY: Duration = Duration::from_secs(1);
const EDITORS: u32 = 2;

const LOCKS: KvProfile = KvProfile {
    failovers_max: 1,
    faults: KvFaults {
        command: &[CommandFault::ResponseLost],
        failover: &[KvFailover::Crash(Duration::from_secs(1)), KvFailover::Partition(Duration::from_secs(1))],
        ..KvFaults::NONE
    },
    ..KvProfile::REDIS
};
const EDITOR: Role = Role::new(
    Label::new("editor"),
    &CrashProfile { before: &[CrashFault::Pause(Duration::from_secs(30))], ..CrashProfile::NEVER },
);

/// The document: the number of edits in it, who wrote the last one, and the token of the edit under way.
#[derive(Clone, Copy, Debug, serde::Serialize)]
struct Document {
    id: u32,
    edits: u32,
    writer: u32,
    token: u32,
}

impl Row for Document {
    type Key = u32;
    const TABLE: &'static str = "documents";
    fn key(&self) -> u32 {
        self.id
    }
}

/// An edit was committed; `edits` is the number of edits that the document has now.
#[derive(serde::Serialize)]
struct Saved {
    writer: u32,
    edits: u32,
}

impl Fact for Saved {
    fn sentence(&self) -> String {
        format!("saves the edit of editor {}: the document has {}", self.writer, self.edits)
    }
}

/// Where the token comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Token {
    None,
    Redis,
    Database,
}

struct RedisLock {
    token: Token,
}

impl Scenario for RedisLock {
    type Fact = Saved;

    fn name(&self) -> &str {
        "redis-lock"
    }

    fn build(&self, stage: &Stage<Saved>) {
        let server = |name: &'static str| stage.node(Role::outside(name.into()), |_| {});
        let store = Store::new(&server("database"), StoreProfile::CALM);
        let locks = Kv::with_replica(&server("redis-a"), &server("redis-b"), "locks", LOCKS);
        let facts = stage.facts().clone();
        let documents = Table::new(move |env, change: &Change<Document>| {
            let before = change.before.map_or(0, |document| document.writer);
            if let Some(Document { writer, edits, .. }) = change.after.filter(|after| after.writer != before)
            {
                facts.state(env, &Saved { writer, edits });
            }
        });
        store.plant(&documents, Document { id: 1, edits: 0, writer: 0, token: 0 });
        for number in 1..=EDITORS {
            let office = Office { store: store.clone(), documents: documents.clone(), token: self.token };
            let editor = stage.node(EDITOR, |_| {}).within(stage.entity("edit"));
            let locks = locks.clone();
            editor.clone().spawn(async move {
                editor.sleep(RETRY * (number - 1)).await;
                loop {
                    let attempt = editor.child("attempt");
                    let locks = locks.client(&attempt);
                    if let Ok(true) = edit(&attempt, &office, &locks, number).await {
                        return;
                    }
                    editor.sleep(RETRY).await;
                }
            });
        }
    }

    fn invariants(&self) -> Vec<Box<dyn Invariant<Saved>>> {
        let kept = invariant("no-edit-lost", |edits: &mut u32, at, saved: &Saved, findings| {
            if saved.edits <= *edits {
                findings
                    .violated("edit", &[at.event], || format!("editor {} overwrites an edit", saved.writer));
            }
            *edits = saved.edits;
        })
        .at_rest(|edits, _, findings| {
            if *edits < EDITORS {
                findings.violated("edit", &[], || format!("the document has {edits} of {EDITORS} edits"));
            }
        });
        vec![kept.about("the document has the edit of each editor").boxed()]
    }
}

#[derive(Clone)]
struct Office {
    store: Store,
    documents: Table<Document>,
    token: Token,
}

/// Takes the lock and edits; returns whether the edit is saved.
async fn edit(env: &Env, office: &Office, locks: &Client, number: u32) -> Result<bool, Box<dyn Error>> {
    let owner = env.scope_path().to_string();
    if !locks.set_if_absent("lock", owner.clone(), TTL).await? {
        return Ok(false);
    }
    let is_saved = edit_locked(env, office, locks, number).await;
    // If this fails, the lock expires.
    let _ = locks.del_if_equal("lock", owner).await;
    is_saved
}

async fn edit_locked(
    env: &Env,
    office: &Office,
    locks: &Client,
    number: u32,
) -> Result<bool, Box<dyn Error>> {
    let Office { store, documents, .. } = office;
    let mut tx = store.begin(env);
    let document = tx.lock(documents, &1).await?.ok_or("no document")?;
    let token = match office.token {
        Token::None => document.token,
        Token::Redis => u32::try_from(locks.incr_by("token", 1).await?)?,
        Token::Database => document.token + 1,
    };
    if token < document.token {
        return Ok(false);
    }
    tx.update(documents, Document { token, ..document }).await?;
    tx.commit("token").await?;
    env.sleep(WORK).await;
    env.crash_point(Side::Before, "write").await;
    let mut tx = store.begin(env);
    let now = tx.lock(documents, &1).await?.ok_or("no document")?;
    if office.token != Token::None && now.token != token {
        return Ok(false);
    }
    tx.update(documents, Document { edits: document.edits + 1, writer: number, ..now }).await?;
    tx.commit("edit").await?;
    Ok(true)
}

/// Returns the entry of the catalogue.
pub(crate) fn entry() -> Entry {
    let fencing =
        Guardrail::new("fencing-token", "the database rejects the edit of a former holder of the lock")
            .naive(NaiveForm::new("an editor that has taken the lock writes").breaks("no-edit-lost"));
    let durable = Guardrail::new("token-from-the-database", "the token comes from the database")
        .naive(NaiveForm::new("the token is a counter in Redis").breaks("no-edit-lost"));
    Entry::new("redis-lock", |ablation| {
        let token = match (ablation.keeps("fencing-token"), ablation.keeps("token-from-the-database")) {
            (false, _) => Token::None,
            (true, false) => Token::Redis,
            (true, true) => Token::Database,
        };
        RedisLock { token }
    })
    .about("two editors change one document under a lock in Redis")
    .assumes("the database does not fail, and an editor is paused for at most 30 s")
    .guardrail(fencing)
    .guardrail(durable)
}

#[cfg(test)]
mod tests {
    use super::entry;

    const FAILOVER: &str = "locks/goes down at @ edit-1/attempt-1 #1 = crash 1 s";
    const PARTITION: &str = "locks/goes down at @ edit-1/attempt-1 #1 = partition 1 s";
    const PAUSE: &str = "editor/before write @ edit-1/attempt-1 #1 = pause 30 s";

    #[test]
    fn a_failover_or_a_pause_gives_the_lock_to_two_editors() {
        for script in [FAILOVER, PARTITION, PAUSE] {
            entry().rehearse(&["fencing-token"]).script(script).violates("no-edit-lost");
        }
        entry().rehearse(&["fencing-token"]).deviations(0).allow_trivial().holds();
    }

    #[test]
    fn a_token_from_redis_is_lost_with_the_lock() {
        entry().rehearse(&["token-from-the-database"]).script(PARTITION).violates("no-edit-lost");
        entry().rehearse(&["token-from-the-database"]).script(PAUSE).holds();
    }

    #[test]
    fn a_token_from_the_database_holds_under_any_two_faults() {
        entry().rehearse(&[]).seeds(..300).deviations(2).holds();
    }
}
