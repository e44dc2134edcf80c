//! The port to madsim: one madsim node per node, its `Endpoint` for messages with a fixed latency, crashes by `kill`
//! and `restart`. madsim sleeps for 1 ms at each send and receive, which is part of the link's 5 ms here, and adds
//! some random microseconds, which cannot be turned off.
//!
//! Simulation needs `--cfg madsim`, so this port is a program of its own, which the comparison builds and runs.

#[cfg(madsim)]
mod port {
    use madsim::Config;
    use madsim::net::Endpoint;
    use madsim::runtime::{Handle, Runtime};
    use madsim::time::Instant;
    use peers_workload::nodes::{Machine, Process, Run};
    use peers_workload::tally::{Tally, What};
    use peers_workload::{AWAY, Node};
    use std::cell::RefCell;
    use std::future::Future;
    use std::net::{Ipv4Addr, SocketAddr};
    use std::rc::Rc;
    use std::time::Duration;

    const TAG: u64 = 1;
    /// The latency of a link without the sleeps of sender and receiver, each of which takes 1 ms.
    const ON_THE_WAY: Duration = Duration::from_millis(3);

    thread_local! {
        /// The state that outlives the nodes; a node's first task must be `Send`, although everything runs on one
        /// thread.
        static RUN: RefCell<Option<(Rc<Run>, Instant)>> = const { RefCell::new(None) };
    }

    fn address(node: Node) -> SocketAddr {
        (Ipv4Addr::new(10, 0, 0, 1 + node as u8), 1_000).into()
    }

    #[derive(Clone)]
    struct OnMadsim {
        began: Instant,
        endpoint: Rc<Endpoint>,
    }

    impl Machine for OnMadsim {
        fn now_ns(&self) -> u64 {
            self.began.elapsed().as_nanos() as u64
        }

        async fn sleep(&self, span: Duration) {
            madsim::time::sleep(span).await;
        }

        async fn timeout(&self, timeout: Duration, future: impl Future) -> bool {
            madsim::time::timeout(timeout, future).await.is_ok()
        }

        fn spawn(&self, task: impl Future<Output = ()> + 'static) {
            madsim::task::spawn_local(task);
        }

        async fn send(&self, to: Node, packet: u64) {
            let sent = self.endpoint.send_to(address(to), TAG, &packet.to_le_bytes()).await;
            sent.expect("the network takes a message");
        }
    }

    async fn node(node: Node) {
        let (run, began) = RUN.with_borrow(|run| run.clone()).expect("a run is under way");
        let endpoint = Endpoint::bind(address(node)).await.expect("the address is free");
        let machine = OnMadsim { began, endpoint: Rc::new(endpoint) };
        let process = Process::start(node, machine.clone(), run);
        loop {
            let mut packet = [0; 8];
            machine.endpoint.recv_from(TAG, &mut packet).await.expect("the network is up");
            process.take(u64::from_le_bytes(packet));
        }
    }

    async fn crash_until_rest(run: &Run, worker: madsim::task::NodeId, began: Instant) {
        for crash in run.crashes() {
            let rest = madsim::time::timeout(
                (began + crash).saturating_duration_since(Instant::now()),
                run.at_rest(),
            );
            if rest.await.is_ok() {
                return;
            }
            run.crash(began.elapsed().as_nanos() as u64, What::Crashed);
            Handle::current().kill(worker);
            madsim::time::sleep(AWAY).await;
            run.crash(began.elapsed().as_nanos() as u64, What::Restarted);
            Handle::current().restart(worker);
        }
        run.at_rest().await;
    }

    /// Runs a seed.
    pub fn run(seed: u64) -> Tally {
        let mut config = Config::default();
        config.net.send_latency = ON_THE_WAY..ON_THE_WAY + Duration::from_nanos(1);
        let runtime = Runtime::with_seed_and_config(seed, config);
        let run = Run::of(seed);
        let own = Rc::clone(&run);
        runtime.block_on(async move {
            let began = Instant::now();
            RUN.set(Some((Rc::clone(&own), began)));
            let nodes = Node::ALL.map(|which| {
                Handle::current().create_node().ip(address(which).ip()).init(move || node(which)).build()
            });
            crash_until_rest(&own, nodes[Node::Worker as usize].id(), began).await;
        });
        RUN.set(None);
        run.tally()
    }
}

#[cfg(madsim)]
fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let engine = |name: &str| (name == "madsim").then(|| Box::new(port::run) as Box<dyn FnMut(u64) -> _>);
    if let Some(round) = peers_workload::round::answer(&arguments, engine) {
        println!("{round}");
    }
}

#[cfg(not(madsim))]
fn main() {
    eprintln!("build this with RUSTFLAGS=\"--cfg madsim\", as the comparison does");
}
