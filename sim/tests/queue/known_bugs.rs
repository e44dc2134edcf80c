//! Consumer bugs from production, each found by exhaustive search, and the form that holds.

use crate::expectation::expect;
use shakedown_sim::*;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;

/// When a worker acknowledges, and how it treats repeated deliveries.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Worker {
    AcksFirst,
    WorksFirst,
    Remembers,
}

/// When a client sends again.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Client {
    SendsOnce,
    Retries,
    RetriesWithAnId,
}

#[derive(Clone, Copy)]
struct Shop {
    client: Client,
    worker: Worker,
    profile: QueueProfile,
}

#[derive(serde::Serialize)]
enum Happened {
    Ordered,
    Charged,
}

impl Fact for Happened {
    fn sentence(&self) -> String {
        match self {
            Happened::Ordered => "promises the order".to_owned(),
            Happened::Charged => "charges".to_owned(),
        }
    }
}

#[derive(Default)]
struct ChargedOnce {
    ordered: bool,
    charges: Vec<u32>,
}

impl Invariant<Happened> for ChargedOnce {
    fn name(&self) -> &'static str {
        "charged-once"
    }
    fn about(&self) -> &'static str {
        "what was promised is charged, and nothing twice"
    }
    fn reset(&mut self) {
        *self = Self::default();
    }
    fn observe(&mut self, at: &At<'_>, fact: &Happened, findings: &mut Findings) {
        match fact {
            Happened::Ordered => self.ordered = true,
            Happened::Charged => self.charges.push(at.event),
        }
        if self.charges.len() > 1 {
            findings.violated("twice", &self.charges, || "charged twice".to_owned());
        }
    }
    fn at_rest(&mut self, _: Moment, findings: &mut Findings) {
        if self.ordered && self.charges.is_empty() {
            findings.violated("never", &[], || "never charged".to_owned());
        }
    }
}

const FRAIL: CrashProfile = CrashProfile {
    before: &[CrashFault::Crash, CrashFault::Pause(Duration::from_secs(20))],
    after: &[CrashFault::Crash],
    ..CrashProfile::NEVER
};
const LATE: Duration = Duration::from_secs(8);
const STANDARD: QueueProfile = QueueProfile {
    visibility: Duration::from_secs(10),
    faults: QueueFaults {
        send: &[
            SendFault::Lost,
            SendFault::Refused,
            SendFault::ResponseLost,
            SendFault::Twice,
            SendFault::Late(LATE),
        ],
        settle: &[SettleFault::Lost, SettleFault::ResponseLost, SettleFault::Late(LATE)],
        delivery: &[DeliveryFault::Lost, DeliveryFault::Copy, DeliveryFault::Late(Duration::from_secs(12))],
        deletion: &[Duration::from_secs(5)],
        superseded: &[SupersededFault::Deletes],
        restart: &[Episode::For(Duration::from_secs(20))],
        ..QueueFaults::NONE
    },
    ..QueueProfile::STANDARD
};
const FIFO: QueueProfile = QueueProfile {
    visibility: Duration::from_secs(10),
    faults: QueueFaults {
        send: &[SendFault::Lost, SendFault::ResponseLost, SendFault::Late(LATE)],
        restart: STANDARD.faults.restart,
        ..QueueFaults::NONE
    },
    ..QueueProfile::FIFO
};

impl Scenario for Shop {
    type Fact = Happened;
    fn name(&self) -> &str {
        "shop"
    }
    fn horizon(&self, _: &Variant) -> Horizon {
        Horizon { heal: Duration::from_secs(120), settle: Duration::from_secs(120) }
    }
    fn build(&self, stage: &Stage<Happened>) {
        let Shop { client, worker, profile } = *self;
        let orders = Queue::new(&stage.node(Role::outside("broker".into()), |_| {}), "orders", profile);
        let done = Rc::new(RefCell::new(BTreeSet::new()));
        for _ in 0..2 {
            let (orders, facts, done) = (orders.clone(), stage.facts().clone(), Rc::clone(&done));
            stage.node(Role::new("worker".into(), &FRAIL), move |env| {
                env.clone().spawn(work(env, worker, orders.clone(), facts.clone(), Rc::clone(&done)));
            });
        }
        let (facts, env) = (stage.facts().clone(), stage.node(Role::outside("client".into()), |_| {}));
        let env = env.within(stage.entity("order"));
        env.clone().spawn(async move {
            let tries = if client == Client::SendsOnce { 1 } else { 30 };
            for attempt in 0..tries {
                // Without an id of its own, the library gives each request one.
                let id = if client == Client::RetriesWithAnId { 7 } else { 100 + attempt };
                let message = Message::new("charge", 7).once(id);
                if orders.post(&env, message).await.is_ok() {
                    return facts.state(&env, &Happened::Ordered);
                }
                env.sleep(Duration::from_secs(5)).await;
            }
        });
    }
    fn invariants(&self) -> Vec<Box<dyn Invariant<Happened>>> {
        vec![Box::<ChargedOnce>::default()]
    }
}

