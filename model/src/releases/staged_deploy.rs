//! `staged-deploy`: a release is rolled in stages, each of which waits for what it stands on; readers first, nodes
//! drained, and releases that are too old kept out.

use super::machine::Tier;
use crate::guardrail::{Guardrail, Naive};

/// Its row of the table.
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

/// The seam: in which order nodes are replaced, and what that waits for.
pub trait StagedDeploy {
    /// The tiers, in order; pages go between.
    fn order(&self) -> [Tier; 2];
    /// Whether a node that shuts down may finish its work.
    fn drains(&self) -> bool;
    /// Whether a stage waits until no older node runs, names are filled in, and the time for going back is over;
    /// and keeps out who is older.
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

/// Naive: the API first, since that is what everybody waits for; the rest follows at its own pace.
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
