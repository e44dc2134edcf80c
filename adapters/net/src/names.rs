//! Names and addresses: each node has an address, and its name resolves to it.

use crate::network::Network;
use shakedown_sim::NodeId;
use shakedown_sim::ambient::Handle;
use std::io::{self, ErrorKind};
use std::net::Ipv4Addr;

/// Where the addresses of nodes begin.
const NETWORK: [u8; 2] = [10, 77];

/// Returns the address of a node.
pub(crate) fn address_of(node: NodeId) -> Ipv4Addr {
    let [high, low] = (node.index() + 1).to_be_bytes();
    Ipv4Addr::new(NETWORK[0], NETWORK[1], high, low)
}

/// Returns the node with an address as the handle's node sees it: loopback and unspecified addresses are its own.
pub(crate) fn node_at(handle: Handle, address: Ipv4Addr) -> Option<NodeId> {
    if address.is_loopback() || address.is_unspecified() {
        return Some(handle.node());
    }
    handle.nodes().into_iter().map(|node| node.id).find(|node| address_of(*node) == address)
}

/// Returns the addresses that a name has for the handle's node: those of a node with that name, of the nodes of a role with that
/// name, or of the nodes that [`Network::alias`] gives it. Addresses resolve to themselves, `localhost` to the node itself.
///
/// # Errors
/// [`ErrorKind::NotFound`] if no node has the name.
pub fn lookup(handle: Handle, name: &str) -> io::Result<Vec<Ipv4Addr>> {
    if let Ok(address) = name.parse() {
        return Ok(vec![address]);
    }
    if name == "localhost" {
        return Ok(vec![Ipv4Addr::LOCALHOST]);
    }
    let target = Network::of(handle).resolve_alias(name);
    let target = target.as_deref().unwrap_or(name);
    let nodes = handle.nodes().into_iter().filter(|node| node.name == target || node.role.text() == target);
    let addresses: Vec<_> = nodes.map(|node| address_of(node.id)).collect();
    if addresses.is_empty() {
        let text = format!("no node of the simulated network is named `{name}`");
        return Err(io::Error::new(ErrorKind::NotFound, text));
    }
    Ok(addresses)
}

/// Returns the same for the code that runs now; `None` outside a simulation, and where no node's code runs.
pub fn lookup_here(name: &str) -> Option<io::Result<Vec<Ipv4Addr>>> {
    let handle = Handle::try_current().filter(Handle::has_node)?;
    Some(lookup(handle, name))
}
