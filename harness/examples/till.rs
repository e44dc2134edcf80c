//! A catalogue of one's own: clients ask a till to charge their orders over a link that loses messages. The till remembers
//! what it has charged, and clients ask again; each of the two guardrails can be taken out.
//!
//! ```text
//! cargo run -p shakedown --example till -- explore
//! cargo run -p shakedown --example till -- explore --without order-memory
//! cargo run -p shakedown --example till -- matrix
//! ```

use shakedown::prelude::*;
use shakedown::sim::node::CrashProfile;
use std::cell::RefCell;
use std::collections::BTreeSet;

/// What happens in the world: the only thing that is judged.
#[derive(serde::Serialize)]
enum Happened {
    Ordered(u32),
    Charged(u32),
    Repeated(u32),
}

impl Fact for Happened {
    fn sentence(&self) -> String {
        match self {
            Happened::Ordered(order) => format!("places order-{order}"),
            Happened::Charged(order) => format!("charges order-{order}"),
            Happened::Repeated(order) => format!("receives order-{order} again"),
        }
    }
}

/// The design, of which either guardrail may be missing.
struct Till {
    has_order_memory: bool,
    has_retries: bool,
}

const PARAMETERS: &[Parameter] = &[Parameter {
    name: "clients",
    about: "how many clients there are, each with an order",
    values: &["1", "2", "3"],
    small: &["1", "2"],
}];

const FAULTS: LinkFaults =
    LinkFaults { request: &[LinkFault::Lost], response: &[LinkFault::Lost], ..LinkFaults::NONE };

impl Scenario for Till {
    type Fact = Happened;

    fn name(&self) -> &str {
        "till"
    }

    fn parameters(&self) -> &[Parameter] {
        PARAMETERS
    }

    fn build(&self, stage: &Stage<Happened>) {
        let link = Link::new("till", Duration::from_millis(20), &FAULTS);
        let charge = Endpoint::<u32, ()>::new(Op::new("till.charge", "asks the till to charge"), &link);
        let (facts, served, has_order_memory) =
            (stage.facts().clone(), charge.clone(), self.has_order_memory);
        stage.node(Role::outside("till".into()), move |env| {
            let (facts, charged) = (facts.clone(), RefCell::new(BTreeSet::new()));
            served.serve(&env, move |env, order| {
                let is_new = charged.borrow_mut().insert(order);
                if !is_new {
                    facts.state(&env, &Happened::Repeated(order));
                }
                if is_new || !has_order_memory {
                    facts.state(&env, &Happened::Charged(order));
                }
                async {}
            });
        });
        let clients = stage.variant().get("clients").and_then(|count| count.parse().ok()).unwrap_or(1);
        for order in 1..=clients {
            let role = Role::new("client".into(), &CrashProfile::NEVER);
            let client = stage.node(role, |_| {}).within(stage.entity("order"));
            let (charge, facts, has_retries) = (charge.clone(), stage.facts().clone(), self.has_retries);
            client.clone().spawn(async move {
                facts.state(&client, &Happened::Ordered(order));
                let timeout = Duration::from_secs(2);
                while client.child("attempt").call(&charge, order, timeout).await.is_err() && has_retries {}
            });
        }
    }

    fn invariants(&self) -> Vec<Box<dyn Invariant<Happened>>> {
        let once = invariant("charged-once", |seen: &mut Vec<(u32, u32)>, at, fact: &Happened, findings| {
            let Happened::Charged(order) = fact else { return };
            if let Some((_, first)) = seen.iter().find(|(charged, _)| charged == order) {
                findings.violated("order", &[*first, at.event], || format!("order-{order} is charged twice"));
            }
            seen.push((*order, at.event));
        });
        let each =
            invariant("every-order-charged", |open: &mut BTreeSet<u32>, _, fact: &Happened, _| match fact {
                Happened::Ordered(order) => drop(open.insert(*order)),
                Happened::Charged(order) => drop(open.remove(order)),
                Happened::Repeated(_) => {}
            })
            .at_rest(|open, _, findings| {
                for order in open {
                    findings.violated("order", &[], || format!("order-{order} is never charged"));
                }
            });
        vec![once.about("no order is charged twice").boxed(), each.about("each order is charged").boxed()]
    }

    fn goals(&self) -> Option<Box<dyn Goals<Happened>>> {
        Some(Box::new(RepeatReceived))
    }
}

/// A run reaches the state in which a retry can do harm.
struct RepeatReceived;

impl Goals<Happened> for RepeatReceived {
    fn names(&self) -> Vec<&'static str> {
        vec!["the till receives an order again"]
    }
    fn observe(&mut self, _: &At<'_>, fact: &Happened) -> u64 {
        u64::from(matches!(fact, Happened::Repeated(_)))
    }
}

fn catalogue() -> Catalogue {
    let memory = Guardrail::new("order-memory", "the till charges an order that it knows no second time")
        .naive(NaiveForm::new("the till charges whatever it is asked to").breaks("charged-once"));
    let retries = Guardrail::new("retries", "a client requests again after a timeout")
        .naive(NaiveForm::new("a client asks once").breaks("every-order-charged"));
    let till = Entry::new("till", |ablation| Till {
        has_order_memory: ablation.keeps("order-memory"),
        has_retries: ablation.keeps("retries"),
    });
    let till = till
        .about("clients have orders charged over a link that loses messages")
        .assumes("neither the till nor a client crashes")
        .guardrail(memory)
        .guardrail(retries)
        .needs("the till receives an order again", 100);
    Catalogue::new("till").with(till)
}

fn main() -> std::process::ExitCode {
    shakedown::cli::main(catalogue())
}
