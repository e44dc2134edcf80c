//! What the edge's log holds: what came in, and how it was answered.

use crate::backbone::Code;
use serde::Serialize;

/// A fact of the edge.
#[derive(Clone, Debug, Serialize)]
pub enum EdgeFact {
    /// A request entered at the edge.
    Entered {
        /// Its number at the edge.
        request: u32,
        /// What it asks for.
        what: Request,
    },
    /// A request was answered at the edge.
    Answered {
        /// Its number at the edge.
        request: u32,
        /// With what.
        code: Code,
        /// After how many milliseconds.
        took_ms: u64,
    },
}

/// What a request asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub enum Request {
    /// To see an offer.
    Offer,
    /// A price.
    Quote,
    /// To book.
    Submit,
    /// To see what is booked.
    List,
    /// To see a booking.
    Status,
    /// To cancel a booking.
    Cancel,
    /// To move a visit.
    Advance,
    /// To repeat what is missing of a visit.
    Replay,
    /// To see a visit.
    Visit,
    /// To take a row of a clinic's feed.
    Import,
    /// To take a clinic's report on.
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
                format!("responds {} after {took_ms} ms", answer(*code))
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

fn answer(code: Code) -> &'static str {
    match code {
        Code::Ok => "200",
        Code::Accepted => "202 accepted",
        Code::Rejected => "4xx rejected",
        Code::BadGateway => "502 bad gateway",
        Code::Unavailable => "503 try again",
        Code::NoResponse => "504 no response",
    }
}
