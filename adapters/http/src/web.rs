//! [`Web`]: the service of each host, and the links to it. One for each run.

use crate::body::Body;
use crate::faults::Link;
use crate::real_runtime;
use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::BodyExt;
use shakedown_sim::ambient::{Handle, NodeInfo};
use shakedown_sim::{Env, Fact, NodeId, Scope, Stage};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use tower_service::Service;

/// A service's result: a response, or an error, on which the connection is reset.
pub(crate) type Handled = Pin<Box<dyn Future<Output = Result<Response<Bytes>, String>>>>;

type Handler = Rc<dyn Fn(Request<Body>) -> Handled>;

/// A service at an incarnation of a node.
#[derive(Clone)]
pub(crate) struct Served {
    pub(crate) owner: Handle,
    pub(crate) handler: Handler,
}

/// The services of a run. A scenario sets the links to them, and nodes serve them when they boot:
///
/// ```
/// use shakedown_http::{HttpFaults, Link, Web};
/// use shakedown_sim::{Duration, Fact, Role, Stage};
/// fn build<F: Fact>(stage: &Stage<F>) {
///     let web = Web::on(stage);
///     let link = Link { latency: Duration::from_millis(40), faults: &HttpFaults::EXTERNAL, ..Link::default() };
///     web.link("partner", link);
///     stage.node(Role::outside("partner".into()), move |env| {
///         let router = axum::Router::new().route("/charges", axum::routing::post(|| async { "charged" }));
///         web.serve(&env, router);
///     });
/// }
/// ```
#[derive(Default)]
pub struct Web(RefCell<State>);

#[derive(Default)]
struct State {
    links: BTreeMap<String, Link>,
    served: BTreeMap<NodeId, Served>,
    /// The number of requests that were sent to each role.
    turns: BTreeMap<&'static str, usize>,
    /// The entity of each value of an entity header.
    entities: BTreeMap<(&'static str, Vec<u8>), Scope>,
}

impl Web {
    /// Returns the services of the run that is being built.
    pub fn on<F: Fact>(stage: &Stage<F>) -> Rc<Web> {
        stage.extension()
    }

    /// Sets the link on which requests to the nodes of the role `role` travel. The default has no faults.
    ///
    /// # Panics
    /// If a fault has no meaning at its place.
    pub fn link(&self, role: &str, link: Link) {
        link.faults.check(role);
        self.0.borrow_mut().links.insert(role.to_owned(), link);
    }

    /// Serves requests at this incarnation of the node, by an `axum::Router` or any other tower service over HTTP. Each request is a task
    /// of the node. A service's error resets the connection, as in hyper.
    pub fn serve<S, B>(&self, env: &Env, service: S)
    where
        S: Service<Request<Body>, Response = Response<B>> + Clone + 'static,
        S::Error: Display,
        B: http_body::Body + 'static,
        B::Error: Display,
    {
        let handler: Handler = Rc::new(move |request| {
            let mut service = service.clone();
            Box::pin(async move {
                real_runtime::refuse();
                let said = |error: S::Error| error.to_string();
                poll_fn(|context| service.poll_ready(context)).await.map_err(said)?;
                let (head, body) = service.call(request).await.map_err(said)?.into_parts();
                let body = body.collect().await.map_err(|error| error.to_string())?;
                Ok(Response::from_parts(head, body.to_bytes()))
            })
        });
        let owner = env.handle();
        if owner.is_alive() {
            self.0.borrow_mut().served.insert(owner.node(), Served { owner, handler });
        }
    }

    /// Returns what the node serves, if that incarnation takes requests.
    pub(crate) fn served(&self, node: NodeId) -> Option<Served> {
        self.0.borrow().served.get(&node).filter(|served| served.owner.takes_calls()).cloned()
    }

    pub(crate) fn link_to(&self, role: &str) -> Link {
        self.0.borrow().links.get(role).copied().unwrap_or_default()
    }

    /// Returns the node that receives a request to `host`, a node or a role: the nodes of a role in turn, without those that are down.
    pub(crate) fn target(&self, owner: Handle, host: &str) -> Option<NodeInfo> {
        let mut nodes = owner.nodes();
        nodes.retain(|node| node.name == host || node.role.text() == host);
        let first = nodes.first()?.clone();
        let role = first.role.text();
        let turn = {
            let mut state = self.0.borrow_mut();
            let turn = state.turns.entry(role).or_default();
            *turn += 1;
            *turn - 1
        };
        let count = nodes.len();
        nodes.rotate_left(turn % count);
        Some(nodes.into_iter().find(|node| self.served(node.id).is_some()).unwrap_or(first))
    }

    /// Returns the entity that a request concerns.
    pub(crate) fn entity(&self, caller: Scope, link: &Link, headers: &HeaderMap) -> Scope {
        let Some((name, value)) = link.entity_header.and_then(|name| Some((name, headers.get(name)?))) else {
            return caller;
        };
        *self.0.borrow_mut().entities.entry((name, identity(name, value.as_bytes()))).or_insert(caller)
    }
}

/// Returns the part of a header's value that names the entity: of a `traceparent` the trace, else all of it.
fn identity(name: &str, value: &[u8]) -> Vec<u8> {
    let trace = value.split(|byte| *byte == b'-').nth(1);
    trace.filter(|_| name.eq_ignore_ascii_case("traceparent")).unwrap_or(value).to_vec()
}

#[cfg(test)]
mod tests {
    use super::identity;

    #[test]
    fn spans_of_one_trace_concern_one_entity() {
        let span = |span: &str| identity("traceparent", format!("00-4bf92f35-{span}-01").as_bytes());
        assert_eq!(span("00f067aa"), span("b7ad6b71"));
        assert_ne!(identity("idempotency-key", b"a-b-c"), identity("idempotency-key", b"d-b-c"));
    }
}
