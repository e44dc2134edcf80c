//! The port to turmoil: one host per node, datagrams over its network with a fixed latency, crashes by `crash` and
//! `bounce` between ticks. Its clock moves by whole ticks: a message arrives at the tick after its latency, and a
//! host wakes at the end of its tick. With ticks of 10 ms, each way over a link therefore takes 10 ms rather than 5.

use peers_workload::nodes::{Machine, Process, Run};
use peers_workload::tally::{Tally, What};
use peers_workload::{AWAY, LINK, Node};
use std::future::Future;
use std::net::Ipv4Addr;
use std::rc::Rc;
use std::time::{Duration, SystemTime};
use tokio::task::spawn_local;
use turmoil::net::UdpSocket;

const PORT: u16 = 1_000;

fn name(node: Node) -> &'static str {
    ["client", "worker", "partner"][node as usize]
}

#[derive(Clone)]
struct OnTurmoil {
    socket: Rc<UdpSocket>,
}

impl Machine for OnTurmoil {
    fn now_ns(&self) -> u64 {
        turmoil::sim_elapsed().expect("within the simulation").as_nanos() as u64
    }

    async fn sleep(&self, span: Duration) {
        tokio::time::sleep(span).await;
    }

    async fn timeout(&self, timeout: Duration, future: impl Future) -> bool {
        tokio::time::timeout(timeout, future).await.is_ok()
    }

    fn spawn(&self, task: impl Future<Output = ()> + 'static) {
        spawn_local(task);
    }

    async fn send(&self, to: Node, packet: u64) {
        let sent = self.socket.send_to(&packet.to_le_bytes(), (name(to), PORT)).await;
        sent.expect("the network takes a datagram");
    }
}

/// Runs a seed with ticks of this length.
///
/// # Panics
/// If the simulation ends in an error.
pub fn run(seed: u64, tick: Duration) -> Tally {
    let run = Run::of(seed);
    let mut builder = turmoil::Builder::new();
    builder.tick_duration(tick).simulation_duration(Duration::from_secs(600)).epoch(SystemTime::UNIX_EPOCH);
    builder.min_message_latency(LINK).max_message_latency(LINK).rng_seed(seed);
    let mut sim = builder.build();
    for node in Node::ALL {
        let run = Rc::clone(&run);
        sim.host(name(node), move || {
            let run = Rc::clone(&run);
            async move {
                let machine =
                    OnTurmoil { socket: Rc::new(UdpSocket::bind((Ipv4Addr::UNSPECIFIED, PORT)).await?) };
                let process = Process::start(node, machine.clone(), run);
                loop {
                    let mut packet = [0; 8];
                    machine.socket.recv_from(&mut packet).await?;
                    process.take(u64::from_le_bytes(packet));
                }
            }
        });
    }
    let mut changes =
        run.crashes().into_iter().flat_map(|crash| [(crash, What::Crashed), (crash + AWAY, What::Restarted)]);
    let mut next = changes.next();
    while !run.is_at_rest() {
        if let Some((_, what)) = next.filter(|(time, _)| *time <= sim.elapsed()) {
            run.crash(sim.elapsed().as_nanos() as u64, what);
            match what {
                What::Crashed => sim.crash(name(Node::Worker)),
                _ => sim.bounce(name(Node::Worker)),
            }
            next = changes.next();
        }
        sim.step().expect("the simulation goes on");
    }
    run.tally()
}
