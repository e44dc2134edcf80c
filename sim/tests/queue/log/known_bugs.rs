//! Bugs of automatic commits and of producers that are not idempotent, and the forms that hold. Bugs of consumers that
//! commit by themselves are in `examples/known_bugs/offset_before_work.rs`.

use crate::expectation::expect;
use shakedown_sim::log::{
    Commits, Log, LogFaults, LogProfile, MemberFault, Message, Producer, RequestFault, Subscription,
};
use shakedown_sim::*;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;

/// When a worker commits the offset of a record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Worker {
    /// After the work; it processes a record again that it has processed before.
    WorksFirst,
    /// Commits automatically, and processes each record in a task of its own.
    HandsOver,
    /// Commits automatically, and polls only after the work.
    CommitsAutomatically,
}

#[derive(Clone, Copy)]
struct Ledger {
    worker: Worker,
    is_idempotent: bool,
}

#[derive(serde::Serialize)]
enum Happened {
    Ordered(u32),
    Charged(u32),
}

impl Fact for Happened {
    fn sentence(&self) -> String {
        match self {
            Happened::Ordered(order) => format!("promises order {order}"),
            Happened::Charged(order) => format!("charges order {order}"),
        }
    }
}

#[derive(Default)]
struct ChargedOnce {
    ordered: BTreeSet<u32>,
    charged: BTreeSet<u32>,
}

impl Invariant<Happened> for ChargedOnce {
    fn name(&self) -> &'static str {
        "charged-once"
    }
    fn about(&self) -> &'static str {
        "each promised order is charged, and none twice"
    }
    fn reset(&mut self) {
        *self = Self::default();
    }
    fn observe(&mut self, at: &At<'_>, fact: &Happened, findings: &mut Findings) {
        match fact {
            Happened::Ordered(order) => {
                self.ordered.insert(*order);
            }
            Happened::Charged(order) => {
                if !self.charged.insert(*order) {
                    findings.violated("twice", &[at.event], || format!("order {order} charged twice"));
                }
            }
        }
    }
    fn at_rest(&mut self, _: Moment, findings: &mut Findings) {
        for order in self.ordered.difference(&self.charged) {
            findings.violated("never", &[], || format!("order {order} never charged"));
        }
    }
}

const FRAIL: CrashProfile = CrashProfile {
    before: &[CrashFault::Crash, CrashFault::Pause(Duration::from_secs(60))],
    after: &[CrashFault::Crash],
    ..CrashProfile::NEVER
};
const LATE: Duration = Duration::from_secs(40);
const REQUESTS: &[RequestFault] =
    &[RequestFault::Lost, RequestFault::Refused, RequestFault::ResponseLost, RequestFault::Late(LATE)];
const ORDERS: LogProfile = LogProfile {
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

impl Scenario for Ledger {
    type Fact = Happened;
    fn name(&self) -> &str {
        "ledger"
    }
    fn horizon(&self, _: &Variant) -> Horizon {
        Horizon { heal: Duration::from_secs(600), settle: Duration::from_secs(1_200) }
    }
    fn build(&self, stage: &Stage<Happened>) {
        let Ledger { worker, is_idempotent } = *self;
        let orders = Log::new(&stage.node(Role::outside("broker".into()), |_| {}), "orders", ORDERS);
        let done = Rc::new(RefCell::new(BTreeSet::new()));
        for _ in 0..2 {
            let (orders, facts, done) = (orders.clone(), stage.facts().clone(), Rc::clone(&done));
            stage.node(Role::new("worker".into(), &FRAIL), move |env| {
                env.clone().spawn(work(env, worker, orders.clone(), facts.clone(), Rc::clone(&done)));
            });
        }
        let client = stage.node(Role::outside("client".into()), |_| {});
        for order in 1..=2 {
            let producer =
                if is_idempotent { Producer::idempotent(&orders) } else { Producer::plain(&orders) };
            let (facts, env) = (stage.facts().clone(), client.within(stage.entity("order")));
            env.clone().spawn(async move {
                let message = Message::new("charge", u64::from(order), order);
                if producer.send(&env, message).await.is_ok() {
                    facts.state(&env, &Happened::Ordered(order));
                }
            });
        }
    }
    fn invariants(&self) -> Vec<Box<dyn Invariant<Happened>>> {
        vec![Box::<ChargedOnce>::default()]
    }
}

type Done = Rc<RefCell<BTreeSet<u32>>>;

/// `done` is durable: a charge and its mark are one effect.
async fn work(env: Env, how: Worker, orders: Log<u32>, facts: Facts<Happened>, done: Done) {
    let commits = match how {
        Worker::HandsOver | Worker::CommitsAutomatically => Commits::Auto(Duration::from_secs(5)),
        Worker::WorksFirst => Commits::Manual,
    };
    let consumer = orders.consumer(&env, Subscription { commits, ..Subscription::new("billing") });
    loop {
        // After six seconds without a record it polls again, which commits automatically.
        let Some(records) = env.timeout(Duration::from_secs(6), consumer.poll(10)).await else {
            if env.now() > Moment::START + Duration::from_secs(900) {
                return std::future::pending().await;
            }
            continue;
        };
        for record in records {
            let charge = charge(record.env().clone(), how, *record.body(), facts.clone(), Rc::clone(&done));
            match how {
                Worker::HandsOver => env.spawn(charge),
                _ => charge.await,
            }
            if how == Worker::WorksFirst {
                // A worker whose commit fails receives the record again.
                let _ = consumer.commit_through(&record).await;
            }
        }
    }
}

async fn charge(env: Env, how: Worker, order: u32, facts: Facts<Happened>, done: Done) {
    if how == Worker::HandsOver {
        // The work of another task takes its time.
        env.sleep(Duration::from_secs(20)).await;
    }
    env.crash_point(Side::Before, "charge").await;
    if how == Worker::WorksFirst || done.borrow_mut().insert(order) {
        facts.state(&env, &Happened::Charged(order));
    }
    env.crash_point(Side::After, "charge").await;
}

#[test]
fn automatic_commits_lose_work_that_is_handed_over_to_another_task() {
    let lost = "worker/before charge @ order-1/charge-1/delivery-1 #1 = crash";
    let hands_over = Ledger { worker: Worker::HandsOver, is_idempotent: true };
    expect(hands_over).script(lost).violates("charged-once");
    let synchronous = Ledger { worker: Worker::CommitsAutomatically, ..hands_over };
    expect(synchronous).script(lost).holds();
    expect(synchronous).deviations(1).holds();
}

#[test]
fn a_retry_appends_a_record_twice_unless_the_producer_is_idempotent() {
    let lost = "orders/send @ order-1/charge-1 #1 = response lost";
    let forgets = Ledger { worker: Worker::WorksFirst, is_idempotent: false };
    expect(forgets).script(lost).violates("charged-once");
    expect(Ledger { is_idempotent: true, ..forgets }).script(lost).holds();
}
