//! A protocol of one's own, explored, shrunk and replayed: a client that asks a till to charge an order,
//! and asks again when it hears nothing.
//!
//! The till remembers nothing, so an answer that is lost makes it charge twice. Run it with
//! `cargo run -p shakedown-sim --example once`.

use shakedown_sim::*;

/// What the outside world holds: the till's ledger.
#[derive(serde::Serialize)]
struct Charged {
    order: u32,
}

impl Fact for Charged {
    fn sentence(&self) -> String {
        format!("charges order-{}", self.order)
    }
}

/// No order is charged twice.
#[derive(Default)]
struct ChargedOnce(Vec<(u32, u32)>);

impl Invariant<Charged> for ChargedOnce {
    fn name(&self) -> &'static str {
        "charged-once"
    }
    fn about(&self) -> &'static str {
        "the till's ledger holds each order at most once; whether it is charged at all is not judged"
    }
    fn reset(&mut self) {
        self.0.clear();
    }
    fn observe(&mut self, at: &At<'_>, fact: &Charged, findings: &mut Findings) {
        if let Some((order, first)) = self.0.iter().find(|(order, _)| *order == fact.order) {
            findings.violated("order", &[*first, at.event], || format!("order-{order} is charged twice"));
        }
        self.0.push((fact.order, at.event));
    }
}

struct Shop;

impl Scenario for Shop {
    type Fact = Charged;

    fn name(&self) -> &str {
        "shop"
    }
    fn parameters(&self) -> &[Parameter] {
        &[]
    }
    fn horizon(&self, _: &Variant) -> Horizon {
        Horizon { heal: Duration::from_secs(60), settle: Duration::from_secs(60) }
    }
    fn build(&self, stage: &Stage<Charged>) {
        const LOSS: Alternatives = Alternatives::new(&["arrives", "lost"]);
        let faults = LinkFaults { request: LOSS, response: LOSS, ..LinkFaults::NONE };
        let link = Link::new("till", Duration::from_millis(20), faults);
        let charge = Endpoint::<(), ()>::new(Op::new("till.charge", "asks the till to charge"), &link);
        let (facts, served) = (stage.facts().clone(), charge.clone());
        stage.node(Role::outside("till".into()), move |env| {
            let facts = facts.clone();
            served.serve(&env, move |env, ()| {
                facts.state(&env, &Charged { order: env.number_of("order").unwrap_or(0) });
                async {}
            });
        });
        let order = stage.entity("order");
        stage.node(Role::outside("client".into()), move |env| {
            let (charge, env) = (charge.clone(), env.within(order));
            env.clone().spawn(async move {
                while env.child("attempt").call(&charge, (), Duration::from_secs(2)).await.is_err() {}
            });
        });
    }
    fn invariants(&self) -> Vec<Box<dyn Invariant<Charged>>> {
        vec![Box::new(ChargedOnce::default())]
    }
}

fn main() {
    let mut runner = Runner::new(Shop);
    for seed in 0..20 {
        let o = runner.run(Plan::Seed(seed));
        println!("{seed} {} {:?} {}", o.digest, o.violations.iter().map(|v| &v.message).collect::<Vec<_>>(), runner.script().deviations.len());
        if !o.violations.is_empty() { let (_, t) = runner.record(Plan::Seed(seed)); for (i, s) in t.steps.iter().enumerate() { println!("{i} {} {} {} {:?} {:?} {} {:?}", s.time, s.node, s.scope, s.kind, s.causes, s.text, s.because); } break; }
    }
}
