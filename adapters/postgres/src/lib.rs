//! A real PostgreSQL inside a simulated world: driven in lockstep, in virtual time, with faults that have names.
//!
//! [`Server::start`] starts a temporary server; [`Server::serve`] adds it to a run as a node at port 5432. Drivers connect to that node
//! over simulated streams. A *batch* (the messages up to `Sync`, or one simple query) runs on the real server at once and takes no
//! virtual time, unless its session waits: for a lock, in `pg_sleep`, or until a timeout. Then virtual time passes.
//!
//! At most one session runs at any time. A session that waits for a lock is stopped; when another releases several, a choice decides in
//! which order they continue: `postgres/continues @ order-1/postgres-1 #1 = 1`. The server's clock shows the node's clock.
//!
//! ```no_run
//! use shakedown_postgres::{Schema, Server, ServerFaults};
//! use shakedown_sim::{ambient::NoFact, Role, Stage};
//! use std::sync::Arc;
//!
//! let server = Arc::new(Server::start(Schema::new("CREATE TABLE orders (id int PRIMARY KEY)"))?);
//! let build = move |stage: &Stage<NoFact>| {
//!     server.serve(stage, Role::outside("postgres".into()), &ServerFaults::LOSSY, |_| None);
//! };
//! # let _ = build;
//! # Ok::<(), shakedown_postgres::SetupError>(())
//! ```
//!
//! Modules in reading order: `setup` (a cluster of its own), `frame` and `backend` (the protocol to the real server), `monitor` (a session
//! that looks at the others), `timeouts`, `changes` and `feed` (committed rows), `engine` (one session at a time), `statement` (names), `faults`,
//! `connection` and `opening` (the protocol with clients), `relay` (the node that clients see), `preparation` (the run that migrates),
//! `server` (what a scenario uses), `pooler` (a node between clients and the server), `stream` (tokio's traits, with feature `tokio`).

mod backend;
mod changes;
mod connection;
mod engine;
mod faults;
mod feed;
mod frame;
mod monitor;
mod opening;
mod pooler;
mod preparation;
mod relay;
mod server;
mod setup;
mod statement;
#[cfg(feature = "tokio")]
mod stream;
mod timeouts;

pub use changes::{ChangeKind, RowChange};
pub use faults::{ServerFaults, Standby};
pub use pooler::Pooler;
pub use server::{Schema, Server, Servers, TakenServer};
pub use setup::{Cluster, SetupError};
#[cfg(feature = "tokio")]
pub use stream::IoStream;

/// The page of the book, whose code compiles.
#[cfg(doctest)]
mod book {
    #[doc = include_str!("../../../docs/src/postgres.md")]
    mod postgres {}
}
