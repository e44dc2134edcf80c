//! Screens with a connection: an open page of a booking keeps a connection over which it receives a result before its
//! next poll.
//!
//! Delivery is not guaranteed. A message may be lost, and the page may be closed; so pages also poll, and nothing
//! depends on the message.

use super::api::View;
use super::platform::Platform;
use super::rows::Booking;
use crate::settings::SCREEN_TIMEOUT;
use shakedown_sim::{Endpoint, Env, Link, Op};

/// The connections to the screens, one for each customer.
#[derive(Clone)]
pub struct Screens(Vec<Endpoint<View, ()>>);

impl Screens {
    /// Creates the connections to this many customers over this link.
    pub fn over(link: &Link, customers: u32) -> Self {
        let op = Op::new("screen.tell", "updates the open screen");
        Self((0..customers).map(|_| Endpoint::new(op, link)).collect())
    }

    /// Returns the connection to this customer, if there is one.
    pub fn of(&self, customer: u32) -> Option<&Endpoint<View, ()>> {
        self.0.get(customer.checked_sub(1)? as usize)
    }
}

/// Sends this version of a booking to the customer's screen, if it has a connection.
pub(crate) async fn push(env: &Env, platform: &Platform, booking: &Booking) {
    if let Some(screen) = platform.screens.as_ref().and_then(|screens| screens.of(booking.customer)) {
        // The outcome does not matter: the screen polls, too.
        let _ = env.call(screen, View::of(platform, booking), SCREEN_TIMEOUT).await;
    }
}
