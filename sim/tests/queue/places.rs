//! A trace names the line of the code under test that made a request, for every kind of store.

use shakedown_sim::ambient::NoFact;
use shakedown_sim::kv::{CommandFault, Kv, KvFaults, KvProfile};
use shakedown_sim::log::{Log, LogFaults, LogProfile, Message, Producer, RequestFault};
use shakedown_sim::queue::{Queue, QueueFaults, QueueProfile, SendFault, SettleFault};

use shakedown_sim::*;
use std::cell::RefCell;
use std::rc::Rc;

/// A client that makes one request of each kind, and notes its line.
struct Client {
    lines: Rc<RefCell<Vec<u32>>>,
}

const KV: KvProfile = KvProfile {
    faults: KvFaults { command: &[CommandFault::ResponseLost], ..KvFaults::NONE },
    ..KvProfile::REDIS
};
const LOG: LogProfile = LogProfile {
    faults: LogFaults { send: &[RequestFault::ResponseLost], ..LogFaults::NONE },
    ..LogProfile::KAFKA
};
const QUEUE: QueueProfile = QueueProfile {
    faults: QueueFaults {
        send: &[SendFault::ResponseLost],
        settle: &[SettleFault::ResponseLost],
        ..QueueFaults::NONE
    },
    ..QueueProfile::STANDARD
};

impl Scenario for Client {
    type Fact = NoFact;
    fn name(&self) -> &str {
        "client"
    }
    fn build(&self, stage: &Stage<NoFact>) {
        self.lines.borrow_mut().clear();
        let server = |name: &'static str| stage.node(Role::outside(name.into()), |_| {});
        let kv = Kv::new(&server("redis"), "kv", KV);
        let log = Log::<u32>::new(&server("kafka"), "log", LOG);
        let queue = Queue::<u32>::new(&server("sqs"), "jobs", QUEUE);
        let env = stage.node(Role::outside("client".into()), |_| {}).within(stage.entity("order"));
        let lines = Rc::clone(&self.lines);
        env.clone().spawn(async move {
            let client = kv.client(&env);
            let (get, line) = (client.get("a"), line!());
            lines.borrow_mut().push(line);
            let _ = get.await;
            let (send, line) = (queue.send(&env, "job", 1), line!());
            lines.borrow_mut().push(line);
            let _ = send.await;
            let delivery = queue.receive(&env).await;
            let (ack, line) = (delivery.ack(), line!());
            lines.borrow_mut().push(line);
            let _ = ack.await;
            let producer = Producer::plain(&log);
            let (send, line) = (producer.send(&env, Message::new("item", 1, 1)), line!());
            lines.borrow_mut().push(line);
            let _ = send.await;
        });
    }
    fn invariants(&self) -> Vec<Box<dyn Invariant<NoFact>>> {
        Vec::new()
    }
}

#[test]
fn a_fault_of_a_request_names_the_line_that_made_it() {
    let lines = Rc::new(RefCell::new(Vec::new()));
    let script: Script = "\
        scenario client
        kv/get @ order-1 #1 = response lost
        jobs/send @ order-1/job-1 #1 = response lost
        jobs/ack @ order-1/job-1/delivery-1 #1 = response lost
        log/send @ order-1/item-1 #1 = response lost
    "
    .parse()
    .expect("a script");
    let mut runner = Runner::new(Client { lines: Rc::clone(&lines) });
    let (outcome, trace) = runner.record(Plan::Script(&script));
    assert_eq!(outcome.unapplied, [], "offered: {:#?}", runner.offers());
    let sources = trace.steps.iter().filter_map(|step| step.choice.as_ref()?.source.clone());
    let expected: Vec<String> = lines.borrow().iter().map(|line| format!("{}:{line}", file!())).collect();
    assert_eq!(sources.collect::<Vec<_>>(), expected);
}
