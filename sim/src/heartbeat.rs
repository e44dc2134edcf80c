//! Heartbeats: a node says every so often that it is there, and somebody notices when it does not: a dead man's switch.
//!
//! In production a beat is a message that mostly tells nothing. Here beats that come are neither run nor counted:
//! the listener sleeps until the node leaves off, and then for as long as it would wait for a beat. A node
//! beats when it begins or goes on, and every period from then on; while it is down or paused it does not. Its own
//! code may stop the heartbeat while something is to be done first: a beat then says that all is well, not only that
//! somebody is there. Beats get lost with their node only, never on the way.

use crate::env::Env;
use crate::node::{NodeId, State};
use crate::signal::Signal;
use crate::time::{Duration, Moment};

/// A node's heartbeat, as others listen to it.
#[derive(Clone, Copy, Debug)]
pub struct Heartbeat {
    node: NodeId,
    period: Duration,
}

impl Heartbeat {
    /// The heartbeat of `env`'s node, which beats each `period`.
    ///
    /// # Panics
    /// If `period` is zero.
    pub fn of(env: &Env, period: Duration) -> Self {
        assert!(!period.is_zero(), "a heartbeat has a period");
        Self { node: env.node(), period }
    }

    /// Whose it is.
    pub fn node(&self) -> NodeId {
        self.node
    }

    /// Stops it: no beat goes out until [`Heartbeat::go_on`], even if the node begins anew. `env` is the node's own.
    pub fn stop(&self, env: &Env) {
        self.lead(env, true);
    }

    /// Lets it beat, from now on.
    pub fn go_on(&self, env: &Env) {
        self.lead(env, false);
    }

    fn lead(&self, env: &Env, stops: bool) {
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

    /// Waits until no beat has come for `timeout`; answers when the last one came. `env` is the listener's.
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

    /// Waits until it beats; not at all if it does.
    pub async fn beat(&self, env: &Env) {
        loop {
            let (turned, last) = self.listen(env);
            if last.is_none() {
                return;
            }
            turned.changed(env, turned.version(), Moment::NEVER).await;
        }
    }

    /// What tells that the node has left off or gone on, and when the last beat came if none comes now.
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
