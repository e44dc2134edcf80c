//! What the engine promises, one area a file, each a table of claims.

mod rig;
mod shop;

mod bounded;
mod calls;
mod capture;
mod clocks;
mod crashes;
mod determinism;
mod durable;
mod example;
mod idle;
mod laws;
mod memory;
mod mishaps;
mod scripts;
mod searching;
mod tokio_parts;
mod trace_files;
mod words;
