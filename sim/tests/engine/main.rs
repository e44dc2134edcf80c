//! The properties of the engine, one area per file, each a table of claims.

mod planted;
mod rig;
mod shop;

mod ambient;
mod bounded;
mod calendar;
mod callers;
mod calls;
mod capture;
mod clocks;
mod crashes;
mod culprits;
mod determinism;
mod durable;
mod example;
mod explaining;
mod guiding;
mod heartbeats;
mod horizons;
mod idle;
mod instances;
mod laws;
mod memory;
mod order;
mod run_aborts;
mod scripts;
mod searching;
mod shrinking;
mod tokio_parts;
mod trace_files;
mod waits;
mod words;
