//! Facts of the document store.

use crate::visit::connector::Document;
use serde::Serialize;

/// A fact of the document store.
#[derive(Clone, Debug, Serialize)]
pub enum DocumentFact {
    /// The parts of a document arrived; the document is not visible yet.
    Begun {
        /// The upload that the parts belong to.
        upload: u32,
        /// The document.
        document: Document,
    },
    /// An upload broke off; its parts were dropped.
    Torn {
        /// The document.
        document: Document,
    },
    /// A complete document is visible under its name; it replaces one of the same name.
    Stored {
        /// The upload that brought it.
        upload: u32,
        /// The document.
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
