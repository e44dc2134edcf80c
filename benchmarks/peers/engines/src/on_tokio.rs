//! The port to Tokio with its clock paused: one runtime per seed on the current thread; time jumps when nothing is
//! ready. A message is a task that sleeps for the latency of the link and then puts the message into its node's
//! mailbox. The worker's crash aborts its tasks. Tokio's timers have a granularity of 1 ms, which is also the
//! workload's.

use peers_workload::nodes::{Machine, Process, Run};
use peers_workload::tally::{Tally, What};
use peers_workload::{AWAY, LINK, Node};
use std::cell::RefCell;
use std::future::Future;
use std::rc::Rc;
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::task::{JoinSet, LocalSet, spawn_local};
use tokio::time::Instant;

/// The mailbox of each node; `None` while it is down.
type Network = Rc<RefCell<[Option<UnboundedSender<u64>>; 3]>>;

#[derive(Clone)]
struct OnTokio {
    began: Instant,
    network: Network,
    tasks: Rc<RefCell<JoinSet<()>>>,
}

impl Machine for OnTokio {
    fn now_ns(&self) -> u64 {
        self.began.elapsed().as_nanos() as u64
    }

    async fn sleep(&self, span: Duration) {
        tokio::time::sleep(span).await;
    }

    async fn timeout(&self, timeout: Duration, future: impl Future) -> bool {
        tokio::time::timeout(timeout, future).await.is_ok()
    }

    fn spawn(&self, task: impl Future<Output = ()> + 'static) {
        self.tasks.borrow_mut().spawn_local(task);
    }

    async fn send(&self, to: Node, packet: u64) {
        let network = Rc::clone(&self.network);
        spawn_local(async move {
            tokio::time::sleep(LINK).await;
            if let Some(mailbox) = &network.borrow()[to as usize] {
                let _down = mailbox.send(packet);
            }
        });
    }
}

/// Starts a node; its tasks end when the returned value is dropped.
fn start(node: Node, began: Instant, network: &Network, run: &Rc<Run>) -> Rc<RefCell<JoinSet<()>>> {
    let (mailbox, mut packets) = unbounded_channel();
    network.borrow_mut()[node as usize] = Some(mailbox);
    let tasks = Rc::default();
    let machine = OnTokio { began, network: Rc::clone(network), tasks: Rc::clone(&tasks) };
    let process = Process::start(node, machine.clone(), Rc::clone(run));
    machine.spawn(async move {
        while let Some(packet) = packets.recv().await {
            process.take(packet);
        }
    });
    tasks
}

/// Runs a seed.
pub fn run(seed: u64) -> Tally {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let runtime = runtime.expect("a runtime can be built");
    let run = Run::of(seed);
    LocalSet::new().block_on(&runtime, async {
        let (began, network) = (Instant::now(), Network::default());
        let mut nodes = Node::ALL.map(|node| start(node, began, &network, &run));
        for crash in run.crashes() {
            let rest = tokio::time::timeout_at(began + crash, run.at_rest());
            if rest.await.is_ok() {
                return;
            }
            run.crash(began.elapsed().as_nanos() as u64, What::Crashed);
            network.borrow_mut()[Node::Worker as usize] = None;
            nodes[Node::Worker as usize].borrow_mut().abort_all();
            tokio::time::sleep(AWAY).await;
            run.crash(began.elapsed().as_nanos() as u64, What::Restarted);
            nodes[Node::Worker as usize] = start(Node::Worker, began, &network, &run);
        }
        run.at_rest().await;
        nodes.iter().for_each(|tasks| tasks.borrow_mut().abort_all());
    });
    run.tally()
}
