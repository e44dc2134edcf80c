//! Several instances behind one address: selects the instance that a request reaches.
//!
//! The model is a load balancer that takes the instances in turn. It knows at once which of them are down
//! ([`Endpoint::balanced`](crate::Endpoint::balanced)), or by health checks and by failed requests
//! ([`balancing`](crate::balancing)). Each fault is a further way in which real balancers differ from that. A balancer with a
//! link of its own is a node of the scenario instead.

use crate::balancing::{Balancing, Outlook, Presence};
use crate::env::Env;
use crate::fault::{Faults, Listed, Place};
use crate::label::Label;
use crate::node::NodeId;
use crate::time::{self, Duration, Moment};
use std::cell::{Cell, RefCell};

/// The possible faults of a request to an address that several nodes serve.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum InstanceFault {
    /// The request reaches the instance after the one whose turn it is.
    Another,
    /// The request reaches an instance that is down, if there is one: the balancer has not noticed yet.
    Dead,
    /// The request reaches the instance whose turn it is and, this much later, also the next one, because the balancer
    /// has received no response. The caller receives the response of the latter.
    Retry(Duration),
}

impl Listed for InstanceFault {
    fn text(self) -> String {
        match self {
            Self::Another => "another".to_owned(),
            Self::Dead => "dead".to_owned(),
            Self::Retry(after) => format!("retry after {}", time::text(after)),
        }
    }

    fn read(text: &str) -> Option<Self> {
        match text {
            "another" => Some(Self::Another),
            "dead" => Some(Self::Dead),
            _ => text.strip_prefix("retry after ").and_then(time::parse).map(Self::Retry),
        }
    }

    fn length(self) -> Option<Duration> {
        if let Self::Retry(after) = self { Some(after) } else { None }
    }

    fn erase(list: &'static [Self]) -> Faults {
        Faults::Instance(list)
    }
}

/// Requests to an address that several nodes serve.
#[derive(Clone, Copy)]
pub(crate) struct Requests(pub(crate) &'static [InstanceFault]);

impl Place for Requests {
    type Fault = InstanceFault;
    const BENIGN: &'static str = "next in turn";

    fn faults(self) -> &'static [InstanceFault] {
        self.0
    }
}

/// The instances of an operation, in the order of their first registration.
pub(crate) struct Instances<Q, H> {
    pub(crate) balancing: Balancing,
    /// Copies a request for a retry.
    pub(crate) copy: fn(&Q) -> Q,
    list: RefCell<Vec<Member<H>>>,
    turn: Cell<usize>,
}

/// An instance, and what the balancer remembers of it.
struct Member<H> {
    instance: Instance<H>,
    outlook: Outlook,
}

/// A node that serves an operation.
pub(crate) struct Instance<H> {
    pub(crate) node: NodeId,
    pub(crate) incarnation: u32,
    pub(crate) handler: H,
}

impl<H: Clone> Clone for Instance<H> {
    fn clone(&self) -> Self {
        Self { handler: self.handler.clone(), ..*self }
    }
}

impl<Q, H: Clone> Instances<Q, H> {
    /// # Panics
    /// If the list contains an impossible fault.
    pub(crate) fn new(op: Label, balancing: Balancing, copy: fn(&Q) -> Q) -> Self {
        Requests(balancing.faults).check(format_args!("{op}/instance"));
        Self { balancing, copy, list: RefCell::default(), turn: Cell::new(0) }
    }

    /// Registers the node of `env` as an instance; a node that was registered before keeps its position.
    pub(crate) fn serve(&self, env: &Env, handler: H) {
        let instance = Instance { node: env.node, incarnation: env.incarnation, handler };
        let mut list = self.list.borrow_mut();
        match list.iter_mut().find(|other| other.instance.node == env.node) {
            Some(earlier) => {
                earlier.instance = instance;
                earlier.outlook.serve();
            }
            None => list.push(Member { instance, outlook: Outlook::default() }),
        }
    }

    /// Returns whether there are several instances, and so a choice.
    pub(crate) fn are_several(&self) -> bool {
        self.list.borrow().len() > 1
    }

    /// Returns the instance that a request reaches at `now` and the one that a retry reaches; `None` if no node serves the
    /// operation. `is_up` says whether a node takes calls.
    pub(crate) fn take_turn(
        &self,
        fault: Option<InstanceFault>,
        now: Moment,
        is_up: impl Fn(&Instance<H>) -> bool,
        presence: impl Fn(NodeId) -> Presence,
    ) -> Option<(Instance<H>, Instance<H>)> {
        let list = self.list.borrow();
        let is_in_rotation = |Member { instance, outlook }: &Member<H>| {
            self.balancing.is_in_rotation(outlook, is_up(instance), presence(instance.node), now)
        };
        let (rotation, others): (Vec<_>, Vec<_>) = list.iter().partition(|member| is_in_rotation(member));
        // If no instance is in rotation, the balancer can only choose one of the others.
        let rotation = if rotation.is_empty() { &others } else { &rotation };
        let turn = self.turn.replace(self.turn.get() + 1);
        let in_turn = |list: &[&Member<H>], ahead: usize| {
            (!list.is_empty()).then(|| list[(turn + ahead) % list.len()].instance.clone())
        };
        let (first, next) = (in_turn(rotation, 0)?, in_turn(rotation, 1)?);
        let (chosen, next) = match fault {
            Some(InstanceFault::Another) => (next.clone(), next),
            Some(InstanceFault::Dead) => {
                let down: Vec<_> = list.iter().filter(|member| !is_up(&member.instance)).collect();
                (in_turn(&down, 0).unwrap_or(first), next)
            }
            Some(InstanceFault::Retry(_)) | None => (first, next),
        };
        if is_up(&chosen) {
            return Some((chosen, next));
        }
        let others = (1..rotation.len()).filter_map(|ahead| in_turn(rotation, ahead));
        let another = others.filter(|_| self.balancing.tries_next).find(|other| is_up(other));
        drop(list);
        self.record(chosen.node, true, now);
        Some((another.unwrap_or(chosen), next))
    }

    /// Records the result of a request at a node, for outlier ejection.
    pub(crate) fn record(&self, node: NodeId, failed: bool, now: Moment) {
        let Some(ejection) = &self.balancing.ejection else { return };
        let mut list = self.list.borrow_mut();
        let ejected = list.iter().filter(|member| member.outlook.is_ejected(now)).count();
        let may_eject = ejected == 0 || (ejected + 1) * 100 <= ejection.most_percent as usize * list.len();
        if let Some(member) = list.iter_mut().find(|member| member.instance.node == node) {
            member.outlook.record(ejection, failed, may_eject, now);
        }
    }

    /// Lets a node drain.
    pub(crate) fn drain(&self, node: NodeId, now: Moment) {
        let mut list = self.list.borrow_mut();
        let member = list.iter_mut().find(|member| member.instance.node == node);
        member.into_iter().for_each(|member| member.outlook.drain(now));
    }

    pub(crate) fn close(&self) {
        self.list.take();
    }
}
