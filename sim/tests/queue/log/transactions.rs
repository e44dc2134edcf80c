//! Transactions: a worker reads orders from one log and appends their invoices to another.

use crate::expectation::expect;
use shakedown_sim::log::{
    Consumer, Log, LogError, LogFaults, LogProfile, MemberFault, Message, Producer, ReadLevel, Record,
    RequestFault, Subscription, TransactionalProducer,
};
use shakedown_sim::*;
use std::cell::Cell;
use std::collections::BTreeMap;

/// How a worker appends invoices and commits the offsets of their orders.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Worker {
    /// One after the other.
    CommitsApart,
    /// In one transaction.
    InTransactions,
}

#[derive(Clone, Copy)]
struct Pipeline {
    worker: Worker,
    reads: ReadLevel,
}

#[derive(serde::Serialize)]
enum Happened {
    Ordered(u32),
    Invoiced(u32),
}

impl Fact for Happened {
    fn sentence(&self) -> String {
        match self {
            Happened::Ordered(order) => format!("promises order {order}"),
            Happened::Invoiced(order) => format!("reads the invoice of order {order}"),
        }
    }
}

#[derive(Default)]
struct InvoicedOnce {
    ordered: Vec<u32>,
    invoices: BTreeMap<u32, u32>,
}

impl Invariant<Happened> for InvoicedOnce {
    fn name(&self) -> &'static str {
        "invoiced-once"
    }
    fn about(&self) -> &'static str {
        "each promised order has one invoice"
    }
    fn reset(&mut self) {
        *self = Self::default();
    }
    fn observe(&mut self, at: &At<'_>, fact: &Happened, findings: &mut Findings) {
        match fact {
            Happened::Ordered(order) => self.ordered.push(*order),
            Happened::Invoiced(order) => {
                let count = self.invoices.entry(*order).or_default();
                *count += 1;
                if *count > 1 {
                    findings.violated("twice", &[at.event], || format!("order {order} invoiced twice"));
                }
            }
        }
    }
    fn at_rest(&mut self, _: Moment, findings: &mut Findings) {
        for order in self.ordered.iter().filter(|order| !self.invoices.contains_key(order)) {
            findings.violated("never", &[], || format!("order {order} never invoiced"));
        }
    }
}

const FRAIL: CrashProfile = CrashProfile {
    before: &[CrashFault::Crash, CrashFault::Pause(Duration::from_secs(100))],
    after: &[CrashFault::Crash],
    ..CrashProfile::NEVER
};
const REQUESTS: &[RequestFault] = &[
    RequestFault::Lost,
    RequestFault::Refused,
    RequestFault::ResponseLost,
    RequestFault::Late(Duration::from_secs(40)),
];
const ORDERS: LogProfile = LogProfile {
    faults: LogFaults {
        commit: REQUESTS,
        member: &[MemberFault::Rebalance, MemberFault::SessionTimeout],
        ..LogFaults::NONE
    },
    ..LogProfile::KAFKA
};
const INVOICES: LogProfile = LogProfile {
    faults: LogFaults { send: REQUESTS, transaction: REQUESTS, ..LogFaults::NONE },
    ..LogProfile::KAFKA
};

