//! Deterministic simulation and fault injection for back ends.
//!
//! # A lesson
//!
//! A till charges orders. It crashes, restarts and loses what it remembered, or its response is lost and the client asks
//! again. In this first version it charges whatever it is asked to:
//!
//! ```
//! use shakedown::prelude::*;
//! # use std::{cell::RefCell, collections::BTreeSet};
//!
//! /// What happens in the world: the only thing that is judged.
//! #[derive(serde::Serialize)]
//! struct Charged(u32);
//!
//! impl Fact for Charged {
//!     fn sentence(&self) -> String {
//!         format!("charges order-{}", self.0)
//!     }
//! }
//!
//! struct Till {
//!     has_memory: bool,
//! }
//!
//! const FAULTS: LinkFaults = LinkFaults {
//!     request: &[LinkFault::Lost],
//!     response: &[LinkFault::Lost],
//!     ..LinkFaults::NONE
//! };
//!
//! impl Scenario for Till {
//!     type Fact = Charged;
//!
//!     fn name(&self) -> &str {
//!         "till"
//!     }
//!
//!     fn build(&self, stage: &Stage<Charged>) {
//!         let link = Link::new("till", Duration::from_millis(20), &FAULTS);
//!         let charge = Endpoint::<u32, ()>::new(Op::new("till.charge", "asks the till to charge"), &link);
//!         let (facts, served, has_memory) = (stage.facts().clone(), charge.clone(), self.has_memory);
//!         stage.node(Role::outside("till".into()), move |env| {
//!             let (facts, known) = (facts.clone(), RefCell::new(BTreeSet::new()));
//!             served.serve(&env, move |env, order| {
//!                 if known.borrow_mut().insert(order) || !has_memory {
//!                     facts.state(&env, &Charged(order));
//!                 }
//!                 async {}
//!             });
//!         });
//!         let client = stage.node(Role::outside("client".into()), |_| {}).within(stage.entity("order"));
//!         client.clone().spawn(async move {
//!             let timeout = Duration::from_secs(2);
//!             while client.child("attempt").call(&charge, 1, timeout).await.is_err() {}
//!         });
//!     }
//!
//!     fn invariants(&self) -> Vec<Box<dyn Invariant<Charged>>> {
//!         let once = invariant("charged-once", |seen: &mut Vec<(u32, u32)>, at, fact: &Charged, findings| {
//!             if let Some((_, first)) = seen.iter().find(|(order, _)| *order == fact.0) {
//!                 let message = || format!("order-{} is charged twice", fact.0);
//!                 findings.violated("order", &[*first, at.event], message);
//!             }
//!             seen.push((fact.0, at.event));
//!         });
//!         vec![once.boxed()]
//!     }
//! }
//!
//! let unmet = rehearse(Till { has_memory: false }).seeds(..1_000).check().unwrap_err();
//! # let report = unmet.to_string();
//! # assert!(report.contains("charged-once: order-1 is charged twice"), "{report}");
//! # assert!(report.contains("1  till.charge/response @ order-1/attempt-1 #1 = lost"), "{report}");
//! # assert!(report.contains("needed    without (1) it holds"), "{report}");
//!
//! // The fix: the till remembers what it has charged. Now it holds, whatever two things go wrong.
//! rehearse(Till { has_memory: true }).seeds(..1_000).deviations(2).holds();
//! ```
//!
//! In a test, the first rehearsal is `rehearse(…).seeds(..1_000).holds()`. It fails, and prints the smallest run that shows
//! why:
//!
//! ```text
//! FAIL  till  seed 3
//!   charged-once: order-1 is charged twice
//!
//!   the happy path, except
//!     1  till.charge/response @ order-1/attempt-1 #1 = lost
//!
//!   why
//!     00:00.000  client  asks the till to charge
//!     00:00.020  till    charges order-1          its response is lost (1)
//!     00:02.000  client  asks the till to charge  because no response came within 2 s
//!     00:02.020  till    charges order-1
//!
//!   needed    without (1) it holds
//! ```
//!
//! # Further
//!
//! Put the scenario into an [`Entry`](entry::Entry) with its guardrails, that into a
//! [`Catalogue`](catalogue::Catalogue), and call [`cli::main`] in a binary: then `explore`, `certify`, `matrix`, `replay`,
//! `pin` and `explain` work on it. `examples/till.rs` is the whole of it in 150 lines, and `template/` the same as a project
//! to copy.
//!
//! # Platforms
//!
//! On Linux and macOS a command does its work in a child process, and a rehearsal of `cargo test` has its runs made by one. A
//! design that exits, aborts, overflows its stack or loops for ever is then a violation with its script. Two things differ:
//! `--memory-limit` works on Linux only, since macOS does not enforce such a limit; there the system kills a process that
//! exhausts the memory, which is reported as signal 9. On Windows nothing is supervised: the watchdog ends a run that loops, and
//! the command with it, with exit code 70, and a design that ends the process ends the command.
//!
//! # Modules
//!
//! In reading order: [`prelude`] (what most users name), [`sim`] (the engine) and [`reports`] (text from records), each by
//! its modules; [`guardrail`], [`ablation`], [`entry`], [`catalogue`] and [`names`] (what there is to rehearse),
//! [`rehearsal`] (tests of a few lines), [`survey`] (where the world can go another way), [`quiet`], [`watchdog`] and `supervision` (what
//! surrounds every run), [`campaign`] (many runs on many threads), [`canary`] (ablations that a campaign must catch),
//! [`matrix`] (what breaks without which guardrail), [`certification`] (every script of few deviations), `atomic_file` and
//! [`checkpoint`] (what it keeps on disk), [`frontier`] (what all its shards begin with), [`records`] (how such files are read), [`build_identity`] and [`shard`] (one campaign over many machines), `archive` (what a
//! team's campaigns found, with the feature of that name), [`bisect`] (since when a script fails), [`findings`], [`context`] and [`traces`] (failures: told apart, what to compare them with, on disk), `worth` (what a green says), [`regression`] (pinned scripts),
//! `serve` (a local page over a catalogue, with the feature of its name), and [`cli`] (the command line). `mutations` tests what is
//! read from files; `draws` is a scenario of tests.
//!
//! Each name has one path, that of its module; only the prelude repeats some.

