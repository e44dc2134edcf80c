//! R3, switch: the name is read from its two fields, and still written in both forms. It knows the job `remind` and
//! the channel `sms`, and sends neither.

use super::{CURRENCY, Change, Documents, LOCALE, Order, Rest, Seen, Status, Task, Unreadable, read, write};
use serde::{Deserialize, Deserializer, Serialize};

pub(super) struct R3;

#[derive(Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub(super) enum Job {
    Reserve(Reserve),
    Remind(Remind),
}

/// Older stored data has only the old field.
#[derive(Serialize, Deserialize)]
pub(super) struct Reserve {
    pub(super) v: u32,
    pub(super) booking: u32,
    pub(super) partner: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) guest: Option<String>,
    #[serde(default)]
    pub(super) given: Option<String>,
    #[serde(default)]
    pub(super) family: Option<String>,
    pub(super) price_minor: u32,
    pub(super) currency: String,
    #[serde(default)]
    pub(super) locale: Option<String>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Remind {
    pub(super) v: u32,
    pub(super) booking: u32,
    pub(super) channel: Channel,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Channel {
    Email,
    Sms,
}

#[derive(Serialize, Deserialize)]
struct Row {
    v: u32,
    booking: u32,
    partner: u32,
    /// The value is not read, but the column is selected: it may be empty, and must exist.
    #[serde(deserialize_with = "column")]
    guest: Option<String>,
    #[serde(default)]
    given: Option<String>,
    #[serde(default)]
    family: Option<String>,
    price_minor: u32,
    currency: String,
    #[serde(default)]
    locale: Option<String>,
    status: Status,
    #[serde(default)]
    reminded: bool,
    #[serde(flatten)]
    rest: Rest,
}

/// Reads a column that may be empty: unlike a field with a default, a missing column is an error.
fn column<'de, D: Deserializer<'de>>(column: D) -> Result<Option<String>, D::Error> {
    Option::deserialize(column)
}

impl Row {
    fn name(&self) -> Option<String> {
        self.given.as_ref().zip(self.family.as_ref()).map(|(given, family)| format!("{given} {family}"))
    }
}

/// Returns the content of a job, for this release and the next.
pub(super) fn task(text: &str) -> Result<Task, Unreadable> {
    Ok(match read(text)? {
        Job::Reserve(Reserve { booking, price_minor, .. }) => Task::Reserve { booking, price_minor },
        Job::Remind(Remind { booking, .. }) => Task::Remind { booking },
    })
}

impl Documents for R3 {
    fn number(&self) -> u32 {
        3
    }

    fn job(&self, order: &Order) -> String {
        let Order { booking, partner, guest, price_minor } = *order;
        let (given, family) = (Some(guest.given.to_owned()), Some(guest.family.to_owned()));
        let (guest, currency, locale) = (Some(guest.whole()), CURRENCY.to_owned(), Some(LOCALE.to_owned()));
        let v = 3;
        write(&Job::Reserve(Reserve {
            v,
            booking,
            partner,
            guest,
            given,
            family,
            price_minor,
            currency,
            locale,
        }))
    }

    fn read_job(&self, text: &str) -> Result<Task, Unreadable> {
        task(text)
    }

    fn row(&self, order: &Order) -> String {
        let Order { booking, partner, guest, price_minor } = *order;
        let (given, family) = (Some(guest.given.to_owned()), Some(guest.family.to_owned()));
        let (guest, currency, locale) = (Some(guest.whole()), CURRENCY.to_owned(), Some(LOCALE.to_owned()));
        let (v, status, reminded, rest) = (3, Status::Received, false, Rest::new());
        write(&Row {
            v,
            booking,
            partner,
            guest,
            given,
            family,
            price_minor,
            currency,
            locale,
            status,
            reminded,
            rest,
        })
    }

    fn read_row(&self, text: &str) -> Result<Seen, Unreadable> {
        let row: Row = read(text)?;
        Ok(Seen { booking: row.booking, status: row.status, guest: row.name() })
    }

    fn rewrite(&self, text: &str, change: Change) -> Result<String, Unreadable> {
        let row: Row = read(text)?;
        let status = if let Change::Status(status) = change { status } else { row.status };
        let reminded = row.reminded || change == Change::Reminded;
        let guest = row.name().or(row.guest);
        Ok(write(&Row { v: 3, guest, status, reminded, ..row }))
    }
}
