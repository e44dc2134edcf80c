//! The registry's operations as the platform calls them, and the wire format.

use shakedown_sim::{Endpoint, Link, NodeId, Op};

/// How a registry treats a repeated filing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Repeats {
    /// It keeps one document per reference.
    AreTheSame,
    /// It makes another document.
    AreNew,
}

/// A request to file.
#[derive(Clone, Copy, Debug)]
pub struct FileRequest {
    /// The filing's reference.
    pub reference: u32,
    /// The job that sends it.
    pub job: u32,
    /// The attempt of the job.
    pub attempt: u32,
    /// The node that sends it.
    pub from: NodeId,
}

/// The response of the registry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FileResponse {
    /// It stored this document.
    Filed(u32),
    /// 503: unavailable, and nothing was done.
    Busy,
    /// 500: an error, before or after the effect.
    Broken,
    /// 422: rejected permanently.
    Rejected,
    /// No connection was established within [`CONNECT_TIMEOUT`](crate::settings::CONNECT_TIMEOUT): nothing was sent.
    NotConnected,
}

/// The registry's operations.
#[derive(Clone)]
pub struct RegistryApi {
    /// Files a report.
    pub file: Endpoint<FileRequest, FileResponse>,
    /// Shows a person the document of a reference: `None` from a registry that is down.
    pub page: Endpoint<u32, Option<Page>>,
}

/// The content of the registry's page for a reference.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Page {
    /// The stored document, if there is one.
    pub document: Option<u32>,
}

impl RegistryApi {
    /// Creates the operations: filing over `link`, the page over `pages`.
    pub fn over(link: &Link, pages: &Link) -> Self {
        Self {
            file: Endpoint::new(Op::new("registry.file", "sends the filing to the registry"), link),
            page: Endpoint::new(Op::new("registry.page", "looks at the registry's page"), pages),
        }
    }
}
