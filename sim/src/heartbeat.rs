//! Heartbeats: a node sends a sign of life at regular intervals, and a listener notices when they are missing (a dead
//! man's switch).
//!
//! In production a heartbeat is a message, and most heartbeats carry no news. Here heartbeats that arrive are neither
//! executed nor counted: the listener sleeps until the node stops sending, and then for the time that it would wait
//! for a heartbeat. A node sends a heartbeat when it starts or resumes, and every period from then on; while it is
//! down or paused it sends none. Its own code may suspend the heartbeat until some work is done: a heartbeat then
//! means that all is well, not only that the node is up. Heartbeats are missing only because of their node, never
//! because of the network.

use crate::env::Env;
use crate::node::{NodeId, State};
use crate::signal::Signal;
use crate::time::{Duration, Moment};

/// A node's heartbeat, as listeners see it.
#[derive(Clone, Copy, Debug)]
pub struct Heartbeat {
    node: NodeId,
    period: Duration,
}

impl Heartbeat {
    /// Creates the heartbeat of `env`'s node, with this `period`.
    ///
    /// # Panics
    /// If `period` is zero.
    pub fn of(env: &Env, period: Duration) -> Self {
        assert!(!period.is_zero(), "a heartbeat has a period");
        Self { node: env.node(), period }
    }

    /// Returns the node that sends it.
    pub fn node(&self) -> NodeId {
        self.node
    }

    /// Suspends it: no heartbeat is sent until [`Heartbeat::go_on`], even if the node restarts. `env` is the node's
    /// own handle.
    pub fn stop(&self, env: &Env) {
        self.set_suspended(env, true);
    }

    /// Resumes sending, from now on. `env` is the node's own handle.
    pub fn go_on(&self, env: &Env) {
        self.set_suspended(env, false);
    }

    fn set_suspended(&self, env: &Env, stops: bool) {
        assert!(env.node() == self.node, "a node's heartbeat is its own");
        if !env.is_alive() {
            return;
        }
        let mut core = env.world.core.borrow_mut();
        if stops {
            core.heartbeat_stops(self.node);
        }
        let pulse = &mut core.nodes[self.node].pulse;
        pulse.is_led = true;
        let was_stopped = std::mem::replace(&mut pulse.stopped, stops);
        if was_stopped && !stops {
            core.heartbeat_starts(self.node);
        }
    }

    /// Waits until no heartbeat has arrived for `timeout`; returns when the last one arrived. `env` is the listener's
    /// handle.
    pub async fn silence(&self, env: &Env, timeout: Duration) -> Moment {
        loop {
            let (turned, last) = self.listen(env);
            let due = last.map_or(Moment::NEVER, |last| last + timeout);
            match last {
                Some(last) if due <= env.now() => return last,
                _ => turned.changed(env, turned.version(), due).await,
            }
        }
    }

    /// Waits until the node sends heartbeats; returns at once if it does. `env` is the listener's handle.
    pub async fn beat(&self, env: &Env) {
        loop {
            let (turned, last) = self.listen(env);
            if last.is_none() {
                return;
            }
            turned.changed(env, turned.version(), Moment::NEVER).await;
        }
    }

    /// Returns the signal that is raised when the node stops or resumes sending, and the time of the last heartbeat
    /// if it sends none now.
    fn listen(&self, env: &Env) -> (Signal, Option<Moment>) {
        let mut core = env.world.core.borrow_mut();
        let node = &mut core.nodes[self.node];
        let (beats, pulse) = (node.state == State::Up && !node.pulse.stopped, &mut node.pulse);
        let turned = pulse.turned.get_or_insert_default().clone();
        let period = self.period.as_nanos() as u64;
        let count = pulse.left.since(pulse.began).as_nanos() as u64 / period;
        let last = pulse.began + Duration::from_nanos(count * period);
        (turned, (!beats).then_some(last))
    }
}
