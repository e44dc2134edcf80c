//! R2, expand: also the name in two fields, which may be empty. It writes both forms and reads the old one.

use super::r1::Kind;
use super::{
    CURRENCY, Change, Documents, LOCALE, Order, Rest, Seen, Status, Task, Unreadable, read, split, write,
};
use serde::{Deserialize, Serialize};

pub(super) struct R2;

#[derive(Serialize, Deserialize)]
struct Job {
    v: u32,
    kind: Kind,
    booking: u32,
    partner: u32,
    guest: String,
    #[serde(default)]
    given: Option<String>,
    #[serde(default)]
    family: Option<String>,
    price_minor: u32,
    currency: String,
    #[serde(default)]
    locale: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Row {
    v: u32,
    booking: u32,
    partner: u32,
    guest: String,
    #[serde(default)]
    given: Option<String>,
    #[serde(default)]
    family: Option<String>,
    price_minor: u32,
    currency: String,
    #[serde(default)]
    locale: Option<String>,
    status: Status,
    #[serde(flatten)]
    rest: Rest,
}

impl Documents for R2 {
    fn number(&self) -> u32 {
        2
    }

    fn job(&self, order: &Order) -> String {
        let Order { booking, partner, guest, price_minor } = *order;
        let (given, family) = (Some(guest.given.to_owned()), Some(guest.family.to_owned()));
        let (guest, currency, locale) = (guest.whole(), CURRENCY.to_owned(), Some(LOCALE.to_owned()));
        let (v, kind) = (2, Kind::Reserve);
        write(&Job { v, kind, booking, partner, guest, given, family, price_minor, currency, locale })
    }

    fn read_job(&self, text: &str) -> Result<Task, Unreadable> {
        let job: Job = read(text)?;
        Ok(Task::Reserve { booking: job.booking, price_minor: job.price_minor })
    }

    fn row(&self, order: &Order) -> String {
        let Order { booking, partner, guest, price_minor } = *order;
        let (given, family) = (Some(guest.given.to_owned()), Some(guest.family.to_owned()));
        let (guest, currency, locale) = (guest.whole(), CURRENCY.to_owned(), Some(LOCALE.to_owned()));
        let (v, status, rest) = (2, Status::Received, Rest::new());
        write(&Row { v, booking, partner, guest, given, family, price_minor, currency, locale, status, rest })
    }

    fn read_row(&self, text: &str) -> Result<Seen, Unreadable> {
        let row: Row = read(text)?;
        Ok(Seen { booking: row.booking, status: row.status, guest: Some(row.guest) })
    }

    fn rewrite(&self, text: &str, change: Change) -> Result<String, Unreadable> {
        let row: Row = read(text)?;
        let status = if let Change::Status(status) = change { status } else { row.status };
        let (given, family) = split(&row.guest);
        Ok(write(&Row { v: 2, given: Some(given), family: Some(family), status, ..row }))
    }
}
