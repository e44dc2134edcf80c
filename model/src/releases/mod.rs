//! The order flow under releases: orders are taken on by one tier, worked by another and shown by pages, and each of
//! these may run another release than its neighbour.
//!
//! Reading order: what each release writes and reads ([`code`]), durable rows ([`rows`]), what nodes share
//! ([`shop`]), the two tiers ([`api`], [`worker`]) and the node that runs one of them ([`machine`]), what nodes tell
//! of themselves ([`telemetry`]), who rolls a release out ([`rollout`], [`manager`]), and what rests from before
//! ([`past`]).

pub mod api;
pub mod code;
pub mod machine;
pub mod manager;
pub mod past;
pub mod rollout;
pub mod rows;
pub mod shop;
pub mod telemetry;
pub mod worker;

pub use code::Code;
pub use shop::Shop;
