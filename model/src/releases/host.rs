//! The manager's interface to the orchestrator that runs the machines.

use super::code::Code;
use super::machine::{Build, Machine, Tier};
use shakedown_sim::Env;
use std::rc::Rc;

/// An orchestrator: runs machines, replaces their builds, and serves pages.
pub trait Orchestrator {
    /// Returns its machines.
    fn machines(&self) -> &[Rc<Machine>];
    /// Returns the code as it was built.
    fn built(&self, code: Code) -> Build;
    /// Serves pages of another build from now on; `env` is the orchestrator's handle.
    fn publish(&self, env: &Env, build: Build);
    /// Returns whether a machine of this tier is being replaced.
    fn is_busy(&self, tier: Tier) -> bool;
    /// Starts to replace the build on a machine, which drains first if `drains`; `env` is the orchestrator's handle.
    fn replace(&self, env: &Env, old: &Rc<Machine>, build: Build, drains: bool);
}
