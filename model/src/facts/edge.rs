//! Facts of the edge's log: incoming requests and their responses.

use crate::backbone::Code;
use serde::Serialize;

/// A fact of the edge.
#[derive(Clone, Debug, Serialize)]
pub enum EdgeFact {
    /// A request entered at the edge.
    Entered {
        /// Its number at the edge.
        request: u32,
        /// The request.
        what: Request,
    },
    /// A request received its response at the edge.
    Answered {
        /// Its number at the edge.
        request: u32,
        /// The response code.
        code: Code,
        /// The duration in milliseconds.
        took_ms: u64,
    },
}

/// The kind of a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub enum Request {
    /// Show an offer.
    Offer,
    /// Quote a price.
    Quote,
    /// Submit an order.
    Submit,
    /// List bookings.
    List,
    /// Show a booking.
    Status,
    /// Cancel a booking.
    Cancel,
    /// Move a visit.
    Advance,
    /// Repeat the missing effects of a visit.
    Replay,
    /// Show a visit.
    Visit,
    /// Import a row of a clinic's feed.
    Import,
    /// Accept a clinic's report.
    Report,
}

impl EdgeFact {
    pub(super) fn is_routine(&self) -> bool {
        match self {
            EdgeFact::Entered { .. } => true,
            EdgeFact::Answered { code, .. } => matches!(code, Code::Ok | Code::Accepted),
        }
    }

    pub(super) fn sentence(&self) -> String {
        match self {
            EdgeFact::Entered { what, .. } => format!("receives a request: {}", request(*what)),
            EdgeFact::Answered { code, took_ms, .. } => {
                format!("responds {} after {took_ms} ms", response(*code))
            }
        }
    }
}

fn request(what: Request) -> &'static str {
    match what {
        Request::Offer => "show the offer",
        Request::Quote => "quote a price",
        Request::Submit => "book",
        Request::List => "show the list",
        Request::Status => "show the booking",
        Request::Cancel => "cancel the booking",
        Request::Advance => "move the visit",
        Request::Replay => "repeat what is missing",
        Request::Visit => "show the visit",
        Request::Import => "a row from a clinic",
        Request::Report => "file the report",
    }
}

fn response(code: Code) -> &'static str {
    match code {
        Code::Ok => "200",
        Code::Accepted => "202 accepted",
        Code::Rejected => "4xx rejected",
        Code::BadGateway => "502 bad gateway",
        Code::Unavailable => "503 try again",
        Code::NoResponse => "504 no response",
    }
}
