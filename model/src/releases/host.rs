//! What the manager needs of the orchestrator that runs the machines.

use super::code::Code;
use super::machine::{Build, Machine, Tier};
use shakedown_sim::Env;
use std::rc::Rc;

/// An orchestrator: it runs machines, replaces what is installed on them, and serves pages.
pub trait Orchestrator {
    /// Its machines.
    fn machines(&self) -> &[Rc<Machine>];
    /// Returns the code as it was built.
    fn built(&self, code: Code) -> Build;
    /// Serves pages of another build from now on; `env` is the orchestrator's.
    fn publish(&self, env: &Env, build: Build);
    /// Returns whether a machine of this tier is being replaced.
    fn is_busy(&self, tier: Tier) -> bool;
    /// Starts to replace what runs on a machine, which drains first if `drains`; `env` is the orchestrator's.
    fn replace(&self, env: &Env, old: &Rc<Machine>, build: Build, drains: bool);
}