impl Scenario for Pipeline {
    type Fact = Happened;
    fn name(&self) -> &str {
        "pipeline"
    }
    fn horizon(&self, _: &Variant) -> Horizon {
        Horizon { heal: Duration::from_secs(600), settle: Duration::from_secs(1_200) }
    }
    fn build(&self, stage: &Stage<Happened>) {
        let Pipeline { worker, reads } = *self;
        let broker = stage.node(Role::outside("broker".into()), |_| {});
        let orders = Log::<u32>::new(&broker, "orders", ORDERS);
        let invoices = Log::<u32>::new(&broker, "invoices", INVOICES);
        for id in ["billing-a", "billing-b"] {
            let (orders, invoices) = (orders.clone(), invoices.clone());
            stage.node(Role::new("worker".into(), &FRAIL), move |env| {
                let (orders, invoices) = (orders.clone(), invoices.clone());
                match worker {
                    Worker::CommitsApart => env.clone().spawn(work_apart(env, orders, invoices)),
                    Worker::InTransactions => {
                        env.clone().spawn(work_in_transactions(env, id.into(), orders, invoices));
                    }
                }
            });
        }
        let (reader, facts) = (stage.node(Role::outside("reader".into()), |_| {}), stage.facts().clone());
        let subscription = Subscription { level: reads, ..Subscription::new("report") };
        let consumer = invoices.consumer(&reader, subscription);
        reader.clone().spawn(async move {
            loop {
                for record in consumer.poll(10).await {
                    facts.state(record.env(), &Happened::Invoiced(*record.body()));
                }
            }
        });
        let client = stage.node(Role::outside("client".into()), |_| {});
        let (facts, first) = (stage.facts().clone(), Cell::new(1));
        for _ in 0..2 {
            let (facts, env) = (facts.clone(), client.within(stage.entity("order")));
            let (producer, order) = (Producer::idempotent(&orders), first.replace(first.get() + 1));
            env.clone().spawn(async move {
                producer.send(&env, Message::new("order", 1, order)).await.expect("nothing goes wrong here");
                facts.state(&env, &Happened::Ordered(order));
            });
        }
    }
    fn invariants(&self) -> Vec<Box<dyn Invariant<Happened>>> {
        vec![Box::<InvoicedOnce>::default()]
    }
}

async fn work_apart(env: Env, orders: Log<u32>, invoices: Log<u32>) {
    let (consumer, producer) =
        (orders.consumer(&env, Subscription::new("billing")), Producer::idempotent(&invoices));
    loop {
        for record in consumer.poll(1).await {
            let invoice = Message::new("invoice", record.key(), *record.body());
            while producer.send(record.env(), invoice.clone()).await.is_err() {}
            // If this fails, the record is read again.
            let _ = consumer.commit_through(&record).await;
        }
    }
}

async fn work_in_transactions(env: Env, id: Label, orders: Log<u32>, invoices: Log<u32>) {
    let consumer = orders.consumer(&env, Subscription::new("billing"));
    loop {
        let Ok(producer) = TransactionalProducer::new(&invoices, &env, id).await else {
            env.sleep(Duration::from_secs(1)).await;
            continue;
        };
        // The new producer has aborted the transaction of the last one.
        consumer.rewind();
        loop {
            let records = consumer.poll(1).await;
            if invoice(&records, &consumer, &producer).await.is_err() {
                break;
            }
        }
    }
}

async fn invoice(
    records: &[Record<u32>],
    consumer: &Consumer<u32>,
    producer: &TransactionalProducer<u32>,
) -> Result<(), LogError> {
    for record in records {
        let invoice = Message::new("invoice", record.key(), *record.body());
        producer.send(record.env(), invoice).await?;
    }
    let env = records[0].env();
    producer.send_offsets(env, consumer).await?;
    loop {
        match producer.commit(env).await {
            // The transaction may be committed; the second request returns what became of it.
            Err(LogError::TimedOut) => {}
            result => return result,
        }
    }
}

const EXACT: Pipeline = Pipeline { worker: Worker::InTransactions, reads: ReadLevel::Committed };

#[test]
fn an_offset_that_is_committed_apart_from_the_results_repeats_results() {
    let apart = Pipeline { worker: Worker::CommitsApart, ..EXACT };
    let found = expect(apart).deviations(1).violates("invoiced-once");
    assert_eq!(found.shrunk.deviations.len(), 1, "{found}");
    let removed = "orders/member @ order-1/order-1/delivery-1 #1 = session timeout";
    expect(apart).script(removed).violates("invoiced-once");
}

#[test]
fn a_transaction_commits_results_and_offsets_together() {
    expect(EXACT).deviations(1).holds();
}

#[test]
fn a_reader_of_uncommitted_records_sees_aborted_ones() {
    let crash = "worker/before offsets @ order-1/order-1/delivery-1 #1 = crash";
    expect(Pipeline { reads: ReadLevel::Uncommitted, ..EXACT }).script(crash).violates("invoiced-once");
    expect(EXACT).script(crash).holds();
}
