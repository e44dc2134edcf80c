//! [`Error`]: why a request has no response.

/// Why a request has no response, or a body no end.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Error {
    /// The request's URI names no node that ever served.
    #[error("no node of the simulated world serves `{0}`")]
    UnknownHost(String),
    /// The connection was refused: the service has not seen the request and never will.
    #[error("connection refused")]
    Refused,
    /// The connection was reset: the service may have carried out the request.
    #[error("connection reset by peer")]
    Reset,
    /// No response came in time: the service may have carried out the request, or may yet.
    #[error("no response in time")]
    TimedOut,
    /// The body could not be read before it was sent.
    #[error("the body cannot be read: {0}")]
    Body(String),
}
