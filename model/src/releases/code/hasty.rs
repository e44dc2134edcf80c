//! R2 as written without a test on stored data: in the job the guest's field is renamed from one release to the next.

use super::r1::Kind;
use super::r2::R2;
use super::{CURRENCY, Change, Documents, LOCALE, Order, Seen, Task, Unreadable, read, write};
use serde::{Deserialize, Serialize};

pub(super) struct Hasty;

#[derive(Serialize, Deserialize)]
struct Job {
    v: u32,
    kind: Kind,
    booking: u32,
    partner: u32,
    guest_name: String,
    price_minor: u32,
    currency: String,
    #[serde(default)]
    locale: Option<String>,
}

impl Documents for Hasty {
    fn number(&self) -> u32 {
        R2.number()
    }

    fn job(&self, order: &Order) -> String {
        let Order { booking, partner, guest, price_minor } = *order;
        let (guest_name, currency, locale) = (guest.whole(), CURRENCY.to_owned(), Some(LOCALE.to_owned()));
        let (v, kind) = (2, Kind::Reserve);
        write(&Job { v, kind, booking, partner, guest_name, price_minor, currency, locale })
    }

    fn read_job(&self, text: &str) -> Result<Task, Unreadable> {
        let job: Job = read(text)?;
        Ok(Task::Reserve { booking: job.booking, price_minor: job.price_minor })
    }

    fn row(&self, order: &Order) -> String {
        R2.row(order)
    }

    fn read_row(&self, text: &str) -> Result<Seen, Unreadable> {
        R2.read_row(text)
    }

    fn rewrite(&self, text: &str, change: Change) -> Result<String, Unreadable> {
        R2.rewrite(text, change)
    }
}
