//! The order flow under releases: orders are accepted by one tier, processed by another and shown by pages, and each
//! of these may run another release than its neighbour.
//!
//! Reading order: the formats of each release ([`code`]), durable rows ([`rows`]), shared state ([`shop`]), the two
//! tiers ([`api`], [`worker`]) and the machine that runs a node of one of them ([`machine`]), the metrics of nodes
//! ([`telemetry`]), rollouts ([`rollout`], [`manager`], [`host`]), and data of earlier releases ([`past`]).

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
