//! The database core: its likeness to PostgreSQL, recorded and live; the bugs of applications that it shows;
//! histories that others can judge; and its own rules.

mod conformance;
mod elle;
mod exported_histories;
mod histories;
mod known_bugs;
mod random;
mod rules;
mod sql;
