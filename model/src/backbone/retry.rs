//! Retries of transactions: above read committed, and after a deadlock at any level, a transaction may be rolled back
//! although nothing is wrong with it.
//!
//! Only a transaction that certainly had no effect is retried here. A commit of unknown outcome is left to the caller.

use shakedown_sim::{Duration, Env, StoreError};

/// How often a transaction is tried.
const TRIES: u32 = 8;

/// The first pause; each further one is twice as long.
const PAUSE: Duration = Duration::from_millis(10);

/// Returns the pauses between the tries.
fn pauses() -> impl Iterator<Item = Duration> {
    (0..TRIES - 1).map(|tried| PAUSE * (1 << tried))
}

/// Runs a whole transaction, from its beginning to its commit, and retries it while it is rolled back because of
/// others.
///
/// # Errors
/// The errors of the transaction: immediately if it may have had an effect or the error is permanent, after the last
/// try for a serialization failure or deadlock.
pub(crate) async fn in_transaction<T>(
    env: &Env,
    mut transaction: impl AsyncFnMut() -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    for pause in pauses() {
        match transaction().await {
            Err(error) if error.is_retryable() => {
                env.note(|| format!("retries its transaction after a {error}"));
                env.sleep(pause).await;
            }
            done => return done,
        }
    }
    transaction().await
}

#[cfg(test)]
mod tests {
    use super::{in_transaction, pauses};
    use shakedown_sim::*;
    use std::cell::RefCell;
    use std::rc::Rc;

    #[derive(Clone, serde::Serialize)]
    struct Counter(u32);

    impl Row for Counter {
        type Key = u32;
        const TABLE: &'static str = "counters";
        fn key(&self) -> u32 {
            0
        }
    }

    #[derive(serde::Serialize)]
    enum Nothing {}

    impl Fact for Nothing {
        fn sentence(&self) -> String {
            match *self {}
        }
    }

    /// Two clients that add one at the same moment, and their results, in the order of their arrival.
    struct Race {
        profile: StoreProfile,
        tries_again: bool,
        results: Rc<RefCell<Vec<Result<u32, StoreError>>>>,
    }

    async fn add(env: &Env, store: &Store, counters: &Table<Counter>) -> Result<u32, StoreError> {
        let mut tx = store.begin(env);
        let after = tx.get(counters, &0).await?.map_or(1, |counter| counter.0 + 1);
        tx.update(counters, Counter(after)).await?;
        tx.commit("add").await.map(|()| after)
    }

    impl Scenario for Race {
        type Fact = Nothing;

        fn name(&self) -> &str {
            "race"
        }

        fn build(&self, stage: &Stage<Nothing>) {
            // The runner builds the happy path first, to learn how long the workload takes.
            self.results.borrow_mut().clear();
            let server = stage.node(Role::outside("database".into()), |_| {});
            let (store, counters) = (Store::new(&server, self.profile), Table::new(|_, _| {}));
            store.plant(&counters, Counter(0));
            for _ in 0..2 {
                let (store, counters, results) = (store.clone(), counters.clone(), Rc::clone(&self.results));
                let tries_again = self.tries_again;
                let client = stage.node(Role::new("client".into(), &CrashProfile::NEVER), |_| {});
                let client = client.within(stage.entity("client"));
                client.clone().spawn(async move {
                    let added = match tries_again {
                        true => in_transaction(&client, async || add(&client, &store, &counters).await).await,
                        false => add(&client, &store, &counters).await,
                    };
                    results.borrow_mut().push(added);
                });
            }
        }

        fn invariants(&self) -> Vec<Box<dyn Invariant<Nothing>>> {
            Vec::new()
        }
    }

    fn results_of(profile: StoreProfile, tries_again: bool, script: &str) -> Vec<Result<u32, StoreError>> {
        let results = Rc::default();
        let script: Script = format!("scenario race\n{script}").parse().expect("well formed");
        let mut runner = Runner::new(Race { profile, tries_again, results: Rc::clone(&results) });
        let outcome = runner.run(Plan::Script(&script));
        assert!(outcome.violations.is_empty() && outcome.unapplied.is_empty(), "{:?}", runner.offers());
        results.take()
    }

    #[test]
    fn a_transaction_that_is_rolled_back_for_another_is_retried_and_finds_its_result() {
        for isolation in [Isolation::RepeatableRead, Isolation::Serializable] {
            let profile = StoreProfile { isolation, ..StoreProfile::CALM };
            assert_eq!(results_of(profile, false, ""), [Err(StoreError::SerializationFailure), Ok(1)]);
            assert_eq!(results_of(profile, true, ""), [Ok(1), Ok(2)]);
        }
    }

    #[test]
    fn each_pause_is_twice_as_long_as_the_last() {
        let millis: Vec<u128> = pauses().map(|pause| pause.as_millis()).collect();
        assert_eq!(millis, [10, 20, 40, 80, 160, 320, 640]);
    }

    #[test]
    fn a_commit_of_unknown_outcome_is_not_retried() {
        let profile = StoreProfile {
            commit_faults: &[CommitFault::ResponseLost],
            isolation: Isolation::Serializable,
            ..StoreProfile::CALM
        };
        let lost = results_of(profile, true, "store/commit add @ client-1 = response lost");
        assert_eq!(lost, [Err(StoreError::CommitUnknown), Ok(2)]);
    }
}
