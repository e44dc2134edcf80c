//! The messages and rows of each release of the order flow. Each release is a module, each differs little from the
//! one before, so that two of them side by side read as a diff.
//!
//! Stored messages and rows are texts (JSON). A release serializes its own types and parses into its own types with
//! serde; a text that does not parse is unreadable to it.
//!
//! - `r1`: a job and a row with the guest's name in one field.
//! - `r2`, *expand*: also the name in two fields; writes both forms, reads the old one.
//! - `r3`, *switch*: reads the new fields, still writes both forms; knows reminders, sends none.
//! - `r4`, *contract*: writes the new fields only, and sends reminders.
//!
//! `forgetful` and `hasty` are variants of the first two that were not tested on stored data.

mod forgetful;
mod hasty;
mod r1;
mod r2;
mod r3;
mod r4;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::fmt;

/// A guest's name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Guest {
    /// The given name.
    pub given: &'static str,
    /// The family name.
    pub family: &'static str,
}

impl Guest {
    /// Returns the full name.
    pub fn whole(&self) -> String {
        format!("{} {}", self.given, self.family)
    }
}

/// A customer's order, in the format of no release.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Order {
    /// The number of its future booking.
    pub booking: u32,
    /// The partner.
    pub partner: u32,
    /// The guest.
    pub guest: Guest,
    /// The price, in minor units.
    pub price_minor: u32,
}

/// The state of a booking, which no release has changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Accepted.
    Received,
    /// Confirmed by the partner.
    Confirmed,
    /// Not available.
    Failed,
    /// The guest has arrived.
    Arrived,
}

/// The content of a job, as a release reads it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Task {
    /// Request a reservation from the partner.
    Reserve {
        /// The booking.
        booking: u32,
        /// The price, in minor units.
        price_minor: u32,
    },
    /// Remind the guest, over the channel that the job names.
    Remind {
        /// The booking.
        booking: u32,
    },
}

impl Task {
    /// Returns the booking of the job.
    pub fn booking(&self) -> u32 {
        match self {
            Task::Reserve { booking, .. } | Task::Remind { booking } => *booking,
        }
    }
}

/// The content of a row, as a release reads it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Seen {
    /// The booking.
    pub booking: u32,
    /// Its state.
    pub status: Status,
    /// The guest's name; `None` if the fields that the release reads are empty.
    pub guest: Option<String>,
}

/// A change of a row.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Change {
    /// No change: the row is only written in the release's format.
    Nothing,
    /// The state changes to this.
    Status(Status),
    /// The guest was reminded.
    Reminded,
}

/// The error of a text that a release cannot read, with the parser's reason.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0}")]
pub struct Unreadable(String);

/// A release's messages and rows.
pub trait Documents {
    /// Returns the release's number.
    fn number(&self) -> u32;

    /// Returns the job that reserves an order.
    fn job(&self, order: &Order) -> String;

    /// Returns the content of a job.
    ///
    /// # Errors
    /// If it does not parse.
    fn read_job(&self, text: &str) -> Result<Task, Unreadable>;

    /// Returns the job that reminds a guest, if the release sends such jobs.
    fn reminder(&self, _booking: u32) -> Option<String> {
        None
    }

    /// Returns the row of an accepted order.
    fn row(&self, order: &Order) -> String;

    /// Returns the content of a row.
    ///
    /// # Errors
    /// If it does not parse.
    fn read_row(&self, text: &str) -> Result<Seen, Unreadable>;

    /// Returns the row after a change: read, changed, and written.
    ///
    /// # Errors
    /// If it does not parse.
    fn rewrite(&self, text: &str, change: Change) -> Result<String, Unreadable>;
}

/// The code of a release.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
pub enum Code {
    /// The first release, which drops unknown fields of a row.
    Forgetful,
    /// The first release.
    R1,
    /// The second release, with a field of the job renamed in one step.
    Hasty,
    /// The second release: expand.
    R2,
    /// The third release: switch.
    R3,
    /// The fourth release: contract.
    R4,
}

impl Code {
    /// Returns the variants of this release, the one with less work first.
    ///
    /// # Panics
    /// If there is no such release.
    pub fn candidates(number: u32) -> &'static [Code] {
        match number {
            1 => &[Code::Forgetful, Code::R1],
            2 => &[Code::Hasty, Code::R2],
            3 => &[Code::R3],
            4 => &[Code::R4],
            _ => panic!("there is no release {number}"),
        }
    }

    /// Returns the messages and rows of this release.
    pub fn documents(self) -> &'static dyn Documents {
        match self {
            Code::Forgetful => &forgetful::Forgetful,
            Code::R1 => &r1::R1,
            Code::Hasty => &hasty::Hasty,
            Code::R2 => &r2::R2,
            Code::R3 => &r3::R3,
            Code::R4 => &r4::R4,
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "R{}", self.documents().number())
    }
}

