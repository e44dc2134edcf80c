//! The promises of the booking flow: an order is completed in time. A booking that is being cancelled is not an order
//! any more.

use super::platform::{JOB, Platform};
use super::rows::{Attention, Booking};
use crate::backbone::jobs::WorkItem;
use crate::backbone::monitor::{Owed, Owing, Promises};
use crate::settings::{BOOKING_PROMISE, CHECKING_PROMISE};
use shakedown_sim::{Env, Signal};
use std::rc::Rc;

/// The promises of the booking flow.
pub struct Orders(pub Rc<Platform>);

impl Promises for Orders {
    fn owed(&self, env: Env) -> Owing {
        let platform = Rc::clone(&self.0);
        Box::pin(async move {
            let mut read = platform.backbone.store.begin(&env);
            let open = read.scan(&platform.tables.bookings, |row| row.status.is_open()).await?;
            Ok(open.iter().map(owed).collect())
        })
    }

    fn changed(&self) -> Signal {
        self.0.tables.bookings.signal().clone()
    }
}

fn owed(row: &Booking) -> Owed {
    let promise = if row.attention == Attention::None { BOOKING_PROMISE } else { CHECKING_PROMISE };
    Owed { item: WorkItem { kind: JOB, row: row.id }, due: row.accepted + promise, context: row.context }
}
