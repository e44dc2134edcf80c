//! What the outside world and durable storage hold: the only thing that judges read.

use crate::backbone::jobs::{Job, Kind};
use crate::booking::rows::{Attempt, Booking, Holding, Letter, Quote, Standing, Status};
use serde::Serialize;

/// A fact of the booking platform or of the world around it.
#[derive(Clone, Debug, Serialize)]
pub enum Fact {
    /// A customer wants to book, once.
    Wanted {
        /// The customer.
        customer: u32,
    },
    /// The partner works in this way.
    Terms {
        /// For how long it remembers a key, in seconds; none if it takes none.
        key_life_s: Option<u64>,
        /// Whether it can be asked about a reference, and about a reservation.
        lookup: bool,
    },
    /// A request that may have an effect reached the partner.
    Asked {
        /// Our number for the attempt, as the request carries it.
        attempt: u32,
    },
    /// The partner's ledger has a new reservation.
    Reserved {
        /// The partner's number for it.
        reservation: u32,
        /// Whether it stands already.
        standing: Standing,
    },
    /// A pending reservation stands now.
    Settled {
        /// Which.
        reservation: u32,
    },
    /// A reservation has ended.
    Ended {
        /// Which.
        reservation: u32,
        /// Whether we asked for it.
        asked: bool,
    },
    /// The partner charged the customer.
    Charged {
        /// For which reservation.
        reservation: u32,
        /// How much, in minor units.
        amount: u32,
    },
    /// The partner gave the charge back.
    Refunded {
        /// For which reservation.
        reservation: u32,
        /// How much, in minor units.
        amount: u32,
    },
    /// The partner dropped an idempotency key.
    KeyForgotten {
        /// For which reservation it stood.
        reservation: u32,
    },
    /// The partner sent a callback.
    CalledBack {
        /// About which reservation.
        reservation: u32,
        /// What it says.
        says: Standing,
    },
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
    /// A screen shows a booking.
    Shown {
        /// Who looks.
        customer: u32,
        /// Whether it was loaded afresh.
        fresh: bool,
        /// Which booking.
        booking: u32,
        /// Which version of it.
        version: u32,
        /// What the screen says.
        word: Word,
    },
    /// A quote was made.
    Quoted(Quote),
    /// A booking row changed.
    Booking {
        /// As it was; none if it is new.
        before: Option<Booking>,
        /// As it is.
        after: Booking,
    },
    /// An attempt row changed.
    Attempt {
        /// As it was; none if it is new.
        before: Option<Attempt>,
        /// As it is.
        after: Attempt,
    },
    /// What we know of a reservation changed.
    Holding {
        /// As it was; none if it is new.
        before: Option<Holding>,
        /// As it is.
        after: Holding,
    },
    /// A callback was stored.
    Letter(Letter),
    /// A job row changed.
    Job {
        /// As it was; none if it is new.
        before: Option<Job>,
        /// As it is.
        after: Job,
    },
}

/// What a customer's request asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub enum Request {
    /// A price.
    Quote,
    /// To book.
    Submit,
    /// To see a booking.
    Status,
    /// To cancel a booking.
    Cancel,
}

/// How a request was answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub enum Code {
    /// 200: here it is.
    Ok,
    /// 202: taken on.
    Accepted,
    /// 404, 409, 410, 422: the request itself cannot be.
    Rejected,
    /// 502: somebody we depend on failed.
    BadGateway,
    /// 503: we cannot now; ask again.
    Unavailable,
    /// 504: nothing came from behind the edge.
    Silence,
}

/// What a screen says about a booking.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub enum Word {
    /// Received; working on it.
    Received,
    /// The partner has yet to decide.
    Requested,
    /// Confirmed.
    Confirmed,
    /// Could not be booked.
    Failed,
    /// Ended by the partner.
    Withdrawn,
    /// Being cancelled.
    Cancelling,
    /// Cancelled.
    Cancelled,
    /// Being checked; do not book again.
    BeingChecked,
}

impl shakedown_sim::Fact for Fact {
    fn is_routine(&self) -> bool {
        match self {
            Fact::Wanted { .. } | Fact::Terms { .. } | Fact::Asked { .. } | Fact::Entered { .. } => true,
            Fact::Answered { code, .. } => matches!(code, Code::Ok | Code::Accepted),
            Fact::Quoted(_) | Fact::Holding { .. } | Fact::Job { .. } | Fact::Shown { .. } => true,
            _ => false,
        }
    }

