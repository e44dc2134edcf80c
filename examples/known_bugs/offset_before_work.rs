//! A consumer of a log that loses or repeats work, because of when it commits its offset.
//!
//! A worker reads orders from a log and charges them. If it commits the offset of a record before it works, a crash in between
//! loses the order: the group never reads it again. If it commits after the work, a crash or a rebalance in between repeats it.
//! An idempotent producer does not help, and neither does a faster commit.
//!
//! The fix has two parts: commit after the work, and remember with the work what was processed (here: a set in the same durable
//! effect as the charge), so that a record that is read again is skipped.

use shakedown::prelude::*;
use shakedown::sim::env::Side;
use shakedown::sim::label::Label;
use shakedown::sim::log::{
    Log, LogFaults, LogProfile, MemberFault, Message, Producer, RequestFault, Subscription,
};
use shakedown::sim::node::{CrashFault, CrashProfile};
use shakedown::sim::scenario::Horizon;
use shakedown::sim::script::Variant;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;

const ORDERS: u32 = 2;
const WORKERS: u32 = 2;
const WORKER: Role = Role::new(
    Label::new("worker"),
    &CrashProfile {
        before: &[CrashFault::Crash, CrashFault::Pause(Duration::from_secs(60))],
        after: &[CrashFault::Crash],
        ..CrashProfile::NEVER
    },
);
const REQUESTS: &[RequestFault] = &[
    RequestFault::Lost,
    RequestFault::Refused,
    RequestFault::ResponseLost,
    RequestFault::Late(Duration::from_secs(40)),
];
const LOG: LogProfile = LogProfile {
    partitions: 2,
    faults: LogFaults {
        send: REQUESTS,
        commit: REQUESTS,
        fetch: &[Duration::from_secs(10)],
        member: &[MemberFault::Rebalance, MemberFault::SessionTimeout],
        ..LogFaults::NONE
    },
    ..LogProfile::KAFKA
};

#[derive(serde::Serialize)]
enum Happened {
    Ordered(u32),
    Charged(u32),
}

impl Fact for Happened {
    fn sentence(&self) -> String {
        match self {
            Happened::Ordered(order) => format!("accepts order {order}"),
            Happened::Charged(order) => format!("charges order {order}"),
        }
    }
}

#[derive(Clone, Copy)]
struct OffsetBeforeWork {
    works_first: bool,
    remembers: bool,
}

/// The orders that are charged, in durable storage: a charge and its mark are one effect.
type Charged = Rc<RefCell<BTreeSet<u32>>>;

impl Scenario for OffsetBeforeWork {
    type Fact = Happened;

    fn name(&self) -> &str {
        "offset-before-work"
    }

    fn horizon(&self, _: &Variant) -> Horizon {
        // A rebalance may take as long as the interval between polls: five minutes.
        Horizon { heal: Duration::from_secs(600), settle: Duration::from_secs(1_200) }
    }

    fn build(&self, stage: &Stage<Happened>) {
        let orders = Log::new(&stage.node(Role::outside("broker".into()), |_| {}), "orders", LOG);
        let (charged, how) = (Charged::default(), *self);
        for _ in 0..WORKERS {
            let (orders, facts, charged) = (orders.clone(), stage.facts().clone(), Rc::clone(&charged));
            stage.node(WORKER, move |env| {
                let (orders, facts, charged) = (orders.clone(), facts.clone(), Rc::clone(&charged));
                env.clone().spawn(async move { work(&env, how, &orders, &facts, &charged).await });
            });
        }
        let client = stage.node(Role::outside("client".into()), |_| {});
        for order in 1..=ORDERS {
            let (producer, facts) = (Producer::idempotent(&orders), stage.facts().clone());
            let env = client.within(stage.entity("order"));
            client.spawn(async move {
                let message = Message::new("charge", u64::from(order), order);
                if producer.send(&env, message).await.is_ok() {
                    facts.state(&env, &Happened::Ordered(order));
                }
            });
        }
    }