/// Unknown fields of a row, preserved for other releases.
type Rest = Map<String, Value>;

/// The currency of every order.
const CURRENCY: &str = "EUR";
/// The language of every order.
const LOCALE: &str = "en";

/// Serializes a document.
fn write(document: &impl Serialize) -> String {
    serde_json::to_string(document).unwrap_or_else(|error| unreachable!("it has text for keys: {error}"))
}

/// Parses a document.
fn read<D: DeserializeOwned>(text: &str) -> Result<D, Unreadable> {
    serde_json::from_str(text).map_err(|error| Unreadable(error.to_string()))
}

/// Splits a full name into given and family name.
fn split(guest: &str) -> (String, String) {
    let (given, family) = guest.split_once(' ').unwrap_or((guest, ""));
    (given.to_owned(), family.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORDER: Order = Order {
        booking: 7,
        partner: 1,
        guest: Guest { given: "Ada", family: "Lovelace" },
        price_minor: 12_000,
    };

    fn rows(writer: Code, reader: Code) -> Result<Seen, Unreadable> {
        reader.documents().read_row(&writer.documents().row(&ORDER))
    }

    #[test]
    fn neighbours_read_each_others_jobs_and_rows_both_ways() {
        for (one, other) in [(Code::R1, Code::R2), (Code::R2, Code::R3), (Code::R3, Code::R4)] {
            for (writer, reader) in [(one, other), (other, one), (one, one), (other, other)] {
                let task = reader.documents().read_job(&writer.documents().job(&ORDER));
                assert_eq!(
                    task,
                    Ok(Task::Reserve { booking: 7, price_minor: 12_000 }),
                    "{writer:?} {reader:?}"
                );
            }
        }
        for (writer, reader) in
            [(Code::R2, Code::R1), (Code::R1, Code::R2), (Code::R2, Code::R3), (Code::R3, Code::R4)]
        {
            let seen = rows(writer, reader).expect("it reads it");
            assert_eq!(seen.guest.as_deref(), Some("Ada Lovelace"), "{writer:?} {reader:?}");
        }
    }

    #[test]
    fn a_release_two_steps_back_cannot_read_the_fourth_one() {
        assert!(Code::R2.documents().read_job(&Code::R4.documents().job(&ORDER)).is_err());
        assert!(rows(Code::R4, Code::R2).is_err());
        let reminder = Code::R4.documents().reminder(7).expect("it sends them");
        assert_eq!(Code::R3.documents().read_job(&reminder), Ok(Task::Remind { booking: 7 }));
        assert!(Code::R2.documents().read_job(&reminder).is_err(), "a kind that it does not know");
    }

    #[test]
    fn a_switch_before_the_names_are_filled_in_shows_nobody() {
        assert_eq!(rows(Code::R1, Code::R3).expect("it reads it").guest, None);
        let filled = Code::R2.documents().rewrite(&Code::R1.documents().row(&ORDER), Change::Nothing);
        let seen = Code::R3.documents().read_row(&filled.expect("it reads it")).expect("it reads it");
        assert_eq!(seen.guest.as_deref(), Some("Ada Lovelace"));
    }

    #[test]
    fn the_first_release_keeps_unknown_fields_unless_it_is_forgetful() {
        let row = Code::R2.documents().row(&ORDER);
        let arrived = |code: Code| {
            let text = code.documents().rewrite(&row, Change::Status(Status::Arrived)).expect("it reads it");
            Code::R3.documents().read_row(&text).expect("it reads it")
        };
        assert_eq!(arrived(Code::R1).guest.as_deref(), Some("Ada Lovelace"));
        assert_eq!(arrived(Code::R1).status, Status::Arrived);
        assert_eq!(arrived(Code::Forgetful).guest, None);
    }

    #[test]
    fn a_name_changed_in_one_step_is_read_by_neither_side() {
        let (old, new) = (Code::R1.documents(), Code::Hasty.documents());
        assert!(new.read_job(&old.job(&ORDER)).is_err());
        assert!(old.read_job(&new.job(&ORDER)).is_err());
    }

    #[test]
    fn the_fourth_release_reads_jobs_of_the_first() {
        let task = Code::R4.documents().read_job(&Code::R1.documents().job(&ORDER));
        assert_eq!(task, Ok(Task::Reserve { booking: 7, price_minor: 12_000 }));
    }
}
