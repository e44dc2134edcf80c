//! [`Pooler`]: a connection pooler in transaction mode, as a node between clients and the server.

mod client;
mod link;
mod pool;
mod upstream;
mod variables;

use crate::relay::{Wording, response};
use pool::Pools;
use shakedown_net::{Listener, Network};
use shakedown_sim::ambient::Handle;
use shakedown_sim::{Duration, Env, Fact, Role, Stage};
use std::future::poll_fn;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::rc::Rc;

/// A connection pooler in transaction mode, as PgBouncer 1.18: each transaction, and each statement outside of one, runs on whatever
/// server connection is free. What a statement leaves in its session stays there, and the next client of that session finds it: a setting
/// (`SET lock_timeout`), an advisory lock of the session, a prepared statement, a temporary table, `LISTEN`.
///
/// Clients connect to its node at port 6432; the connections that it opens to the server are subject to the faults of the server and of
/// its link, as any other. The connection that was used last is given first, and clients wait in the order in which they came. Connections
/// are shared by clients with the same user and database.
///
/// As in PgBouncer, `client_encoding`, `DateStyle`, `TimeZone`, `standard_conforming_strings` and `application_name` follow the client:
/// the pooler sets them when they differ. Other parameters of a startup message are refused with
/// `unsupported startup parameter`, unless they are [ignored](Pooler::ignoring). A client that leaves within a transaction costs its server
/// connection, and a server connection that is lost costs its client.
///
/// Not modelled: session and statement mode, `server_reset_query`, limits of clients, `server_lifetime` and other ages of connections,
/// TLS, passwords, the console, and prepared statements that follow the client (`max_prepared_statements`, from PgBouncer 1.21 on).
///
/// Source: the documentation of PgBouncer, "Features" and "Configuration"; compared with recorded cases of PgBouncer 1.18.
///
/// ```
/// use shakedown_postgres::Pooler;
/// use shakedown_sim::{Fact, Role, Stage};
/// fn build<F: Fact>(stage: &Stage<F>) {
///     // Beside `Server::serve(stage, Role::outside("postgres".into()), …)`.
///     Pooler::in_front_of("postgres", 2).serve(stage, Role::outside("pgbouncer".into()));
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Pooler {
    server: String,
    size: usize,
    ignored: Vec<String>,
    wait: Duration,
}

impl Pooler {
    /// Creates a pooler with at most `size` connections to the node or role `server`, for each pair of user and database.
    ///
    /// # Panics
    /// If `size` is 0.
    pub fn in_front_of(server: &str, size: usize) -> Self {
        assert!(size > 0, "a pooler without server connections serves nobody");
        Self { server: server.to_owned(), size, ignored: Vec::new(), wait: Duration::from_secs(120) }
    }

    /// Ignores a parameter of clients' startup messages (`ignore_startup_parameters`), such as `extra_float_digits`, which sqlx and JDBC
    /// send.
    #[must_use]
    pub fn ignoring(mut self, parameter: &str) -> Self {
        self.ignored.push(parameter.to_ascii_lowercase());
        self
    }

    /// Sets how long a client waits for a server connection before it is disconnected (`query_wait_timeout`): 120 s otherwise.
    #[must_use]
    pub fn wait_limit(mut self, limit: Duration) -> Self {
        self.wait = limit;
        self
    }

    /// Adds the pooler to a run as a node that listens at port 6432. If its node crashes, all of its connections are lost.
    pub fn serve<F: Fact>(self, stage: &Stage<F>, role: Role) -> Env {
        let wording = Wording::default();
        Network::on(stage).hide_bytes(role.name.text(), move |connection, is_request, bytes| {
            if is_request { wording.request(connection, bytes) } else { response(bytes) }
        });
        let pooler = Rc::new(self);
        stage.program(role, move || accept(Rc::clone(&pooler)))
    }
}

/// Accepts clients until the node ends.
async fn accept(pooler: Rc<Pooler>) {
    let Ok(listener) = Listener::bind(SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 6432)) else { return };
    let pools = Rc::new(Pools::new(pooler));
    for number in 1.. {
        let stream = poll_fn(|context| listener.poll_accept(context)).await;
        let own = Handle::current().within(stream.scope());
        own.spawn(client::serve(Rc::clone(&pools), stream, own, number));
    }
}
