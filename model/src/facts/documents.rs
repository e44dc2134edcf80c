//! What the document store holds.

use crate::visit::connector::Document;
use serde::Serialize;

/// A fact of the document store.
#[derive(Clone, Debug, Serialize)]
pub enum DocumentFact {
    /// The parts of a document arrived; nothing of it can be seen.
    Begun {
        /// The upload that they belong to.
        upload: u32,
        /// Which document.
        document: Document,
    },
    /// An upload broke off; what had arrived of it is gone.
    Torn {
        /// Which document.
        document: Document,
    },
    /// A document can be seen under its name, whole; one of the same name is replaced.
    Stored {
        /// The upload that it came by.
        upload: u32,
        /// Which document.
        document: Document,
    },
}

impl DocumentFact {
    pub(super) fn is_routine(&self) -> bool {
        matches!(self, DocumentFact::Begun { .. })
    }

    pub(super) fn sentence(&self) -> String {
        let name = |document: &Document| format!("V{}, revision {}", document.visit, document.revision);
        match self {
            DocumentFact::Begun { document, .. } => format!("has the parts of the PDF of {}", name(document)),
            DocumentFact::Torn { document } => format!("drops a half-written PDF of {}", name(document)),
            DocumentFact::Stored { document, .. } => format!("stores the PDF of {}", name(document)),
        }
    }
}
