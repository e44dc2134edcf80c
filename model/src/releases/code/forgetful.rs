//! R1 as written without regard to R2: a row that it changes loses the fields that it does not know.

use super::r1::R1;
use super::{Change, Documents, Order, Seen, Status, Task, Unreadable, read, write};
use serde::{Deserialize, Serialize};

pub(super) struct Forgetful;

#[derive(Serialize, Deserialize)]
struct Row {
    v: u32,
    booking: u32,
    partner: u32,
    guest: String,
    price_minor: u32,
    currency: String,
    status: Status,
}

impl Documents for Forgetful {
    fn number(&self) -> u32 {
        R1.number()
    }

    fn job(&self, order: &Order) -> String {
        R1.job(order)
    }

    fn read_job(&self, text: &str) -> Result<Task, Unreadable> {
        R1.read_job(text)
    }

    fn row(&self, order: &Order) -> String {
        R1.row(order)
    }

    fn read_row(&self, text: &str) -> Result<Seen, Unreadable> {
        R1.read_row(text)
    }

    fn rewrite(&self, text: &str, change: Change) -> Result<String, Unreadable> {
        let row: Row = read(text)?;
        let status = if let Change::Status(status) = change { status } else { row.status };
        Ok(write(&Row { v: 1, status, ..row }))
    }
}
