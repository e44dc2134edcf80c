//! `booking-contract`: one set of statuses, one translation of the partner's words, one set of rules for every move
//! of a booking.

use super::case::{Case, Evidence};
use super::connector::ReserveResponse;
use super::facts::Word;
use super::rows::{Attention, Booking, Standing, Status};
use crate::guardrail::{Guardrail, Naive};

/// The row of `booking-contract` in the table of guardrails.
pub const ROW: Guardrail = Guardrail {
    name: "booking-contract",
    system: "booking",
    guarded: "one set of statuses, one translation for each partner, and rules for every transition",
    naive: &[Naive {
        what: "connector, callback and client each map status words; the last writer wins",
        breaks: &["legal-transitions-only", "screens-agree-at-rest"],
        masked_by: &[],
    }],
};

/// The seam: the meaning of the partner's words, the moves of a booking, the text of a screen.
pub trait BookingContract {
    /// Translates a response to a request for a reservation into evidence.
    fn translate(&self, answer: ReserveResponse) -> Evidence;
    /// Moves the case's booking according to the evidence; called after its rows have been updated.
    fn settle(&self, case: &mut Case);
    /// Returns the text of a screen about a booking.
    fn word(&self, booking: &Booking) -> Word;
}

/// Guarded: a reservation confirms an open booking; a completed booking is never reopened; contradictions are left
/// for a question to the partner.
pub struct Rules;

impl BookingContract for Rules {
    fn translate(&self, answer: ReserveResponse) -> Evidence {
        match answer {
            ReserveResponse::Confirmed(reservation) => Evidence::Standing(reservation, Standing::Confirmed),
            ReserveResponse::Pending(reservation) => Evidence::Standing(reservation, Standing::Pending),
            ReserveResponse::Refused => Evidence::Refused,
            ReserveResponse::TooMany => Evidence::NoEffect,
            ReserveResponse::ServerError | ReserveResponse::Malformed => Evidence::Unknown,
        }
    }

    fn settle(&self, case: &mut Case) {
        match case.booking.status {
            Status::Accepted | Status::OnRequest => settle_open(case),
            Status::Confirmed => settle_confirmed(case),
            Status::Cancelling => {
                if case.live().next().is_none() && case.in_doubt().next().is_none() {
                    case.moved(Status::Cancelled);
                }
            }
            Status::Failed | Status::Withdrawn | Status::Cancelled => {}
        }
    }

    fn word(&self, booking: &Booking) -> Word {
        match (booking.attention, booking.status) {
            (Attention::Review | Attention::Checking, _) => Word::BeingChecked,
            (Attention::None, status) => word_of(status),
        }
    }
}

fn settle_open(case: &mut Case) {
    let standing = case.live().find(|holding| holding.standing == Standing::Confirmed && !holding.doubtful);
    if let Some(holding) = standing.copied() {
        case.booking.reservation = Some(holding.reservation);
        return case.moved(Status::Confirmed);
    }
    if case.live().any(|holding| !holding.doubtful) {
        return case.moved(Status::OnRequest);
    }
    if case.in_doubt().next().is_some() || case.live().next().is_some() {
        return;
    }
    if case.holdings.iter().any(|holding| holding.standing == Standing::Ended) {
        return case.moved(Status::Withdrawn);
    }
    if case.was_refused() || case.is_spent() {
        case.moved(Status::Failed);
    }
}

fn settle_confirmed(case: &mut Case) {
    let own = case.booking.reservation;
    let ended =
        |holding: &&crate::booking::rows::Holding| Some(holding.reservation) == own && !holding.doubtful;
    if case.holdings.iter().find(ended).is_some_and(|holding| holding.standing == Standing::Ended) {
        case.moved(Status::Withdrawn);
    }
}

fn word_of(status: Status) -> Word {
    match status {
        Status::Accepted => Word::Received,
        Status::OnRequest => Word::Requested,
        Status::Confirmed => Word::Confirmed,
        Status::Failed => Word::Failed,
        Status::Withdrawn => Word::Withdrawn,
        Status::Cancelling => Word::Cancelling,
        Status::Cancelled => Word::Cancelled,
    }
}

/// Naive: the connector treats every 2xx as a success, each incoming word is mapped and written, and the last writer
/// wins. The screen knows the statuses of the happy path.
pub struct LastWriterWins;

impl BookingContract for LastWriterWins {
    fn translate(&self, answer: ReserveResponse) -> Evidence {
        match answer {
            ReserveResponse::Confirmed(reservation) | ReserveResponse::Pending(reservation) => {
                Evidence::Standing(reservation, Standing::Confirmed)
            }
            other => Rules.translate(other),
        }
    }

    fn settle(&self, case: &mut Case) {
        let Some(last) = case.news.last().copied() else { return Rules.settle(case) };
        match last {
            Evidence::Standing(reservation, Standing::Confirmed) => {
                case.booking.reservation = Some(reservation);
                case.moved(Status::Confirmed);
            }
            Evidence::Standing(_, Standing::Ended) => case.moved(Status::Cancelled),
            Evidence::Refused => case.moved(Status::Failed),
            Evidence::Standing(_, Standing::Pending) | Evidence::NoEffect | Evidence::Unknown => {
                Rules.settle(case)
            }
        }
    }

    fn word(&self, booking: &Booking) -> Word {
        word_of(booking.status)
    }
}
