//! Invariants that several scenarios share, and the state that they need. Invariants of one flow are in its scenario's
//! folder.

pub mod attempts;
pub mod claims;
pub mod events;
pub mod jobs;
pub mod requests;
pub mod transient;
