//! Several instances behind one address: selects the instance that a request reaches.
//!
//! The model is a load balancer that immediately knows which nodes are down and takes the others in turn; each fault
//! is a way in which real balancers differ from that. A balancer with a link of its own, or one that inspects
//! responses, is a node of the scenario instead.

use crate::env::Env;
use crate::fault::{Faults, Listed, Place};
use crate::label::Label;
use crate::node::NodeId;
use crate::time::{self, Duration};
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
    pub(crate) faults: &'static [InstanceFault],
    /// Copies a request for a retry.
    pub(crate) copy: fn(&Q) -> Q,
    list: RefCell<Vec<Instance<H>>>,
    turn: Cell<usize>,
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
    pub(crate) fn new(op: Label, faults: &'static [InstanceFault], copy: fn(&Q) -> Q) -> Self {
        Requests(faults).check(format_args!("{op}/instance"));
        Self { faults, copy, list: RefCell::default(), turn: Cell::new(0) }
    }

    /// Registers the node of `env` as an instance; a node that was registered before keeps its position.
    pub(crate) fn serve(&self, env: &Env, handler: H) {
        let instance = Instance { node: env.node, incarnation: env.incarnation, handler };
        let mut list = self.list.borrow_mut();
        match list.iter_mut().find(|other| other.node == env.node) {
            Some(earlier) => *earlier = instance,
            None => list.push(instance),
        }
    }

    /// Returns whether there are several instances, and so a choice.
    pub(crate) fn are_several(&self) -> bool {
        self.list.borrow().len() > 1
    }

    /// Returns the instance that a request reaches and the one that a retry reaches; `None` if no node serves the
    /// operation.
    pub(crate) fn take_turn(
        &self,
        fault: Option<InstanceFault>,
        is_up: impl Fn(&Instance<H>) -> bool,
    ) -> Option<(Instance<H>, Instance<H>)> {
        let list = self.list.borrow();
        let (up, down): (Vec<_>, Vec<_>) = list.iter().partition(|instance| is_up(instance));
        let turn = self.turn.replace(self.turn.get() + 1);
        let in_turn = |list: &[&Instance<H>], ahead: usize| {
            (!list.is_empty()).then(|| list[(turn + ahead) % list.len()].clone())
        };
        // If no instance is up, the balancer can only choose one that is down.
        let (first, next) = (in_turn(&up, 0).or(in_turn(&down, 0))?, in_turn(&up, 1).or(in_turn(&down, 1))?);
        Some(match fault {
            Some(InstanceFault::Another) => (next.clone(), next),
            Some(InstanceFault::Dead) => (in_turn(&down, 0).unwrap_or(first), next),
            Some(InstanceFault::Retry(_)) | None => (first, next),
        })
    }

    pub(crate) fn close(&self) {
        self.list.take();
    }
}
