//! How a request is answered, in whichever flow.

use serde::Serialize;

/// How a request was answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub enum Code {
    /// 200: here it is.
    Ok,
    /// 202: accepted.
    Accepted,
    /// 404, 409, 410, 422: the request itself is not possible.
    Rejected,
    /// 502: a service that we depend on failed.
    BadGateway,
    /// 503: not available now; ask again.
    Unavailable,
    /// 504: no response came from behind the edge.
    NoResponse,
}

/// A response: its code, and its body if it has one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reply<T> {
    /// How the request was answered.
    pub code: Code,
    /// What it brings.
    pub body: Option<T>,
}

impl<T> Reply<T> {
    pub(crate) fn bare(code: Code) -> Self {
        Self { code, body: None }
    }

    pub(crate) fn of(body: T) -> Self {
        Self { code: Code::Ok, body: Some(body) }
    }
}
