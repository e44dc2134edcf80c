//! The flow's way to what makes and keeps documents, as their clients see them.

use shakedown_sim::{Endpoint, Link, Op};

/// Which document: the report on a revision of a visit. It is its name in the document store, so that making it
/// again replaces it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, serde::Serialize)]
pub struct Document {
    /// The visit.
    pub visit: u32,
    /// Its revision.
    pub revision: u32,
}

/// What the renderer answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rendered {
    /// The whole PDF of this document.
    Pdf(Document),
    /// 5xx.
    ServerError,
}

/// What the document store answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StoreResponse {
    /// What was sent is kept; the number of the upload that it belongs to.
    Upload(u32),
    /// There is no such upload, or no longer.
    NoSuchUpload,
    /// 5xx.
    ServerError,
}

/// The operations of the renderer and of the document store.
#[derive(Clone)]
pub struct DocumentApi {
    /// Makes a PDF.
    pub render: Endpoint<Document, Rendered>,
    /// Sends the parts of a PDF; nothing of it can be seen yet.
    pub upload: Endpoint<Document, StoreResponse>,
    /// Ends an upload: the document appears under its name, whole.
    pub complete: Endpoint<u32, StoreResponse>,
}

impl DocumentApi {
    /// The operations: the renderer's over one link, the store's over the other.
    pub fn over(renderer: &Link, store: &Link) -> Self {
        Self {
            render: Endpoint::new(Op::new("renderer.render", "asks the renderer for the PDF"), renderer),
            upload: Endpoint::new(Op::new("documents.upload", "sends the PDF to the document store"), store),
            complete: Endpoint::new(Op::new("documents.complete", "completes the upload"), store),
        }
    }
}
