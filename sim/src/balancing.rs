//! Load balancers: which instances are in rotation, by health checks, draining and outlier ejection.
//!
//! # Semantics
//!
//! - **Health checks** run at multiples of [`HealthChecks::period`]. An instance that goes down stays in rotation until
//!   [`HealthChecks::unhealthy_after`] checks have failed, and returns once [`HealthChecks::healthy_after`] have succeeded.
//!   Until then its requests are refused, or hang if it is paused. Checks are computed when a request comes; they are no
//!   events. A balancer without health checks knows at once which instances are down.
//! - **Draining.** An instance that [drains](crate::Endpoint::drain) still serves, and leaves the rotation when
//!   [`HealthChecks::unhealthy_after`] checks have noticed it. A node that shuts down without draining first refuses the
//!   requests that come until then.
//! - **Outlier ejection.** After [`Ejection::consecutive`] failed requests in a row an instance leaves the rotation for
//!   [`Ejection::base`], the second time for twice as long, and so on. At most [`Ejection::most_percent`] of the instances are
//!   ejected at a time, but always one. Failed are refused connections, and the responses that the endpoint's function says.
//! - **Refused connections** are tried at the next instance if [`Balancing::tries_next`]: the request has had no effect.
//! - **No instance in rotation**: the balancer uses all of them.
//!
//! Not modelled: weights and least-request policies, sessions that stick to an instance, active checks of responses, a panic
//! threshold above zero, timeouts as outliers (only the caller sees them), a balancer that is down itself. For a node that flaps
//! faster than its checks, only the last change counts.
//!
//! # Sources
//!
//! Envoy, "Health checking", "Outlier detection" (5 in a row, 30 s, 10 %) and "Panic threshold"; AWS, "Target groups for
//! your Application Load Balancers" (health checks, deregistration delay); Kubernetes, "Pod lifecycle" (readiness and
//! termination); nginx, `proxy_next_upstream`.
//!
//! ```
//! use shakedown_sim::balancing::{Balancing, Ejection, HealthChecks};
//! use shakedown_sim::{Duration, Endpoint, Link, LinkFaults, Op};
//! const BALANCING: Balancing = Balancing {
//!     health: Some(HealthChecks::ENVOY),
//!     ejection: Some(Ejection::ENVOY),
//!     tries_next: true,
//!     ..Balancing::IMMEDIATE
//! };
//! let link = Link::new("web", Duration::from_millis(5), &LinkFaults::NONE);
//! let order = Endpoint::<u32, u16>::balanced_by(Op::new("web.order", "orders"), &link, BALANCING, |status| *status >= 500);
//! ```

use crate::instances::InstanceFault;
use crate::time::{Duration, Moment};

/// How a load balancer selects instances.
#[derive(Clone, Copy, Debug)]
pub struct Balancing {
    /// The possible deviations of its selection.
    pub faults: &'static [InstanceFault],
    /// Its health checks; `None` if it knows at once which instances are down.
    pub health: Option<HealthChecks>,
    /// When it ejects instances whose requests fail.
    pub ejection: Option<Ejection>,
    /// Whether a refused connection is tried at the next instance.
    pub tries_next: bool,
}

impl Balancing {
    /// A balancer that knows at once which instances are down, and takes the others in turn.
    pub const IMMEDIATE: Balancing =
        Balancing { faults: &[], health: None, ejection: None, tries_next: false };
}

/// Checks whether an instance is up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HealthChecks {
    /// The time between two checks.
    pub period: Duration,
    /// The number of failed checks in a row after which an instance leaves the rotation.
    pub unhealthy_after: u32,
    /// The number of successful checks in a row after which it returns.
    pub healthy_after: u32,
}

impl HealthChecks {
    /// The values of Envoy's examples: each 5 s, 3 failures, 2 successes.
    pub const ENVOY: HealthChecks =
        HealthChecks { period: Duration::from_secs(5), unhealthy_after: 3, healthy_after: 2 };
    /// The defaults of an Application Load Balancer: each 30 s, 2 failures, 5 successes.
    pub const AWS: HealthChecks =
        HealthChecks { period: Duration::from_secs(30), unhealthy_after: 2, healthy_after: 5 };

    /// Returns the number of checks after `from` and until `until`.
    fn checks(&self, from: Moment, until: Moment) -> u64 {
        let period = (self.period.as_nanos() as u64).max(1);
        (until.nanos() / period).saturating_sub(from.nanos() / period)
    }

    /// Returns whether a change at `from` was noticed by failed checks until `until`.
    fn noticed(&self, from: Moment, until: Moment) -> bool {
        self.checks(from, until) >= u64::from(self.unhealthy_after)
    }

