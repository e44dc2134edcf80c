//! The filing flow: reports of clinics are accepted at an API and sent to a registry by workers.
//!
//! It is the simplest possible flow, one call for one row, so it shows little more than the life of its job.

pub mod api;
pub mod connector;
pub mod facts;
pub mod office;
pub mod promises;
pub mod review_queue;
pub mod rows;
pub mod worker;

pub use office::{JOB, Office};
