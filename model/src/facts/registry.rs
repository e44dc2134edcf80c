//! Facts of the registry.

use serde::Serialize;
use shakedown_sim::NodeId;

/// A fact of the registry.
#[derive(Clone, Debug, Serialize)]
pub enum RegistryFact {
    /// How it treats repeated requests: whether it keeps one document per reference.
    Terms {
        /// Whether it keeps one document per reference.
        knows_repeats: bool,
    },
    /// A request reached it.
    Asked {
        /// The reference.
        reference: u32,
        /// Our job that sent it.
        job: u32,
        /// The attempt of the job.
        attempt: u32,
        /// Our node that sent it.
        from: NodeId,
    },
    /// A connection to it failed.
    Knocked {
        /// Our job that tried to connect.
        job: u32,
    },
    /// It stored a new document.
    Made {
        /// The document.
        document: u32,
        /// The reference.
        reference: u32,
        /// Our job that sent it.
        job: u32,
        /// The attempt of the job.
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
