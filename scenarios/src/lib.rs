//! Scenarios: worlds with their workloads, faults and judges.
//!
//! Modules in reading order: [`booking`], [`restore`], [`visit`], [`consistency`], [`handover`], [`notifications`],
//! [`caching`], [`topology`], [`releases`] and [`lifecycle`] (scenarios), [`ablation`] (the ablated guardrails of a
//! scenario's design), [`judges`] and [`invariants`] (shared parts of judges), and [`catalogue`] (the contents of the
//! `shakedown` binary).

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
