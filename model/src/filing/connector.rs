//! What we and the registry say to each other.

use shakedown_sim::{Endpoint, Link, NodeId, Op};

/// How a registry treats a filing that is sent again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Repeats {
    /// It keeps one document for a reference.
    AreTheSame,
    /// It makes another document.
    AreNew,
}

/// A request to file.
#[derive(Clone, Copy, Debug)]
pub struct FileRequest {
    /// The filing's reference.
    pub reference: u32,
    /// Which job sends it.
    pub job: u32,
    /// Which of its attempts.
    pub attempt: u32,
    /// From which of our nodes.
    pub from: NodeId,
}

/// How the registry answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FileResponse {
    /// It keeps this document.
    Filed(u32),
    /// 503: not now, and nothing was done.
    Busy,
    /// 500: something failed, before or after the effect.
    Broken,
    /// 422: not like this, ever.
    Rejected,
    /// No connection came about within [`CONNECT_TIMEOUT`](crate::settings::CONNECT_TIMEOUT): nothing was sent.
    NotConnected,
}

/// The registry's operations.
#[derive(Clone)]
pub struct RegistryApi {
    /// Files.
    pub file: Endpoint<FileRequest, FileResponse>,
    /// The page on which a person looks up which document a reference has: none from a registry that is down.
    pub page: Endpoint<u32, Option<Page>>,
}

/// What the registry's page shows for a reference.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Page {
    /// The document that it keeps, if it does.
    pub document: Option<u32>,
}

impl RegistryApi {
    /// The operations: filing over `link`, looking over `pages`.
    pub fn over(link: &Link, pages: &Link) -> Self {
        Self {
            file: Endpoint::new(Op::new("registry.file", "sends the filing to the registry"), link),
            page: Endpoint::new(Op::new("registry.page", "looks at the registry's page"), pages),
        }
    }
}
