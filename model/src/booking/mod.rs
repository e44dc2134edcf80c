//! The booking flow: a customer's order, carried out at a partner.
//!
//! Modules in reading order: durable state ([`rows`]), the logic ([`case`], `change`, [`connector`], [`platform`],
//! [`screens`], [`run`], [`worker`], `evidence`, [`inbox`], [`offers`], [`promises`], [`statement`], [`summaries`],
//! [`review_queue`], [`api`]), and what customers see of it ([`clients`]).

pub mod api;
pub mod case;
mod change;
pub mod clients;
pub mod connector;
mod evidence;
pub mod inbox;
pub mod offers;
pub mod platform;
pub mod promises;
pub mod review_queue;
pub mod rows;
pub mod run;
pub mod screens;
pub mod statement;
pub mod summaries;
pub mod worker;

pub use platform::Platform;
