//! R1: the guest's name is one field. It keeps unknown fields of a row.

use super::{CURRENCY, Change, Documents, Order, Rest, Seen, Status, Task, Unreadable, read, write};
use serde::{Deserialize, Serialize};

pub(super) struct R1;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    Reserve,
}

#[derive(Serialize, Deserialize)]
struct Job {
    v: u32,
    kind: Kind,
    booking: u32,
    partner: u32,
    guest: String,
    price_minor: u32,
    currency: String,
}

#[derive(Serialize, Deserialize)]
struct Row {
    v: u32,
    booking: u32,
    partner: u32,
    guest: String,
    price_minor: u32,
    currency: String,
    status: Status,
    #[serde(flatten)]
    rest: Rest,
}

impl Documents for R1 {
    fn number(&self) -> u32 {
        1
    }

    fn job(&self, order: &Order) -> String {
        let Order { booking, partner, guest, price_minor } = *order;
        let (guest, currency) = (guest.whole(), CURRENCY.to_owned());
        write(&Job { v: 1, kind: Kind::Reserve, booking, partner, guest, price_minor, currency })
    }

    fn read_job(&self, text: &str) -> Result<Task, Unreadable> {
        let job: Job = read(text)?;
        Ok(Task::Reserve { booking: job.booking, price_minor: job.price_minor })
    }

    fn row(&self, order: &Order) -> String {
        let Order { booking, partner, guest, price_minor } = *order;
        let (guest, currency, status) = (guest.whole(), CURRENCY.to_owned(), Status::Received);
        write(&Row { v: 1, booking, partner, guest, price_minor, currency, status, rest: Rest::new() })
    }

    fn read_row(&self, text: &str) -> Result<Seen, Unreadable> {
        let row: Row = read(text)?;
        Ok(Seen { booking: row.booking, status: row.status, guest: Some(row.guest) })
    }

    fn rewrite(&self, text: &str, change: Change) -> Result<String, Unreadable> {
        let row: Row = read(text)?;
        let status = if let Change::Status(status) = change { status } else { row.status };
        Ok(write(&Row { v: 1, status, ..row }))
    }
}
