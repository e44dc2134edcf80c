//! Four services in different styles. None of them depends on Shakedown.

pub mod chat;
pub mod newsletter;
pub mod stock;
pub mod vault;
