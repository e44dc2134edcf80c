//! Three services, each in a style of its own. None of them knows of Shakedown.

pub mod chat;
pub mod newsletter;
pub mod stock;
