//! Scenarios: what is rehearsed, and who judges it.
//!
//! Modules in reading order: [`booking`], [`restore`], [`visit`], [`consistency`], [`handover`], [`notifications`],
//! [`caching`], [`topology`], [`releases`] and [`lifecycle`] (scenarios), [`ablation`] (what a scenario's design is without),
//! [`judges`] and [`invariants`] (what those who judge share), and [`catalogue`] (what the `shakedown` binary offers).

pub mod ablation;
pub mod booking;
pub mod caching;
pub mod catalogue;
pub mod consistency;
pub mod handover;
pub mod invariants;
pub mod judges;
pub mod lifecycle;
pub mod notifications;
pub mod releases;
pub mod restore;
pub mod topology;
pub mod visit;