pub mod ablation;
#[cfg(feature = "archive")]
pub mod archive;
mod atomic_file;
pub mod bisect;
pub mod build_identity;
pub mod campaign;
pub mod canary;
pub mod catalogue;
pub mod certification;
pub mod checkpoint;
pub mod cli;
pub mod context;
#[cfg(test)]
mod draws;
pub mod entry;
pub mod findings;
pub mod frontier;
pub mod guardrail;
pub mod matrix;
#[cfg(test)]
mod mutations;
pub mod names;
pub mod prelude;
pub mod quiet;
pub mod records;
pub mod regression;
pub mod rehearsal;
#[cfg(feature = "serve")]
pub mod serve;
pub mod shard;
mod supervision;
pub mod survey;
pub mod traces;
pub mod watchdog;
mod worth;

/// The engine, by its modules: `shakedown::sim::runner::Runner`. Two names have no module of their own.
pub mod sim {
    #[cfg(feature = "proptest")]
    pub use shakedown_sim::strategies;
    pub use shakedown_sim::{Profile, Turn};
    pub use shakedown_sim::{
        access, ambient, balancing, calendar, call, choice, clock, coverage, database, digest, env, fault,
        graph, heartbeat, instances, judge, kv, label, link, log, node, observer, poller, queue, retry,
        runner, scenario, scope, script, seal, search, semaphore, signal, sites_met, store, time, trace,
        trace_file, webhook, world,
    };
}

/// Text from finished records, by its modules: `shakedown::reports::terminal::failure`.
pub mod reports {
    pub use shakedown_reports::{
        certificate, chrome, clock, commands, comparison, counts, github, groups, html, json, junit,
        knowledge, layout, likely, markdown, matrix, mermaid, printable, records, shiviz, story, terminal,
    };
}

/// The code of the book, compiled and run with the other examples.
#[cfg(doctest)]
mod book {
    #[doc = include_str!("../../docs/src/concepts/runs.md")]
    mod runs {}
    #[doc = include_str!("../../docs/src/building-blocks.md")]
    mod building_blocks {}
    #[doc = include_str!("../../docs/src/vacuous.md")]
    mod vacuous {}
}
