//! The production logic of the booking platform, and fakes of the systems that it talks to.
//!
//! Code belongs here if it would run in production.
//!
//! Modules in reading order. Each imports only those before it:
//!
//! 1. [`settings`]: durations and bounds, and the partner's terms. `guardrail`: what a guardrail is.
//! 2. [`backbone`]: the store, jobs, the outbox, mail, the monitor. It names no flow.
//! 3. The flows: [`booking`], [`visit`], [`filing`], [`releases`] (which reserves through the booking flow's connector).
//! 4. [`design`]: one form of each guardrail. [`facts`]: events as storage and the outside world hold them.
//! 5. [`outside`]: fakes of the systems that the platform talks to, and the people in front of its screens.
//!
//! To find a guardrail, look into the `guardrails!` table in the `mod.rs` of its part: the module of the same name
//! beside it holds the description, the seam and the forms. To add one, add that module and one row of that table.

mod guardrail;

pub mod backbone;
pub mod booking;
pub mod design;
pub mod facts;
pub mod filing;
pub mod outside;
pub mod releases;
pub mod settings;
pub mod visit;

pub use backbone::Backbone;
pub use design::{Design, GUARDRAILS, UnknownGuardrail};
pub use facts::Fact;
pub use guardrail::{Guardrail, Naive};
pub use settings::PartnerTerms;
