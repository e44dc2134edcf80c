//! The flow's operations for making and storing documents, as clients see them.

use shakedown_sim::{Endpoint, Link, Op};

/// The identity of a document: the report on a revision of a visit. It is its name in the document store, so that
/// making it again replaces it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, serde::Serialize)]
pub struct Document {
    /// The visit.
    pub visit: u32,
    /// Its revision.
    pub revision: u32,
}

/// The response of the renderer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rendered {
    /// The whole PDF of this document.
    Pdf(Document),
    /// 5xx.
    ServerError,
}

/// The response of the document store.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StoreResponse {
    /// The parts are stored; this is the number of their upload.
    Upload(u32),
    /// There is no such upload (any more).
    NoSuchUpload,
    /// 5xx.
    ServerError,
}

/// The operations of the renderer and of the document store.
#[derive(Clone)]
pub struct DocumentApi {
    /// Makes a PDF.
    pub render: Endpoint<Document, Rendered>,
    /// Sends the parts of a PDF, which is not visible yet.
    pub upload: Endpoint<Document, StoreResponse>,
    /// Completes an upload: the whole document becomes visible under its name.
    pub complete: Endpoint<u32, StoreResponse>,
}

impl DocumentApi {
    /// Creates the operations: the renderer's over one link, the store's over the other.
    pub fn over(renderer: &Link, store: &Link) -> Self {
        Self {
            render: Endpoint::new(Op::new("renderer.render", "asks the renderer for the PDF"), renderer),
            upload: Endpoint::new(Op::new("documents.upload", "sends the PDF to the document store"), store),
            complete: Endpoint::new(Op::new("documents.complete", "completes the upload"), store),
        }
    }
}
