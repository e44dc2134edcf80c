//! `completion-monitoring`: the monitor watches whether work is completed, and the pager watches the monitor.

use crate::backbone::monitor::{self, Alert, Watch};
use crate::guardrail::{Guardrail, Naive};
use crate::settings::{LOOKS_EVERY, MONITOR_SILENT};
use shakedown_sim::{Duration, Env, Heartbeat, Poller};
use std::rc::Rc;

/// The row of `completion-monitoring` in the table of guardrails.
pub const ROW: Guardrail = Guardrail {
    name: "completion-monitoring",
    system: "topology",
    guarded: "the age of work is compared with its deadline; an external pager alerts when the monitor itself sends no heartbeat",
    naive: &[Naive {
        what: "nodes are polled for their health, and failed requests are counted",
        breaks: &["stuck-work-is-noticed"],
        masked_by: &[],
    }],
};

/// The seam: what the monitor watches, and whether the pager watches the monitor.
pub trait CompletionMonitoring {
    /// Boots a node of the monitor.
    fn boot(&self, env: &Env, watch: &Rc<Watch>);
    /// Returns whether the monitor sends heartbeats to the pager.
    fn beats(&self) -> bool;
}

/// Guarded: the monitor alerts about work that is not completed by its promised time. It sends heartbeats as long as
/// it has reported all such work; a missed heartbeat rings the pager.
pub struct AgeAgainstPromise;

impl CompletionMonitoring for AgeAgainstPromise {
    fn boot(&self, env: &Env, watch: &Rc<Watch>) {
        monitor::keep_watch(env, watch);
    }

    fn beats(&self) -> bool {
        true
    }
}

/// The period at which nodes are checked for their health.
const PROBES: Duration = Duration::from_secs(60);

/// Naive: the monitor alerts about nodes that do not respond, and about a web tier in which a twentieth of the requests
/// fails. A node that is up counts as healthy, however little work it completes.
pub struct HealthAndErrors;

impl CompletionMonitoring for HealthAndErrors {
    fn boot(&self, env: &Env, watch: &Rc<Watch>) {
        for node in &watch.nodes {
            let (env, watch, health) = (env.clone(), Rc::clone(watch), Heartbeat::of(node, PROBES));
            env.clone().spawn(async move {
                loop {
                    health.silence(&env, MONITOR_SILENT).await;
                    monitor::insist(&env, &watch.pager, Alert::Unhealthy(health.node())).await;
                    health.beat(&env).await;
                }
            });
        }
        let (env, watch) = (env.clone(), Rc::clone(watch));
        env.clone().spawn(async move {
            let mut poller = Poller::new(&env, watch.log.failed(), LOOKS_EVERY);
            loop {
                poller.turn(None).await;
                if watch.log.is_failing(env.now()) {
                    monitor::insist(&env, &watch.pager, Alert::Errors).await;
                }
            }
        });
    }

    fn beats(&self) -> bool {
        false
    }
}
