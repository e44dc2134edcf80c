//! The services under `src`, byte for byte as they are, on the simulated tokio.
#![cfg(shakedown)]

mod chat;
mod crashes;
mod newsletter;
mod outside;
mod rig;
mod stock;
#[cfg(feature = "tls")]
mod vault;
