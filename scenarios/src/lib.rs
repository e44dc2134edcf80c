//! Scenarios: what is rehearsed, who judges it, and the command that does it.
//!
//! Modules in reading order: [`catalogue`] (what there is), [`survey`] (where the world can go another way),
//! [`quiet`] and [`watchdog`] (what surrounds every run), [`campaign`] (many runs on many threads), [`traces`]
//! and [`findings`] (failures on disk, and told apart), and [`cli`] (the `shakedown` command).

pub mod campaign;
pub mod catalogue;
pub mod cli;
pub mod findings;
pub mod quiet;
pub mod regression;
pub mod survey;
pub mod traces;
pub mod watchdog;
