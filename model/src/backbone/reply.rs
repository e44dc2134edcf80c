//! The responses to requests, in all flows.

use serde::Serialize;

/// The code of a response.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub enum Code {
    /// 200: success.
    Ok,
    /// 202: accepted.
    Accepted,
    /// 404, 409, 410, 422: the request itself is not possible.
    Rejected,
    /// 502: a service that we depend on failed.
    BadGateway,
    /// 503: not available now; retry.
    Unavailable,
    /// 504: no response came from behind the edge.
    NoResponse,
}

/// A response: its code, and its body if it has one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reply<T> {
    /// The code.
    pub code: Code,
    /// The body.
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
