//! The database core: its equivalence to PostgreSQL, recorded and live; the application bugs that it shows; histories
//! that other checkers can judge; and its own rules.

mod conformance;
mod elle;
mod exported_histories;
mod histories;
mod known_bugs;
mod random;
mod rules;
mod sql;
mod transcripts;
