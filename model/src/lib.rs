//! The booking platform's real logic, and beside it fakes of what it talks to.
//!
//! Would it run in production? Then it belongs here. Each guardrail is one module with its seam, its
//! guarded and its naive form; only [`wiring`] names them all.
//!
//! Modules in reading order: settings and what is stated ([`terms`], [`facts`]), what every flow stands on
//! ([`backbone`]), the flows ([`booking`], [`visit`], [`filing`], [`releases`]), what can be taken out ([`guardrails`], [`wiring`]), and the world
//! outside ([`outside`]).

pub mod backbone;
pub mod booking;
pub mod facts;
pub mod filing;
pub mod guardrails;
pub mod outside;
pub mod releases;
pub mod terms;
pub mod visit;
pub mod wiring;

pub use backbone::Backbone;
pub use facts::Fact;
pub use guardrails::{Guardrail, Naive};
pub use terms::PartnerTerms;
pub use wiring::{Design, GUARDRAILS, UnknownGuardrail};
