//! Deterministic simulation and fault injection for back ends.
//!
//! Modules in reading order: [`guardrail`], [`ablation`], [`entry`], [`catalogue`] and [`names`] (what there is to
//! rehearse), [`survey`] (where the world can go another way), [`quiet`] and [`watchdog`] (what surrounds every run),
//! [`campaign`] (many runs on many threads), [`canary`] (ablations that a campaign must catch), [`matrix`] (what breaks
//! without which guardrail), [`certification`] (every script of few deviations), [`findings`], [`context`] and [`traces`]
//! (failures: told apart, what to compare them with, on disk), [`regression`] (pinned scripts), [`rehearsal`] (tests of a few
//! lines), [`cli`] (the command line), and [`prelude`].

pub mod ablation;
mod atomic_file;
pub mod campaign;
pub mod canary;
pub mod catalogue;
pub mod certification;
pub mod checkpoint;
pub mod cli;
pub mod context;
pub mod entry;
pub mod findings;
pub mod guardrail;
pub mod matrix;
pub mod names;
pub mod prelude;
pub mod quiet;
pub mod regression;
pub mod rehearsal;
pub mod survey;
pub mod traces;
pub mod watchdog;
