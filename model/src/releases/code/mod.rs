//! What each release of the order flow makes of its messages and rows: a module for each, each the one before with
//! little changed, so that two of them beside each other read as a diff.
//!
//! Messages and rows are texts (JSON) wherever they rest. A release writes them from its own types and parses them
//! into its own types with serde; what it cannot read it cannot read.
//!
//! - [`r1`]: a job and a row with the guest's name in one field.
//! - [`r2`], *expand*: the name in two fields as well; writes both, reads the old one.
//! - [`r3`], *switch*: reads the new ones, still writes both; knows reminders, sends none.
//! - [`r4`], *contract*: writes the new ones only, and sends reminders.
//!
//! [`forgetful`] and [`hasty`] are the first two as they look when they are not tried on stored data.

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
    /// The name in one piece.
    pub fn whole(&self) -> String {
        format!("{} {}", self.given, self.family)
    }
}

/// What a customer orders, in no release's words.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Order {
    /// The number of the booking that it will be.
    pub booking: u32,
    /// At which partner.
    pub partner: u32,
    /// For whom.
    pub guest: Guest,
    /// The price, in minor units.
    pub price_minor: u32,
}

/// Where a booking stands: a value that no release has changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Taken on.
    Received,
    /// The partner has it.
    Confirmed,
    /// It could not be had.
    Failed,
    /// The guest has arrived.
    Arrived,
}

/// What a release reads in a job.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Task {
    /// Have the partner reserve.
    Reserve {
        /// For this booking.
        booking: u32,
        /// At this price, in minor units.
        price_minor: u32,
    },
    /// Remind the guest, by whatever channel the job names.
    Remind {
        /// Of this booking.
        booking: u32,
    },
}

impl Task {
    /// The booking that it is about.
    pub fn booking(&self) -> u32 {
        match self {
            Task::Reserve { booking, .. } | Task::Remind { booking } => *booking,
        }
    }
}

/// What a release reads in a row.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Seen {
    /// The booking.
    pub booking: u32,
    /// Where it stands.
    pub status: Status,
    /// The guest's name; none if the fields in which the release looks are empty.
    pub guest: Option<String>,
}

/// What is changed in a row.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Change {
    /// Nothing: it is written as the release writes it.
    Nothing,
    /// It stands there now.
    Status(Status),
    /// The guest was reminded.
    Reminded,
}

/// That a release cannot read a text, with the parser's reason.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0}")]
pub struct Unreadable(String);

/// A release's messages and rows.
pub trait Documents {
    /// The release's number.
    fn number(&self) -> u32;

    /// The job that has an order reserved.
    fn job(&self, order: &Order) -> String;

    /// What a job says.
    ///
    /// # Errors
    /// If it does not parse.
    fn read_job(&self, text: &str) -> Result<Task, Unreadable>;

    /// The job that has a guest reminded, if the release sends such.
    fn reminder(&self, _booking: u32) -> Option<String> {
        None
    }

    /// The row of an order that was accepted.
    fn row(&self, order: &Order) -> String;

    /// What a row says.
    ///
    /// # Errors
    /// If it does not parse.
    fn read_row(&self, text: &str) -> Result<Seen, Unreadable>;

    /// The row after a change: read, changed, and written.
    ///
    /// # Errors
    /// If it does not parse.
    fn rewrite(&self, text: &str, change: Change) -> Result<String, Unreadable>;
}

/// The code of a release.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
pub enum Code {
    /// The first release, which drops of a row what it does not know.
    Forgetful,
    /// The first release.
    R1,
    /// The second one, with a field of the job renamed in one step.
    Hasty,
    /// The second one: expand.
    R2,
    /// The third one: switch.
    R3,
    /// The fourth one: contract.
    R4,
}

impl Code {
    /// The forms of this release, the one with less work first.
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

    /// Its messages and rows.
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

/// Fields of a row that a release does not know, preserved for other releases.
type Rest = Map<String, Value>;

/// The currency of every order.
const CURRENCY: &str = "EUR";
/// The language of every order.
const LOCALE: &str = "en";

/// The text of a document.
fn write(document: &impl Serialize) -> String {
    serde_json::to_string(document).unwrap_or_else(|error| unreachable!("it has text for keys: {error}"))
}

/// The document in a text.
fn read<D: DeserializeOwned>(text: &str) -> Result<D, Unreadable> {
    serde_json::from_str(text).map_err(|error| Unreadable(error.to_string()))
}

/// Given and family name of a name in one piece.
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
    fn who_is_two_releases_back_cannot_read_what_the_fourth_one_writes() {
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
    fn what_the_first_release_does_not_know_it_keeps_unless_it_is_forgetful() {
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