    fn sentence(&self) -> String {
        match self {
            Fact::Wanted { customer } => format!("customer-{customer} wants to book once"),
            Fact::Terms { key_life_s, lookup } => terms(*key_life_s, *lookup),
            Fact::Asked { attempt } => format!("receives the request of attempt {attempt}"),
            Fact::Reserved { reservation, standing: Standing::Confirmed } => {
                format!("creates reservation R{reservation}")
            }
            Fact::Reserved { reservation, .. } => format!("holds R{reservation} until it has decided"),
            Fact::Settled { reservation } => format!("confirms R{reservation}"),
            Fact::Ended { reservation, asked: true } => format!("cancels R{reservation} as asked"),
            Fact::Ended { reservation, .. } => format!("ends R{reservation} by itself"),
            Fact::Charged { reservation, amount } => format!("charges {} for R{reservation}", money(*amount)),
            Fact::Refunded { reservation, amount } => {
                format!("gives back {} for R{reservation}", money(*amount))
            }
            Fact::KeyForgotten { reservation } => {
                format!("forgets the key under which it made R{reservation}")
            }
            Fact::CalledBack { reservation, says } => {
                format!("calls back: R{reservation} {}", standing(*says))
            }
            Fact::Entered { what, .. } => format!("lets a request in: {}", request(*what)),
            Fact::Answered { code, took_ms, .. } => format!("answers {} after {took_ms} ms", answer(*code)),
            Fact::Shown { customer, fresh, booking, version, word } => format!(
                "shows customer-{customer} booking B{booking} as \"{}\"{} (version {version})",
                self::word(*word),
                if *fresh { ", loaded afresh" } else { "" },
            ),
            Fact::Quoted(quote) => format!("keeps quote Q{} at {}", quote.id, money(quote.price)),
            Fact::Booking { before, after } => booking(before.as_ref(), after),
            Fact::Attempt { before, after } => attempt(before.as_ref(), after),
            Fact::Holding { after, .. } => format!(
                "keeps for B{}: R{} {}{}",
                after.booking,
                after.reservation,
                standing(after.standing),
                if after.doubtful { ", to be asked about" } else { "" },
            ),
            Fact::Letter(letter) => {
                format!("keeps a callback: R{} {}", letter.reservation, standing(letter.says))
            }
            Fact::Job { before, after } => job(before.as_ref(), after),
        }
    }
}

fn terms(key_life_s: Option<u64>, lookup: bool) -> String {
    match (key_life_s, lookup) {
        (Some(life), _) => format!("remembers a key for {} min", life / 60),
        (None, true) => "takes no keys, but can be asked what it has".to_owned(),
        (None, false) => "takes no keys and cannot be asked".to_owned(),
    }
}

fn money(minor: u32) -> String {
    format!("{}.{:02}", minor / 100, minor % 100)
}

fn standing(standing: Standing) -> &'static str {
    match standing {
        Standing::Pending => "is pending",
        Standing::Confirmed => "stands",
        Standing::Ended => "has ended",
    }
}

fn request(what: Request) -> &'static str {
    match what {
        Request::Quote => "a price, please",
        Request::Submit => "book this",
        Request::Status => "how is it going",
        Request::Cancel => "cancel this",
    }
}

fn answer(code: Code) -> &'static str {
    match code {
        Code::Ok => "200",
        Code::Accepted => "202 accepted",
        Code::Rejected => "4xx rejected",
        Code::BadGateway => "502 bad gateway",
        Code::Unavailable => "503 try again",
        Code::Silence => "504 nothing came back",
    }
}

/// The text that a screen shows for a word.
pub fn word(word: Word) -> &'static str {
    match word {
        Word::Received => "received",
        Word::Requested => "on request",
        Word::Confirmed => "confirmed",
        Word::Failed => "could not be booked",
        Word::Withdrawn => "withdrawn by the partner",
        Word::Cancelling => "being cancelled",
        Word::Cancelled => "cancelled",
        Word::BeingChecked => "being checked, do not book again",
    }
}

fn booking(before: Option<&Booking>, after: &Booking) -> String {
    let to = format!("{:?}", after.status);
    let with = after.reservation.filter(|_| after.status == Status::Confirmed);
    let with = with.map(|reservation| format!(" with R{reservation}")).unwrap_or_default();
    let attention = match after.attention {
        crate::booking::rows::Attention::None => "",
        crate::booking::rows::Attention::Checking => ", being checked",
        crate::booking::rows::Attention::Review => ", for a person to review",
    };
    match before {
        None => format!("keeps booking B{}: {to}{attention}", after.id),
        Some(before) if before.status == after.status => {
            format!("keeps B{} at {to}{with}{attention}", after.id)
        }
        Some(before) => format!("moves B{} from {:?} to {to}{with}{attention}", after.id, before.status),
    }
}

fn attempt(before: Option<&Attempt>, after: &Attempt) -> String {
    use crate::booking::rows::{Ask, Known};
    let asks = match after.ask {
        Ask::Reserve => format!("to reserve for B{}", after.booking),
        Ask::Cancel(reservation) => format!("to cancel R{reservation}"),
    };
    let known = match after.known {
        Known::Started => "begun".to_owned(),
        Known::Unknown => "outcome unknown".to_owned(),
        Known::Effect(reservation) => format!("it concerned R{reservation}"),
        Known::Refused => "refused".to_owned(),
        Known::NoEffect => "had no effect".to_owned(),
    };
    let verb = if before.is_none() { "logs" } else { "updates in the log" };
    format!("{verb} attempt {} {asks}: {known}", after.id)
}

fn job(before: Option<&Job>, after: &Job) -> String {
    match before {
        None => format!("keeps job {} for {}: {:?}", after.id, subject(after), after.state),
        Some(before) if before.state == after.state => format!("keeps job {} {:?}", after.id, after.state),
        Some(before) => format!("moves job {} from {:?} to {:?}", after.id, before.state, after.state),
    }
}

fn subject(job: &Job) -> String {
    match job.kind {
        Kind::Book => format!("B{}", job.subject),
    }
}
