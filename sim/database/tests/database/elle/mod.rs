//! Workloads whose histories an external checker can judge, and a checker of our own.

pub(crate) mod checker;
pub(crate) mod workload;
