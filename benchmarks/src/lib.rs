//! The runs of the benchmarks: whole runs of a scenario, with the digest computed and every invariant judging.

pub mod results;

use shakedown_scenarios::booking::Booking;
use shakedown_sim::*;

/// Returns the guarded booking scenario and its happy path: one customer, one intent.
///
/// # Panics
/// If the scenario no longer knows the variant.
pub fn booking() -> (Runner<Booking>, Script) {
    let variant = "partner=keys customers=1 intents=1".parse().expect("the variant is well formed");
    let script = Script { scenario: "booking".to_owned(), variant, ..Script::default() };
    (Runner::new(Booking::without(&[]).expect("nothing is taken out")), script)
}

/// A day in which nothing happens: one node that sleeps through it, one poller that finds nothing.
pub struct Idle;

/// No fact is ever stated.
#[derive(serde::Serialize)]
pub enum Nothing {}

impl Fact for Nothing {
    fn sentence(&self) -> String {
        match *self {}
    }
}

impl Scenario for Idle {
    type Fact = Nothing;

    fn name(&self) -> &str {
        "idle"
    }
    fn horizon(&self, _: &Variant) -> Horizon {
        Horizon { heal: DAY, settle: DAY }
    }
    fn build(&self, stage: &Stage<Nothing>) {
        let sleeper = stage.node(Role::outside("sleeper".into()), |_| {});
        let poller = stage.node(Role::outside("poller".into()), |_| {});
        sleeper.clone().spawn(async move { sleeper.sleep(DAY).await });
        poller.clone().spawn(async move {
            let mut turns = Poller::new(&poller, &Signal::new(), Duration::from_millis(20));
            loop {
                turns.turn(None).await;
            }
        });
    }
    fn invariants(&self) -> Vec<Box<dyn Invariant<Nothing>>> {
        Vec::new()
    }
}

const DAY: Duration = Duration::from_secs(86_400);