    fn invariants(&self) -> Vec<Box<dyn Invariant<Happened>>> {
        let once = invariant("charged-once", |charged: &mut BTreeSet<u32>, at, fact: &Happened, findings| {
            if let Happened::Charged(order) = fact
                && !charged.insert(*order)
            {
                findings.violated("twice", &[at.event], || format!("order {order} is charged twice"));
            }
        });
        // An order may be charged before its client learns that it is accepted.
        type Orders = (BTreeSet<u32>, BTreeSet<u32>);
        let each =
            invariant("each-order-charged", |(ordered, charged): &mut Orders, _, fact: &Happened, _| {
                match fact {
                    Happened::Ordered(order) => drop(ordered.insert(*order)),
                    Happened::Charged(order) => drop(charged.insert(*order)),
                }
            })
            .at_rest(|(ordered, charged), _, findings| {
                for order in ordered.difference(charged) {
                    findings.violated("never", &[], || format!("order {order} is never charged"));
                }
            });
        vec![once.about("no order is charged twice").boxed(), each.about("each order is charged").boxed()]
    }
}

async fn work(
    env: &Env,
    how: OffsetBeforeWork,
    orders: &Log<u32>,
    facts: &Facts<Happened>,
    charged: &Charged,
) {
    let consumer = orders.consumer(env, Subscription::new("billing"));
    loop {
        for record in consumer.poll(10).await {
            if !how.works_first && consumer.commit_through(&record).await.is_err() {
                continue;
            }
            let env = record.env();
            env.crash_point(Side::Before, "charge").await;
            let is_new = charged.borrow_mut().insert(*record.body());
            if is_new || !how.remembers {
                facts.state(env, &Happened::Charged(*record.body()));
            }
            env.crash_point(Side::After, "charge").await;
            if how.works_first {
                // If this fails, the group reads the record again.
                let _ = consumer.commit_through(&record).await;
            }
        }
    }
}

/// Returns the entry of the catalogue.
pub(crate) fn entry() -> Entry {
    let after = Guardrail::new("commit-after-work", "a worker commits the offset after the work")
        .naive(NaiveForm::new("a worker commits the offset before the work").breaks("each-order-charged"));
    let memory = Guardrail::new("processed-records", "a worker skips records that were processed before")
        .naive(NaiveForm::new("a worker processes what it reads").breaks("charged-once"));
    Entry::new("offset-before-work", |ablation| OffsetBeforeWork {
        works_first: ablation.keeps("commit-after-work"),
        remembers: ablation.keeps("processed-records"),
    })
    .about("workers read orders from a log and charge them")
    .assumes("a charge and its mark are one durable effect")
    .guardrail(after)
    .guardrail(memory)
}

#[cfg(test)]
mod tests {
    use super::entry;

    #[test]
    fn an_offset_that_is_committed_before_the_work_loses_the_work() {
        let crash = "worker/before charge @ order-1/charge-1/delivery-1 #1 = crash";
        entry().rehearse(&["commit-after-work"]).script(crash).violates("each-order-charged");
        entry().rehearse(&["commit-after-work"]).deviations(1).violates("each-order-charged").within(1);
        entry().rehearse(&["commit-after-work"]).deviations(0).allow_trivial().holds();
    }

    #[test]
    fn an_offset_that_is_committed_after_the_work_repeats_the_work() {
        for deviation in [
            "worker/after charge @ order-1/charge-1/delivery-1 #1 = crash",
            "worker/before charge @ order-1/charge-1/delivery-1 #1 = pause 60 s",
            "orders/member @ order-1/charge-1/delivery-1 #1 = session timeout",
        ] {
            entry().rehearse(&["processed-records"]).script(deviation).violates("charged-once");
        }
    }

    #[test]
    fn a_worker_that_remembers_what_it_processed_charges_each_order_once() {
        entry().rehearse(&[]).seeds(..300).deviations(2).holds();
    }
}
