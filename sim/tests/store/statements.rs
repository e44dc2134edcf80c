//! Interruptions before statements: pauses let transactions overlap that otherwise take no time, and connections break.

use shakedown_sim::search::{Bounded, explore_as, understand};
use shakedown_sim::*;

#[derive(Clone, serde::Serialize)]
struct Counter(u32);

impl Row for Counter {
    type Key = u32;
    const TABLE: &'static str = "counters";
    fn key(&self) -> u32 {
        0
    }
}

/// A client has added one, and made this of it.
#[derive(Clone, serde::Serialize)]
struct Added(u32);

impl Fact for Added {
    fn sentence(&self) -> String {
        format!("makes it {}", self.0)
    }
}

/// Verifies that each client has made another number of it.
#[derive(Default)]
struct NothingLost(Vec<u32>);

impl Invariant<Added> for NothingLost {
    fn name(&self) -> &'static str {
        "nothing-lost"
    }
    fn about(&self) -> &'static str {
        "always: no two clients make the same number of it"
    }
    fn reset(&mut self) {
        self.0.clear();
    }
    fn observe(&mut self, at: &At<'_>, Added(number): &Added, findings: &mut Findings) {
        if self.0.contains(number) {
            findings.violated("lost", &[at.event], || format!("two clients made {number} of it"));
        }
        self.0.push(*number);
    }
}

const CRASHING: CrashProfile = CrashProfile { before: &[CrashFault::Crash], ..CrashProfile::NEVER };

/// Two clients that add one, the second a tenth of a second after the first.
struct Adding {
    locks: bool,
}

impl Scenario for Adding {
    type Fact = Added;
    fn name(&self) -> &str {
        "adding"
    }
    fn invariants(&self) -> Vec<Box<dyn Invariant<Added>>> {
        vec![Box::new(NothingLost::default())]
    }
    fn build(&self, stage: &Stage<Added>) {
        let server = stage.node(Role::outside("database".into()), |_| {});
        let (store, counters) = (Store::new(&server, StoreProfile::CALM), Table::new(|_, _| {}));
        store.plant(&counters, Counter(0));
        for number in 0..2 {
            let (store, counters, facts) = (store.clone(), counters.clone(), stage.facts().clone());
            let locks = self.locks;
            let client = stage.node(Role::new("client".into(), &CRASHING), |_| {});
            let client = client.within(stage.entity("client"));
            client.clone().spawn(async move {
                client.sleep(Duration::from_millis(100 * number)).await;
                let mut tx = store.begin(&client);
                let read = if locks { tx.lock(&counters, &0).await } else { tx.get(&counters, &0).await };
                let Ok(Some(Counter(before))) = read else { return };
                let written = tx.update(&counters, Counter(before + 1)).await;
                if written.is_ok() && tx.commit("add").await.is_ok() {
                    facts.state(&client, &Added(before + 1));
                }
            });
        }
    }
}

/// The first client pauses between its read and its write, until the second one commits or waits.
const LOST: &str = "client/statement on counters @ client-1 #2 = pause until another commits or waits";

fn script(deviations: &str) -> Script {
    format!("scenario adding\n{deviations}").parse().expect("well formed")
}

#[test]
fn a_pause_between_read_and_write_loses_an_update_that_is_not_locked() {
    let violated = |locks| {
        let outcome = Runner::new(Adding { locks }).run(Plan::Script(&script(LOST)));
        assert_eq!(outcome.unapplied, []);
        outcome.violations.len()
    };
    assert_eq!((violated(false), violated(true)), (1, 0));
}

#[test]
fn a_pause_ends_when_another_transaction_commits_or_waits_or_after_900_ms() {
    // The time at which the first client has committed, in milliseconds.
    let committed = |locks, deviations: &str| {
        let (outcome, trace) =
            Runner::new(Adding { locks }).record(Plan::Script(&script(&format!("{LOST}\n{deviations}"))));
        assert_eq!(outcome.unapplied, []);
        let is_first = |step: &&Step| step.text.starts_with("makes it") && step.scope.starts_with("client-1");
        let step = trace.steps.iter().find(is_first).expect("the first client commits");
        Duration::from_nanos(step.time.nanos()).as_millis()
    };
    // The second client arrives after 100 ms: it commits, or waits for the lock.
    assert!((100..150).contains(&committed(false, "")));
    assert!((100..150).contains(&committed(true, "")));
    // It arrives later: a pause before its first statement is a short one.
    let later = "client/statement on counters @ client-2 #1 = pause 200 ms";
    assert!((300..350).contains(&committed(false, later)));
    // It never arrives.
    let crashes = "client/before add @ client-2 #1 = crash";
    assert!((900..950).contains(&committed(false, crashes)));
}

#[test]
fn a_statement_whose_connection_is_lost_fails_and_releases_its_locks() {
    let lost = script("client/statement on counters @ client-1 #2 = connection lost");
    let (outcome, trace) = Runner::new(Adding { locks: true }).record(Plan::Script(&lost));
    assert_eq!(outcome.unapplied, []);
    let with = |part: &str| {
        let texts = trace.steps.iter().map(|step| step.text.as_str());
        texts.filter(|text| text.contains(part)).collect::<Vec<_>>()
    };
    assert_eq!(with("loses its connection to the store").len(), 1, "{trace:?}");
    let added = with("makes it");
    assert!(matches!(added[..], [one] if one.ends_with("makes it 1")), "{added:?}");
}

#[test]
fn seeds_and_certificates_pause_only_if_told_to() {
    let explored =
        |profile: Profile, locks| explore_as(&mut Runner::new(Adding { locks }), profile, 0..200, 1);
    assert!(explored(Profile::MIXED, false).failing.is_empty());
    assert!(explored(Profile::MIXED.with_statements(), true).failing.is_empty());
    let campaign = explored(Profile::MIXED.with_statements(), false);
    let mut runner = Runner::new(Adding { locks: false });
    runner.run(campaign.plan(campaign.failing[0].seed));
    let found = runner.script();
    let failure = understand(&mut runner, &found, &campaign.failing[0].violations[0]);
    let shrunk: Vec<_> = failure.shrunk.deviations.iter().map(Deviation::to_string).collect();
    assert_eq!(shrunk, [LOST], "{failure}");

    let certified = |statements, locks| {
        let mut search = Bounded::new(vec![Variant::default()], 1, true).with_statements(statements);
        search.run(&mut Runner::new(Adding { locks }));
        search.broken().is_none()
    };
    assert!(certified(false, false) && certified(true, true) && !certified(true, false));
}

#[test]
fn a_run_without_pauses_is_the_same_run_whether_they_are_offered_or_not() {
    let mut runner = Runner::new(Adding { locks: false });
    for seed in 0..50 {
        let plain = runner.run(Plan::Seed(seed));
        let script = runner.script();
        let sites = runner.offers().len();
        assert_eq!(runner.run(Plan::Ordered(&script)), plain);
        assert!(runner.offers().len() > sites, "seed {seed} offers pauses");
    }
}
