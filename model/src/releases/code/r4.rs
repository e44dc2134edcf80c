//! R4, contract: the name is written and read in its two fields only. It sends the job `remind` over the channel
//! `sms`, and reads messages of earlier releases as long as some are stored.

use super::r3::{Channel, Job, Remind, Reserve, task};
use super::{CURRENCY, Change, Documents, LOCALE, Order, Rest, Seen, Status, Task, Unreadable, read, write};
use serde::{Deserialize, Serialize};

pub(super) struct R4;

#[derive(Serialize, Deserialize)]
struct Row {
    v: u32,
    booking: u32,
    partner: u32,
    given: String,
    family: String,
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

impl Documents for R4 {
    fn number(&self) -> u32 {
        4
    }

    fn job(&self, order: &Order) -> String {
        let Order { booking, partner, guest, price_minor } = *order;
        let (given, family) = (Some(guest.given.to_owned()), Some(guest.family.to_owned()));
        let (guest, currency, locale) = (None, CURRENCY.to_owned(), Some(LOCALE.to_owned()));
        let v = 4;
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

    fn reminder(&self, booking: u32) -> Option<String> {
        Some(write(&Job::Remind(Remind { v: 4, booking, channel: Channel::Sms })))
    }

    fn row(&self, order: &Order) -> String {
        let Order { booking, partner, guest, price_minor } = *order;
        let (given, family) = (guest.given.to_owned(), guest.family.to_owned());
        let (currency, locale) = (CURRENCY.to_owned(), Some(LOCALE.to_owned()));
        let (v, status, reminded, rest) = (4, Status::Received, false, Rest::new());
        write(&Row {
            v,
            booking,
            partner,
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
        let guest = Some(format!("{} {}", row.given, row.family));
        Ok(Seen { booking: row.booking, status: row.status, guest })
    }

    fn rewrite(&self, text: &str, change: Change) -> Result<String, Unreadable> {
        let row: Row = read(text)?;
        let status = if let Change::Status(status) = change { status } else { row.status };
        let reminded = row.reminded || change == Change::Reminded;
        Ok(write(&Row { v: 4, status, reminded, ..row }))
    }
}
