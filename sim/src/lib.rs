//! A deterministic simulation engine for back ends: one process, one virtual clock, one source of choice.
//!
//! A run is the happy path plus *deviations*. Every point at which the world could continue differently is a choice
//! with a stable name whose alternative 0 is benign; a [`Script`] lists the choices that deviate. This enables replay
//! (run the script), exploration (a seed draws deviations), shrinking (drop deviations) and explanation ("the happy
//! path, except …").
//!
//! The crate knows nothing about the simulated domain. `examples/once.rs` is a complete use of it in under eighty
//! lines: a protocol, a workload, an invariant; explored, shrunk and replayed.
//!
//! Modules in reading order: names (`hash`, [`label`], [`scope`], [`choice`], [`fault`], [`script`], `former`, `sites`,
//! [`sites_met`], `draws`, `chooser`), the machine ([`time`], `fields`, [`digest`], [`coverage`], `agenda`, `timeouts`, `event`,
//! [`access`], [`calendar`], [`clock`], [`node`], `task`, `engine`, [`world`], [`env`](mod@env), `placed`, [`ambient`]), the means by
//! which nodes act ([`signal`], `blocked`, [`semaphore`], [`poller`], [`heartbeat`], [`link`], [`call`], [`instances`],
//! [`balancing`], [`retry`], [`webhook`], [`store`], `broker_request`, [`queue`], [`log`](mod@log), [`kv`]), judgement
//! ([`judge`]), runs ([`scenario`], [`runner`], `self_check`, [`trace`],
//! [`observer`], `tracing_capture`), searches over many runs ([`graph`], [`seal`], [`trace_file`], [`search`]), and with
//! feature `proptest`, scripts and variants for property tests (`strategies`).

pub mod access;
mod agenda;
pub mod ambient;
pub mod balancing;
mod blocked;
mod broker_request;
pub mod calendar;
pub mod call;
pub mod choice;
mod chooser;
pub mod clock;
pub mod coverage;
pub mod digest;
mod draws;
mod engine;
pub mod env;
mod event;
pub mod fault;
mod fields;
mod former;
pub mod graph;
mod hash;
pub mod heartbeat;
pub mod instances;
pub mod judge;
pub mod kv;
pub mod label;
pub mod link;
pub mod log;
pub mod node;
pub mod observer;
mod placed;
pub mod poller;
pub mod queue;
pub mod retry;
pub mod runner;
pub mod scenario;
pub mod scope;
pub mod script;
pub mod seal;
pub mod search;
mod self_check;
pub mod semaphore;
pub mod signal;
mod sites;
pub mod sites_met;
pub mod store;
#[cfg(feature = "proptest")]
pub mod strategies;
mod task;
pub mod time;
mod timeouts;
pub mod trace;
pub mod trace_file;
mod tracing_capture;
pub mod webhook;
pub mod world;

pub use call::{CallError, Endpoint, Link, Op};
pub use choice::{Alternatives, OfferedAlternatives, Pick, Site};
pub use chooser::{ChoiceCounts, Turn};
pub use clock::{ClockFault, ClockProfile};
pub use coverage::Coverage;
pub use digest::Digest;
pub use draws::Profile;
pub use env::{Env, Side};
pub use fault::{DelayRange, Episode};
pub use heartbeat::Heartbeat;
pub use instances::InstanceFault;
pub use judge::{At, Fact, Facts, Findings, Goals, Invariant, Rest, Violation};
pub use label::Label;
pub use link::{LinkFault, LinkFaults};
pub use node::{CrashFault, CrashProfile, NodeId, Role};
pub use poller::Poller;
pub use queue::{
    Delivery, DeliveryFault, Flavour, Message, Queue, QueueFaults, QueueProfile, SendError, SendFault,
    SettleError, SettleFault, SupersededFault,
};
pub use runner::{Offered, Outcome, Plan, Rehearse, Runner};
pub use scenario::{Horizon, Parameter, Scenario, Stage, small_variants};
pub use scope::{Scope, ScopePath};
pub use script::{ChoiceId, Deviation, Script, ScriptError, Variant};
pub use self_check::{Divergence, self_check};
pub use semaphore::Semaphore;
pub use shakedown_database as database;
pub use shakedown_database::{Isolation, LockMode, LockWait, Sequence};
pub use signal::Signal;
pub use sites_met::{SiteMet, SitesMet};
pub use store::{
    Change, CommitFault, Connection, FailoverFault, Row, StatementFault, Store, StoreError, StoreProfile,
    Table, Transaction,
};
pub use time::{Duration, Moment, WallTime};
pub use trace::{Step, Trace};
pub use trace_file::{TraceFile, TraceFileError};
pub use world::{Disturbance, Limits};
