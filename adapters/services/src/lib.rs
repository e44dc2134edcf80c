//! Four services in different styles. None of them depends on Shakedown.

pub mod chat;
pub mod newsletter;
pub mod stock;
#[cfg(feature = "tls")]
pub mod vault;
