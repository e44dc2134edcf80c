//! [`Network`]: who listens where, and how links behave. One for each run.

use crate::faults::Link;
use crate::listener::Backlog;
use shakedown_sim::ambient::Handle;
use shakedown_sim::{Fact, Label, NodeId, Scope, Stage};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::{Arc, Mutex};

/// What listens at a port of a node.
#[derive(Clone)]
pub(crate) struct Listening {
    pub(crate) owner: Handle,
    pub(crate) backlog: Arc<Mutex<Backlog>>,
}

/// The network of a run. A scenario sets its links:
///
/// ```
/// use shakedown_net::{Link, Network, StreamFaults};
/// use shakedown_sim::{Duration, Fact, Stage};
/// fn build<F: Fact>(stage: &Stage<F>) {
///     let network = Network::on(stage);
///     network.link("partner", Link { latency: Duration::from_millis(40), faults: &StreamFaults::LOSSY });
///     network.alias("api.partner.example", "partner");
/// }
/// ```
#[derive(Default)]
pub struct Network(RefCell<State>);

/// Describes bytes that digests leave out.
pub(crate) type HiddenWording = dyn Fn(Scope, bool, &[u8]) -> String + Send + Sync;

#[derive(Default)]
struct State {
    links: BTreeMap<String, Link>,
    aliases: BTreeMap<String, String>,
    hidden: BTreeMap<String, Arc<HiddenWording>>,
    listeners: BTreeMap<(NodeId, u16), Listening>,
    ephemeral: BTreeMap<NodeId, u16>,
    sockets: BTreeMap<(NodeId, u16), crate::datagram::Bound>,
}

/// The first port that is assigned to a listener or client that names none.
const EPHEMERAL: u16 = 49_152;

impl Network {
    /// Returns the network of the run that is being built.
    pub fn on<F: Fact>(stage: &Stage<F>) -> Rc<Network> {
        stage.extension()
    }

    pub(crate) fn of(handle: Handle) -> Rc<Network> {
        handle.extension()
    }

    /// Sets the link on which connections to the nodes of the role `role` are made. The default has no faults.
    ///
    /// # Panics
    /// If a fault has no meaning at its place.
    pub fn link(&self, role: &str, link: Link) {
        link.faults.check(role);
        self.0.borrow_mut().links.insert(role.to_owned(), link);
    }

    /// Makes `name` resolve to the addresses of `target`, a node or a role.
    pub fn alias(&self, name: &str, target: &str) {
        self.0.borrow_mut().aliases.insert(name.to_owned(), target.to_owned());
    }

    /// Keeps the bytes of connections to the nodes of the role `role` out of digests: the node records what they mean. For protocols in
    /// which drivers send numbers that differ from run to run, such as names of prepared statements. `wording` describes for traces
    /// what is sent on a connection, first the connection's scope, then whether it is sent to the node.
    pub fn hide_bytes(
        &self,
        role: &str,
        wording: impl Fn(Scope, bool, &[u8]) -> String + Send + Sync + 'static,
    ) {
        self.0.borrow_mut().hidden.insert(role.to_owned(), Arc::new(wording));
    }

    pub(crate) fn hidden(&self, role: Label) -> Option<Arc<HiddenWording>> {
        self.0.borrow().hidden.get(role.text()).cloned()
    }

    pub(crate) fn resolve_alias(&self, name: &str) -> Option<String> {
        self.0.borrow().aliases.get(name).cloned()
    }

    pub(crate) fn link_to(&self, role: Label) -> Link {
        self.0.borrow().links.get(role.text()).copied().unwrap_or_default()
    }

    /// Returns what listens at this port, if its incarnation lives.
    pub(crate) fn listening(&self, node: NodeId, port: u16) -> Option<Listening> {
        self.0.borrow().listeners.get(&(node, port)).filter(|listening| listening.owner.is_alive()).cloned()
    }

    pub(crate) fn listen(&self, port: u16, listening: Listening) {
        self.0.borrow_mut().listeners.insert((listening.owner.node(), port), listening);
    }

    pub(crate) fn close(&self, node: NodeId, port: u16) {
        self.0.borrow_mut().listeners.remove(&(node, port));
    }

    pub(crate) fn socket(&self, node: NodeId, port: u16) -> Option<crate::datagram::Bound> {
        self.0.borrow().sockets.get(&(node, port)).filter(|bound| bound.owner.is_alive()).cloned()
    }

    pub(crate) fn bind_socket(&self, port: u16, bound: crate::datagram::Bound) {
        self.0.borrow_mut().sockets.insert((bound.owner.node(), port), bound);
    }

    pub(crate) fn close_socket(&self, node: NodeId, port: u16) {
        self.0.borrow_mut().sockets.remove(&(node, port));
    }

    /// Returns a port of the node that nothing else was given.
    pub(crate) fn ephemeral_port(&self, node: NodeId) -> u16 {
        let mut state = self.0.borrow_mut();
        let next = state.ephemeral.entry(node).or_insert(EPHEMERAL);
        let port = *next;
        *next = next.checked_add(1).unwrap_or(EPHEMERAL);
        port
    }
}