    /// Returns whether the balancer takes a node for healthy.
    fn sees_up(&self, presence: Presence, now: Moment) -> bool {
        match presence {
            Presence { is_up: false, went_down, .. } => !self.noticed(went_down, now),
            Presence { went_down, came_up, .. } => {
                !self.noticed(went_down, came_up)
                    || self.checks(came_up, now) >= u64::from(self.healthy_after)
            }
        }
    }
}

/// When an instance is ejected.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ejection {
    /// The number of failed requests in a row.
    pub consecutive: u32,
    /// The length of the first ejection; the n-th is n times as long.
    pub base: Duration,
    /// The greatest share of instances that are ejected at a time.
    pub most_percent: u32,
}

impl Ejection {
    /// Envoy's defaults: 5 failures in a row, 30 s, 10 %.
    pub const ENVOY: Ejection = Ejection { consecutive: 5, base: Duration::from_secs(30), most_percent: 10 };
}

/// Whether a node is up, and since when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Presence {
    pub(crate) is_up: bool,
    pub(crate) went_down: Moment,
    pub(crate) came_up: Moment,
}

impl Presence {
    /// A node that has been up since the start.
    pub(crate) const ALWAYS: Presence =
        Presence { is_up: true, went_down: Moment::START, came_up: Moment::START };

    pub(crate) fn goes_down(&mut self, now: Moment) {
        if std::mem::take(&mut self.is_up) {
            self.went_down = now;
        }
    }

    pub(crate) fn comes_up(&mut self, now: Moment) {
        (self.is_up, self.came_up) = (true, now);
    }
}

/// The state of one instance at the balancer.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Outlook {
    failures: u32,
    ejections: u32,
    ejected_until: Moment,
    drains_since: Option<Moment>,
}

impl Outlook {
    pub(crate) fn is_ejected(&self, now: Moment) -> bool {
        now < self.ejected_until
    }

    /// Begins to drain.
    pub(crate) fn drain(&mut self, now: Moment) {
        self.drains_since.get_or_insert(now);
    }

    /// The node serves again.
    pub(crate) fn serve(&mut self) {
        self.drains_since = None;
    }

    /// Records the result of a request. `may_eject` says whether a further instance may be ejected.
    pub(crate) fn record(&mut self, ejection: &Ejection, failed: bool, may_eject: bool, now: Moment) {
        self.failures = if failed { self.failures + 1 } else { 0 };
        if self.failures >= ejection.consecutive && may_eject && !self.is_ejected(now) {
            (self.failures, self.ejections) = (0, self.ejections + 1);
            self.ejected_until = now + ejection.base * self.ejections;
        }
    }
}

impl Balancing {
    /// Returns whether an instance is in rotation. `is_up` says whether its node takes calls.
    pub(crate) fn is_in_rotation(
        &self,
        outlook: &Outlook,
        is_up: bool,
        presence: Presence,
        now: Moment,
    ) -> bool {
        let (seems_up, drains) = match &self.health {
            None => (is_up, outlook.drains_since.is_some()),
            Some(health) => {
                let drains = outlook.drains_since.is_some_and(|since| health.noticed(since, now));
                (health.sees_up(presence, now), drains)
            }
        };
        seems_up && !drains && !outlook.is_ejected(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Moment {
        Moment::START + Duration::from_secs(seconds)
    }

    #[test]
    fn a_node_is_noticed_down_after_three_checks_and_up_after_two() {
        let mut presence = Presence::ALWAYS;
        presence.goes_down(at(7));
        let sees_up = |presence, seconds| HealthChecks::ENVOY.sees_up(presence, at(seconds));
        // Checks at 10, 15 and 20 s.
        assert!(sees_up(presence, 19) && !sees_up(presence, 20));
        let mut short = presence;
        short.comes_up(at(19));
        assert!(sees_up(short, 20), "two failed checks are not noticed");
        presence.comes_up(at(21));
        assert!(!sees_up(presence, 29) && sees_up(presence, 30));
        assert!(sees_up(Presence::ALWAYS, 0));
    }

    #[test]
    fn failures_in_a_row_eject_for_longer_each_time() {
        let mut outlook = Outlook::default();
        let mut record = |failed, may_eject, second| {
            outlook.record(&Ejection::ENVOY, failed, may_eject, at(second));
            outlook.is_ejected(at(second))
        };
        assert!((0..4).all(|second| !record(true, true, second)));
        assert!(!record(false, true, 4), "a success in between");
        assert!((5..9).all(|second| !record(true, true, second)));
        assert!(record(true, true, 9));
        assert_eq!(outlook.ejected_until, at(39));
        (40..45).for_each(|second| outlook.record(&Ejection::ENVOY, true, true, at(second)));
        assert_eq!(outlook.ejected_until, at(44 + 60));
        (200..205).for_each(|second| outlook.record(&Ejection::ENVOY, true, false, at(second)));
        assert!(!outlook.is_ejected(at(205)));
    }
}
