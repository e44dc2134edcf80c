//! The booking platform's real logic, and beside it fakes of what it talks to.
//!
//! Would it run in production? Then it belongs here. Each guardrail is one module with its seam, its
//! guarded and its naive form; only [`wiring`] names them all.
//!
//! Modules in reading order: settings and durable state ([`terms`], [`rows`], [`facts`]), the logic
//! ([`case`], [`connector`], [`platform`], [`jobs`], [`worker`], [`inbox`], [`statement`], [`api`]), what can
//! be taken out ([`guardrails`], [`wiring`]), and the world outside ([`outside`]).

pub mod api;
pub mod case;
pub mod connector;
pub mod facts;
pub mod guardrails;
pub mod inbox;
pub mod jobs;
pub mod outside;
pub mod platform;
pub mod rows;
pub mod statement;
pub mod terms;
pub mod wiring;
pub mod worker;

pub use facts::Fact;
pub use platform::Platform;
pub use terms::PartnerTerms;
pub use wiring::{Design, GUARDRAILS, Guardrail, UnknownGuardrail};
