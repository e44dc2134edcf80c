//! Invariants that judge every flow alike, and what those of one flow share; they are beside its scenario.

pub mod claims;
pub mod events;
pub mod requests;
pub mod transient;
