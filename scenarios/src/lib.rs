//! Scenarios: what is rehearsed, who judges it, and the command that does it.
//!
//! Modules in reading order: [`booking`], [`restore`], [`visit`], [`consistency`], [`handover`], [`notifications`],
//! [`caching`], [`topology`], [`releases`] and [`lifecycle`] (scenarios), [`ablation`] (what a scenario's design is without),
//! [`judges`] and [`invariants`] (what those who judge share), [`catalogue`] (what there is), [`survey`] (where the
//! world can go another way),
//! [`quiet`] and [`watchdog`] (what surrounds every run), [`campaign`] (many runs on many threads), [`canary`]
//! (whether the alarm rings), [`matrix`] (what breaks without which guardrail), [`certification`] (every script of
//! few deviations), [`findings`], [`beside`] and [`traces`] (failures: told apart, what to compare them with, on
//! disk), [`regression`] (failures that are kept), and [`cli`] (the `shakedown` command).

pub mod ablation;
pub mod beside;
pub mod booking;
pub mod caching;
pub mod campaign;
pub mod canary;
pub mod catalogue;
pub mod certification;
pub mod cli;
pub mod consistency;
pub mod findings;
pub mod handover;
pub mod invariants;
pub mod judges;
pub mod lifecycle;
pub mod matrix;
pub mod notifications;
pub mod quiet;
pub mod regression;
pub mod releases;
pub mod restore;
pub mod survey;
pub mod topology;
pub mod traces;
pub mod visit;
pub mod watchdog;
