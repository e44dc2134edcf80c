//! The filing flow: what clinics report is accepted at an API and brought to a registry by workers.
//!
//! It is the simplest flow there is, one call for one row, and so shows the life of its job and little else.

pub mod api;
pub mod connector;
pub mod facts;
pub mod office;
pub mod promises;
pub mod review_queue;
pub mod rows;
pub mod worker;

pub use office::{JOB, Office};
