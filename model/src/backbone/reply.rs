//! How a request is answered, in whichever flow.

use crate::facts::Code;

/// An answer: its code, and what it brings if it brings something.
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
