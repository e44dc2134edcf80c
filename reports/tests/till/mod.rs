//! A small shop to report on: a client calls a till to charge and retries after a timeout. With its memory the till
//! charges once; without it, a lost response makes it charge twice.

use shakedown_sim::*;
use std::cell::RefCell;
use std::rc::Rc;

#[derive(serde::Serialize)]
pub(crate) enum Fact {
    Charged { order: u32 },
    Repeated { order: u32 },
}

impl shakedown_sim::Fact for Fact {
    fn sentence(&self) -> String {
        match self {
            Fact::Charged { order } => format!("charges order-{order}"),
            Fact::Repeated { order } => format!("finds order-{order} charged already"),
        }
    }
}

#[derive(Default)]
struct ChargedOnce(Vec<(u32, u32)>);

impl Invariant<Fact> for ChargedOnce {
    fn name(&self) -> &'static str {
        "charged-once"
    }
    fn about(&self) -> &'static str {
        "the till's ledger holds each order at most once; whether it is charged at all is not judged"
    }
    fn reset(&mut self) {
        self.0.clear();
    }
    fn observe(&mut self, at: &At<'_>, fact: &Fact, findings: &mut Findings) {
        let Fact::Charged { order } = fact else { return };
        if let Some((order, first)) = self.0.iter().find(|(other, _)| other == order) {
            findings.violated("order", &[*first, at.event], || format!("order-{order} is charged twice"));
        }
        self.0.push((*order, at.event));
    }
}

#[derive(Default)]
struct AskedTwice {
    reached: bool,
}

impl Goals<Fact> for AskedTwice {
    fn names(&self) -> Vec<&'static str> {
        vec!["asked after it had charged"]
    }
    fn reset(&mut self) {
        self.reached = false;
    }
    fn observe(&mut self, _: &At<'_>, fact: &Fact) -> u64 {
        self.reached |= matches!(fact, Fact::Repeated { .. });
        u64::from(self.reached)
    }
}

/// The shop; by default its till forgets.
#[derive(Default)]
pub(crate) struct Shop {
    /// Whether the till remembers what it charged.
    pub(crate) remembers: bool,
    /// A node without any part in the story, with a choice of its own.
    pub(crate) bystander: Option<&'static str>,
}

const FAULTS: LinkFaults = LinkFaults::LOSSY;

impl Scenario for Shop {
    type Fact = Fact;

    fn name(&self) -> &str {
        "till"
    }
    fn without(&self) -> Vec<String> {
        if self.remembers { Vec::new() } else { vec!["memory".to_owned()] }
    }
    fn parameters(&self) -> &[Parameter] {
        &[Parameter { name: "orders", about: "how many are rung up", values: &["1", "2"], small: &["1"] }]
    }
    fn horizon(&self, _: &Variant) -> Horizon {
        Horizon { heal: Duration::from_secs(60), settle: Duration::from_secs(60) }
    }
    fn build(&self, stage: &Stage<Fact>) {
        let link = Link::new("till", Duration::from_millis(20), &FAULTS);
        let charge = Endpoint::<(), ()>::new(Op::new("till.charge", "asks the till to charge"), &link);
        let (facts, served, remembers) = (stage.facts().clone(), charge.clone(), self.remembers);
        let ledger = Rc::new(RefCell::new(Vec::new()));
        stage.node(Role::outside("till".into()), move |env| {
            let (facts, ledger) = (facts.clone(), Rc::clone(&ledger));
            served.serve(&env, move |env, ()| {
                let order = env.number_of("order").unwrap_or(0);
                let known = remembers && ledger.borrow().contains(&order);
                ledger.borrow_mut().push(order);
                facts.state(&env, &if known { Fact::Repeated { order } } else { Fact::Charged { order } });
                async {}
            });
        });
        if let Some(name) = self.bystander {
            stage.node(Role::outside(name.into()), move |env| {
                env.choose(Site::new(name.into(), "mood".into()), &Alternatives::new(&["calm", "curious"]));
            });
        }
        let orders: Vec<Scope> =
            (0..stage.variant().number("orders")).map(|_| stage.entity("order")).collect();
        stage.node(Role::outside("client".into()), move |env| {
            for order in &orders {
                let (charge, env) = (charge.clone(), env.within(*order));
                env.clone().spawn(async move {
                    while env.child("attempt").call(&charge, (), Duration::from_secs(2)).await.is_err() {
                        env.because(|| "it received no response".to_owned());
                    }
                });
            }
        });
    }
    fn invariants(&self) -> Vec<Box<dyn Invariant<Fact>>> {
        vec![Box::new(ChargedOnce::default())]
    }
    fn goals(&self) -> Option<Box<dyn Goals<Fact>>> {
        Some(Box::<AskedTwice>::default())
    }
}
