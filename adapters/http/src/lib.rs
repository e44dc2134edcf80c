//! HTTP between nodes without sockets: serves an unmodified `axum::Router`, or any `tower::Service<http::Request<_>>`, at a node behind
//! a link, and sends requests to it. It needs no tokio and no `cargo shakedown`.
//!
//! Code that a router calls runs on the engine: it sleeps, spawns and draws through
//! [`Handle::current`](shakedown_sim::ambient::Handle::current), and calls others through a [`Client`]. Code that needs tokio's timers,
//! tasks or sockets is rehearsed by `cargo shakedown` instead.
//!
//! # Faults
//!
//! | choice | alternatives |
//! |---|---|
//! | `partner/request @ order-1/partner-1 #1` | `lost`, `refused`, `reset` in the middle of the body, a delay |
//! | `partner/status @ order-1/partner-1 #1` | `429`, `503 before` the service's effect, `500 after` it |
//! | `partner/response @ order-1/partner-1 #1` | `lost`, `reset` in the middle of the body, a delay |
//! | `orders/before partner @ order-1/partner-1 #1` | `orders` crashes, shuts down or pauses before it sends the request |
//! | `orders/after partner @ order-1/partner-1 #1` | … after the response has arrived and before it learns of it |
//! | `partner/before response @ order-1/partner-1 #1` | `partner` does before it responds |
//!
//! Each request opens a part of the entity that it concerns: the caller's, or the one that [`Link::entity_header`] names. The service
//! works for that entity.
//!
//! # What is not simulated
//!
//! Bodies are collected before they are sent, so a response that streams without end is never sent. There are no connections: no
//! keep-alive, no limit on their number, no HTTP/2, no TLS. A service that panics ends the run with a violation. A real tokio runtime that
//! is entered on the run's thread does so too: what waits for it would wait for ever.
//!
//! Modules in reading order: `faults` (of links), `error`, `body`, `real_runtime` (refuses a real tokio runtime), `web` (the service of each host), `wording`, `crash_point`, `exchange` (a request in flight), `client`.

mod body;
mod client;
mod crash_point;
mod error;
mod exchange;
mod faults;
#[cfg(feature = "hyper")]
pub mod http1;
mod real_runtime;
mod web;
mod wording;

pub use body::Body;
pub use client::Client;
pub use error::Error;
pub use faults::{HttpFaults, Link};
pub use web::Web;