/// `done` is durable: a charge and its mark are one effect.
async fn work(
    env: Env,
    how: Worker,
    orders: Queue<u32>,
    facts: Facts<Happened>,
    done: Rc<RefCell<BTreeSet<u32>>>,
) {
    loop {
        let delivery = orders.receive(&env).await;
        if how == Worker::AcksFirst && delivery.ack().await.is_err() {
            continue;
        }
        delivery.env().crash_point(Side::Before, "charge").await;
        if how != Worker::Remembers || done.borrow_mut().insert(*delivery.body()) {
            facts.state(delivery.env(), &Happened::Charged);
        }
        delivery.env().crash_point(Side::After, "charge").await;
        if how != Worker::AcksFirst {
            // A worker that crashes here receives the message again.
            let _ = delivery.ack().await;
        }
    }
}

const CAREFUL: Shop = Shop { client: Client::Retries, worker: Worker::Remembers, profile: STANDARD };

#[test]
fn a_worker_that_acks_before_working_loses_the_work() {
    let found = expect(Shop { worker: Worker::AcksFirst, ..CAREFUL }).deviations(1).violates("charged-once");
    assert_eq!(found.shrunk.deviations.len(), 1, "{found}");
    let lost = "worker/before charge @ order-1/charge-1/delivery-1 #1 = crash";
    expect(Shop { worker: Worker::AcksFirst, ..CAREFUL }).script(lost).violates("charged-once");
}

#[test]
fn a_worker_that_works_before_acking_works_twice() {
    let twice = [
        "worker/after charge @ order-1/charge-1/delivery-1 #1 = crash",
        "worker/before charge @ order-1/charge-1/delivery-1 #1 = pause 20 s",
        "worker/before ack @ order-1/charge-1/delivery-1 #1 = crash",
        "orders/ack @ order-1/charge-1/delivery-1 #1 = lost",
        "orders/delivery @ order-1/charge-1/delivery-1 #1 = copy",
        "orders/delivery @ order-1/charge-1/delivery-1 #1 = 12 s",
        "orders/deletion @ order-1/charge-1/delivery-1 #1 = 5 s",
        "orders/send @ order-1/charge-1 #1 = response lost",
        "orders/send @ order-1/charge-1 #1 = twice",
    ];
    for script in twice {
        expect(Shop { worker: Worker::WorksFirst, ..CAREFUL }).script(script).violates("charged-once");
    }
}

#[test]
fn a_worker_that_remembers_its_work_works_once_under_any_two_faults() {
    expect(CAREFUL).deviations(2).holds();
}

#[test]
fn a_fifo_queue_spares_a_client_that_names_its_message_but_no_worker_that_forgets() {
    let shop = Shop { client: Client::Retries, worker: Worker::WorksFirst, profile: FIFO };
    let lost = "orders/send @ order-1/charge-1 #1 = response lost";
    expect(shop).script(lost).violates("charged-once");
    let named = Shop { client: Client::RetriesWithAnId, ..shop };
    expect(named).script(lost).holds();
    let crash = "worker/after charge @ order-1/charge-1/delivery-1 #1 = crash";
    expect(named).script(crash).violates("charged-once");
    expect(Shop { worker: Worker::Remembers, ..named }).deviations(2).holds();
}

#[test]
fn a_client_without_retries_promises_nothing() {
    expect(Shop { client: Client::SendsOnce, ..CAREFUL }).deviations(2).holds();
}

#[test]
fn pruning_changes_no_verdict() {
    use shakedown_sim::search::Bounded;
    for worker in [Worker::AcksFirst, Worker::WorksFirst, Worker::Remembers] {
        let first = |pruning: bool| {
            let mut runner = Runner::new(Shop { worker, ..CAREFUL });
            let mut search = Bounded::new(vec![runner.variant_of(0)], 2, pruning);
            search.run(&mut runner);
            let saved: u64 = search.depths().iter().map(|depth| depth.spared).sum();
            (search.broken().cloned(), saved)
        };
        let ((pruned, saved), (whole, _)) = (first(true), first(false));
        assert_eq!(pruned, whole);
        assert_eq!(
            saved > 0,
            worker == Worker::Remembers,
            "there is a second layer where the first one holds"
        );
    }
}
