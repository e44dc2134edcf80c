//! Invariants that judge every flow alike. Those of one flow are beside its scenario.

pub mod requests;
