//! `staged-deploy`: a release is rolled out in stages, each of which waits for its preconditions; readers first,
//! nodes drained, and releases that are too old excluded.

use super::machine::Tier;
use crate::guardrail::{Guardrail, Naive};

/// The row of `staged-deploy` in the table of guardrails.
pub const ROW: Guardrail = Guardrail {
    name: "staged-deploy",
    system: "releases",
    guarded: "each stage waits for the stages that it depends on; readers come first and are drained; older nodes are refused",
    naive: &[Naive {
        what: "producers come first; nothing is drained, and no stage waits",
        breaks: &["every-message-readable", "no-half-rolled-field-shown"],
        masked_by: &[],
    }],
};

/// The seam: the order in which nodes are replaced, and the conditions for that.
pub trait StagedDeploy {
    /// Returns the tiers, in order; pages are published between them.
    fn order(&self) -> [Tier; 2];
    /// Returns whether a node that shuts down may finish its work.
    fn drains(&self) -> bool;
    /// Returns whether a stage waits until no older node runs, names are filled in, and the rollback window is over;
    /// and excludes older releases.
    fn has_gates(&self) -> bool;
}

/// Guarded: in stages.
pub struct Staged;

impl StagedDeploy for Staged {
    fn order(&self) -> [Tier; 2] {
        [Tier::Worker, Tier::Api]
    }

    fn drains(&self) -> bool {
        true
    }

    fn has_gates(&self) -> bool {
        true
    }
}

/// Naive: the API first, because its changes are the most urgent; the rest follows independently.
pub struct ProducersFirst;

impl StagedDeploy for ProducersFirst {
    fn order(&self) -> [Tier; 2] {
        [Tier::Api, Tier::Worker]
    }

    fn drains(&self) -> bool {
        false
    }

    fn has_gates(&self) -> bool {
        false
    }
}
