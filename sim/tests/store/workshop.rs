//! Small applications on a store, each in a form with a bug and in one without, for rehearsals: their clients start a
//! second apart, may pause between two statements, and may crash.

use crate::expectation::expect;
use shakedown_sim::*;
use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;

/// A row of an application.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize)]
pub(crate) struct Item {
    pub(crate) id: u32,
    pub(crate) value: i64,
}

impl Row for Item {
    type Key = u32;
    const TABLE: &'static str = "items";
    fn key(&self) -> u32 {
        self.id
    }
}

/// An event.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub(crate) enum Happened {
    /// A row was committed.
    Row(Item),
    /// The outside world saw this effect, on this object.
    Effect(u32),
    /// A client learned that its transaction committed.
    Told,
}

impl Fact for Happened {
    fn sentence(&self) -> String {
        format!("{self:?}")
    }
}

/// A claim about all events, with the second of each; the error describes the violation.
pub(crate) type Claim = fn(&[(u64, Happened)], at_rest: bool) -> Result<(), String>;

/// The program of a client.
pub(crate) type Program = fn(Client) -> Pin<Box<dyn Future<Output = Result<(), StoreError>>>>;

/// An application.
#[derive(Clone, Copy)]
pub(crate) struct Application {
    pub(crate) program: Program,
    pub(crate) rows: &'static [Item],
    pub(crate) claim: Claim,
    pub(crate) profile: StoreProfile,
    pub(crate) clients: u32,
}

const CLIENT: Role = Role::new(
    Label::new("client"),
    &CrashProfile {
        before: &[CrashFault::Crash],
        after: &[],
        restart: Duration::from_secs(5),
        late_restart: &[],
        ..CrashProfile::NEVER
    },
);

/// One client of the application: its handle of the world and its number, from one.
#[derive(Clone)]
pub(crate) struct Client {
    pub(crate) env: Env,
    pub(crate) store: Store,
    pub(crate) items: Table<Item>,
    pub(crate) numbers: Sequence,
    pub(crate) number: u32,
    facts: Facts<Happened>,
}

impl Client {
    /// Pauses, for no time unless it deviates.
    pub(crate) async fn think(&self) {
        const THINKS: Alternatives = Alternatives::new(&["at once", "2 s"]);
        let delay = self.env.choose_delay(Site::new("client".into(), "thinks".into()), &THINKS);
        self.env.sleep(delay).await;
    }

    pub(crate) fn effect(&self, on: u32) {
        self.facts.state(&self.env, &Happened::Effect(on));
    }

    pub(crate) fn told(&self) {
        self.facts.state(&self.env, &Happened::Told);
    }
}

impl Scenario for Application {
    type Fact = Happened;

    fn name(&self) -> &str {
        "workshop"
    }

    fn horizon(&self, _: &Variant) -> Horizon {
        Horizon { heal: Duration::from_secs(1_200), settle: Duration::from_secs(60) }
    }

    fn build(&self, stage: &Stage<Happened>) {
        let server = stage.node(Role::outside("database".into()), |_| {});
        let (facts, store) = (stage.facts().clone(), Store::new(&server, self.profile));
        let items = Table::new(move |env, change: &Change<Item>| {
            if let Some(item) = change.after {
                facts.state(env, &Happened::Row(item));
            }
        });
        self.rows.iter().for_each(|row| store.plant(&items, *row));
        let numbers = store.sequence();
        for number in 1..=self.clients {
            let (scope, first, program) = (stage.entity("client"), Cell::new(true), self.program);
            let client = (stage.facts().clone(), store.clone(), items.clone(), numbers);
            stage.node(CLIENT, move |env| {
                let ((facts, store, items, numbers), env) = (client.clone(), env.within(scope));
                let client = Client { env: env.clone(), store, items, numbers, number, facts };
                if first.replace(false) {
                    env.clone().spawn(async move {
                        env.sleep(Duration::from_secs(u64::from(number))).await;
                        // A client whose transaction the store rejects has done nothing; the claim decides whether
                        // that is right.
                        program(client).await.unwrap_or_default();
                    });
                }
            });
        }
    }

    fn invariants(&self) -> Vec<Box<dyn Invariant<Happened>>> {
        vec![Box::new(Judge { claim: self.claim, seen: Vec::new() })]
    }
}

struct Judge {
    claim: Claim,
    seen: Vec<(u64, Happened)>,
}

impl Judge {
    fn judge(&self, at_rest: bool, findings: &mut Findings) {
        if let Err(wrong) = (self.claim)(&self.seen, at_rest) {
            findings.violated("application", &[], || wrong);
        }
    }
}

impl Invariant<Happened> for Judge {
    fn name(&self) -> &'static str {
        "claim"
    }
    fn about(&self) -> &'static str {
        "what the application promises"
    }
    fn reset(&mut self) {
        self.seen.clear();
    }
    fn observe(&mut self, at: &At<'_>, fact: &Happened, findings: &mut Findings) {
        self.seen.push((at.time.nanos() / 1_000_000_000, fact.clone()));
        self.judge(false, findings);
    }
    fn at_rest(&mut self, _: Moment, findings: &mut Findings) {
        self.judge(true, findings);
    }
}

/// Returns the current rows.
pub(crate) fn rows(seen: &[(u64, Happened)], planted: &[Item]) -> std::collections::BTreeMap<u32, i64> {
    let committed = seen.iter().filter_map(|(_, happened)| match happened {
        Happened::Row(item) => Some(*item),
        _ => None,
    });
    planted.iter().copied().chain(committed).map(|item| (item.id, item.value)).collect()
}

/// Checks that this many deviations break the first form, and that none of them breaks the second.
pub(crate) fn check(naive: Application, sound: Application, deviations: usize) {
    let found = expect(naive).deviations(deviations).violates("claim");
    assert_eq!(found.found.deviations.len(), deviations, "{found}");
    expect(sound).deviations(deviations).holds();
}

/// Makes a program of an async closure.
macro_rules! program {
    ($client:ident, $body:block) => {
        |$client: Client| {
            let work: Pin<Box<dyn Future<Output = Result<(), StoreError>>>> = Box::pin(async move { $body });
            work
        }
    };
}
pub(crate) use program;
