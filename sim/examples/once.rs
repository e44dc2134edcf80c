//! A protocol of one's own, explored, shrunk, replayed and told: clients ask a till to charge their order,
//! and ask again when they hear nothing. The till remembers nothing, so an answer that is lost makes it
//! charge twice. Run it with `cargo run -p shakedown-sim --example once`.

use shakedown_sim::search::{explore, replay, understand};
use shakedown_sim::*;

/// What the outside world holds, and all that is judged: the till's ledger.
#[derive(serde::Serialize)]
struct Charged(u32);
impl Fact for Charged {
    fn sentence(&self) -> String {
        format!("charges order-{}", self.0)
    }
}

/// No order is charged twice. Keeps each order with the event that charged it.
#[derive(Default)]
struct ChargedOnce(Vec<(u32, u32)>);
impl Invariant<Charged> for ChargedOnce {
    fn name(&self) -> &'static str {
        "charged-once"
    }
    fn about(&self) -> &'static str {
        "the ledger holds each order at most once; whether it holds it at all is not judged"
    }
    fn reset(&mut self) {
        self.0.clear();
    }
    fn observe(&mut self, at: &At<'_>, Charged(order): &Charged, findings: &mut Findings) {
        if let Some((_, first)) = self.0.iter().find(|(other, _)| other == order) {
            findings.violated("order", &[*first, at.event], || format!("order-{order} is charged twice"));
        }
        self.0.push((*order, at.event));
    }
}

/// Three clients, one till, and for a minute a link that may lose a request or an answer.
struct Shop;
impl Scenario for Shop {
    type Fact = Charged;
    fn name(&self) -> &str {
        "shop"
    }
    fn build(&self, stage: &Stage<Charged>) {
        const FAULTS: LinkFaults = LinkFaults::LOSSY;
        let link = Link::new("till", Duration::from_millis(20), &FAULTS);
        let charge = Endpoint::<u32, ()>::new(Op::new("till.charge", "asks the till to charge"), &link);
        let (facts, served) = (stage.facts().clone(), charge.clone());
        stage.node(Role::outside("till".into()), move |env| {
            let facts = facts.clone();
            served.serve(&env, move |env, order| {
                facts.state(&env, &Charged(order));
                async {}
            });
        });
        for number in 1..=3 {
            let (charge, order) = (charge.clone(), stage.entity("order"));
            let client = stage.node(Role::new("client".into(), &CrashProfile::NEVER), |_| {}).within(order);
            client.clone().spawn(async move {
                while client.child("attempt").call(&charge, number, Duration::from_secs(2)).await.is_err() {}
            });
        }
    }
    fn invariants(&self) -> Vec<Box<dyn Invariant<Charged>>> {
        vec![Box::<ChargedOnce>::default()]
    }
}

fn main() {
    let mut runner = Runner::new(Shop);
    let found = explore(&mut runner, 0..1_000, 1).failing.remove(0); // the first of these seeds that fails
    let script = runner.script_of(found.seed); // the run as its deviations from the happy path
    let failure = understand(&mut runner, &script, &found.violations[0]); // shrunk, and what was needed
    let again = replay(&mut runner, &TraceFile::from(&failure)).expect("its own script fits");
    println!("seed {}\n{failure}replayed  {}", found.seed, again.verdict);
}
