//! The claims of the visit scenario: the whole design holds, and each invariant can fail. `ablations.rs` claims for every
//! scenario that each missing guardrail is caught.

mod deadlines;
mod guarded;
mod planted;
mod stories;
