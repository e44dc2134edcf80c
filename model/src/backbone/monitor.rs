//! The monitor: watches the platform and alerts people through an external pager.
//!
//! Each flow states its promises: the accepted work and the times by which it is completed ([`Promises`]). The design
//! decides what is watched. If it is the work itself, the monitor sleeps until a promise is broken, and then alerts until a
//! person has acknowledged the alert. Its heartbeat means that it has checked everything and has reported all it found. It
//! remembers acknowledged alerts in memory only: after a restart it alerts again, and learns that the alert was
//! acknowledged.

use super::Backbone;
use super::jobs::WorkItem;
use super::workers::STORE_AGAIN;
use crate::settings::{ALERT_AGAIN, LOOKS_EVERY, MONITOR_BEATS, PAGER_AGAIN, PAGER_TIMEOUT};
use serde::Serialize;
use shakedown_sim::{
    Endpoint, Env, Heartbeat, Link, Moment, NodeId, Op, Poller, Scope, Side, Signal, StoreError,
};
use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

/// Work that is not completed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Owed {
    /// The piece of work.
    pub item: WorkItem,
    /// The time by which it was promised.
    pub due: Moment,
    /// The trace context of the request for it.
    pub context: Scope,
}

/// The future of [`Promises::owed`].
pub type Owing = Pin<Box<dyn Future<Output = Result<Vec<Owed>, StoreError>>>>;

/// A flow's promises.
pub trait Promises {
    /// Returns the work that the flow has accepted and not completed.
    fn owed(&self, env: Env) -> Owing;
    /// Returns the signal that is raised when the owed work may have changed.
    fn changed(&self) -> Signal;
}

/// The subject of an alert.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub enum Alert {
    /// A piece of work is not completed by its promised time.
    Late(WorkItem),
    /// A node does not respond to health checks.
    Unhealthy(NodeId),
    /// Too many requests fail.
    Errors,
}

/// The pager, as the monitor calls it.
#[derive(Clone)]
pub struct PagerApi {
    /// Alerts the person on call. The response is whether a person has acknowledged the alert.
    pub alert: Endpoint<Alert, bool>,
}

impl PagerApi {
    /// Creates the operation, over `link`.
    pub fn over(link: &Link) -> Self {
        Self { alert: Endpoint::new(Op::new("pager.alert", "alerts the engineer on call"), link) }
    }
}

/// The log of the requests that pass an edge, as far as a monitor reads it.
pub trait RequestLog {
    /// Returns the signal that is raised when a request failed for a reason of ours.
    fn failed(&self) -> &Signal;
    /// Returns whether the share of failing requests exceeds its limit.
    fn is_failing(&self, now: Moment) -> bool;
}

/// The objects that a monitor may watch, and its pager.
pub struct Watch {
    /// The flows.
    pub promises: Vec<Rc<dyn Promises>>,
    /// The nodes that have work to do.
    pub nodes: Vec<Env>,
    /// The log of the edge.
    pub log: Rc<dyn RequestLog>,
    /// The pager.
    pub pager: PagerApi,
}

/// Boots a node of the monitor.
pub fn boot(env: &Env, backbone: &Backbone, watch: &Rc<Watch>) {
    backbone.design.completion_monitoring.boot(env, watch);
}

/// Returns the monitor's heartbeat, to which the pager listens, if the design sends one. `monitor` is a handle of its
/// node.
pub fn heartbeat(backbone: &Backbone, monitor: &Env) -> Option<Heartbeat> {
    backbone.design.completion_monitoring.beats().then(|| Heartbeat::of(monitor, MONITOR_BEATS))
}

/// One incarnation of a monitor that watches promises. It sends heartbeats while there is nothing left to check or to
/// report, so a received heartbeat means that all late work has been reported.
struct Watching {
    heartbeat: Heartbeat,
    /// The number of flows that may have late work which is not reported yet.
    unsure: Cell<usize>,
}

impl Watching {
    fn is_sure(&self, env: &Env) {
        self.unsure.set(self.unsure.get() - 1);
        if self.unsure.get() == 0 {
            self.heartbeat.go_on(env);
        }
    }

    fn is_unsure(&self, env: &Env) {
        self.unsure.set(self.unsure.get() + 1);
        self.heartbeat.stop(env);
    }
}

/// Watches the promises of each flow.
pub(crate) fn keep_watch(env: &Env, watch: &Rc<Watch>) {
    let (heartbeat, unsure) = (Heartbeat::of(env, MONITOR_BEATS), Cell::new(watch.promises.len()));
    heartbeat.stop(env);
    let watching = Rc::new(Watching { heartbeat, unsure });
    for promises in &watch.promises {
        let (env, watch) = (env.clone(), Rc::clone(watch));
        env.clone().spawn(watch_over(env, Rc::clone(promises), watch, Rc::clone(&watching)));
    }
}

async fn watch_over(env: Env, promises: Rc<dyn Promises>, watch: Rc<Watch>, watching: Rc<Watching>) {
    let mut poller = Poller::new(&env, &promises.changed(), LOOKS_EVERY);
    let (mut taken, mut due) = (Vec::new(), None);
    poller.turn(due).await;
    loop {
        let look = env.child("look");
        look.crash_point(Side::Before, "look").await;
        let Ok(owed) = promises.owed(look.clone()).await else {
            env.sleep(STORE_AGAIN).await;
            continue;
        };
        due = alert(&look, &watch.pager, &owed, &mut taken).await;
        watching.is_sure(&env);
        poller.turn(due).await;
        watching.is_unsure(&env);
    }
}

/// Alerts about work that is late and not acknowledged, each until the pager has it. Returns when to check again.
async fn alert(env: &Env, pager: &PagerApi, owed: &[Owed], taken: &mut Vec<WorkItem>) -> Option<Moment> {
    let now = env.now();
    let (late, rest): (Vec<&Owed>, Vec<&Owed>) = owed.iter().partition(|owed| owed.due <= now);
    let mut next = rest.iter().map(|owed| owed.due).min();
    for Owed { item, due, context } in late {
        if taken.contains(item) {
            continue;
        }
        let env = env.within(*context).child("alert");
        let is_taken = loop {
            env.because(|| format!("it is not done and was promised by {due}"));
            match env.call(&pager.alert, Alert::Late(*item), PAGER_TIMEOUT).await {
                Ok(is_taken) => break is_taken,
                Err(_) => env.sleep(PAGER_AGAIN).await,
            }
        };
        if is_taken {
            taken.push(*item);
        } else {
            let again = now + ALERT_AGAIN;
            next = Some(next.map_or(again, |next| next.min(again)));
        }
    }
    next
}

/// Sends an alert until a person has acknowledged it.
pub(crate) async fn insist(env: &Env, pager: &PagerApi, alert: Alert) {
    loop {
        match env.child("alert").call(&pager.alert, alert, PAGER_TIMEOUT).await {
            Ok(true) => return,
            Ok(false) => env.sleep(ALERT_AGAIN).await,
            Err(_) => env.sleep(PAGER_AGAIN).await,
        }
    }
}
