//! The order flow under releases: orders are accepted by one tier, worked by another and shown by pages, and each of
//! these may run another release than its neighbour.
//!
//! Reading order: what each release writes and reads ([`code`]), durable rows ([`rows`]), what nodes share
//! ([`shop`]), the two tiers ([`api`], [`worker`]) and the node that runs one of them ([`machine`]), what nodes tell
//! of themselves ([`telemetry`]), roll-outs ([`rollout`], [`manager`], [`host`]), and data of earlier releases
//! ([`past`]).

pub mod api;
pub mod code;
pub mod facts;
pub mod host;
pub mod machine;
pub mod manager;
pub mod order_facts;
pub mod past;
pub mod rollout;
pub mod rows;
pub mod shop;
pub mod telemetry;
pub mod worker;

guardrails! {
    compatibility_check: CompatibilityCheck = Tried | Untried;
    staged_deploy: StagedDeploy = Staged | ProducersFirst;
    release_feedback: ReleaseFeedback = ByResults | Green;
}

use crate::guardrail::guardrails;

pub use code::Code;
pub use shop::{JOB, Shop};
