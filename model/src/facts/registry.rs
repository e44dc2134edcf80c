//! What the registry holds.

use serde::Serialize;
use shakedown_sim::NodeId;

/// A fact of the registry.
#[derive(Clone, Debug, Serialize)]
pub enum RegistryFact {
    /// How it treats repeats: whether it keeps one document per reference.
    Terms {
        /// Whether it does.
        knows_repeats: bool,
    },
    /// A request reached it.
    Asked {
        /// For which reference.
        reference: u32,
        /// From which job of ours.
        job: u32,
        /// From which of its attempts.
        attempt: u32,
        /// From which of our nodes.
        from: NodeId,
    },
    /// A connection to it failed.
    Knocked {
        /// From which job of ours it was tried.
        job: u32,
    },
    /// It keeps a new document.
    Made {
        /// Which.
        document: u32,
        /// For which reference.
        reference: u32,
        /// From which job of ours.
        job: u32,
        /// From which of its attempts.
        attempt: u32,
    },
}

impl RegistryFact {
    pub(super) fn is_routine(&self) -> bool {
        matches!(self, RegistryFact::Terms { .. } | RegistryFact::Asked { .. } | RegistryFact::Knocked { .. })
    }

    pub(super) fn sentence(&self) -> String {
        match self {
            RegistryFact::Terms { knows_repeats: true } => "keeps one document per reference".to_owned(),
            RegistryFact::Terms { .. } => "makes a new document for each request".to_owned(),
            RegistryFact::Asked { reference, job, attempt, .. } => {
                format!("receives reference {reference} (job {job}, attempt {attempt})")
            }
            RegistryFact::Knocked { job } => format!("cannot be reached for job {job}"),
            RegistryFact::Made { document, reference, .. } => {
                format!("makes document D{document} for reference {reference}")
            }
        }
    }
}
