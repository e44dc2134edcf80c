//! Clients: the platform's own software on other people's devices, and the states that the API reports to them.

use super::api::View;
use super::facts::Word;
use super::platform::Platform;
use super::rows::{Attention, Booking, Status};
use serde::Serialize;
use std::rc::Rc;

/// A client of customers. Web pages are as new as the platform; an app may be as old as its owner allows.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
pub enum Client {
    /// The web page.
    Web,
    /// The app, in its current release.
    App,
    /// The app, in a release from before bookings were checked.
    OldApp,
}

/// An action that a screen offers for a booking.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
pub enum Action {
    /// Cancel it.
    Cancel,
    /// Book the same offer again.
    BookAgain,
}

/// The content of a screen about a booking.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Screen {
    /// The booking.
    pub booking: u32,
    /// The version of its row.
    pub version: u32,
    /// The text.
    pub word: Word,
    /// The offered actions.
    pub actions: &'static [Action],
}

/// Returns the code of a booking's state, for machines.
pub(super) fn code(row: &Booking) -> &'static str {
    match (row.attention, row.status) {
        (Attention::Checking, _) => "checking",
        (Attention::Review, _) => "in-review",
        (Attention::None, Status::Accepted) => "accepted",
        (Attention::None, Status::OnRequest) => "on-request",
        (Attention::None, Status::Confirmed) => "confirmed",
        (Attention::None, Status::Failed) => "failed",
        (Attention::None, Status::Withdrawn) => "withdrawn",
        (Attention::None, Status::Cancelling) => "cancelling",
        (Attention::None, Status::Cancelled) => "cancelled",
    }
}

/// Returns the actions for a booking with this text.
pub(crate) fn actions(word: Word) -> &'static [Action] {
    match word {
        Word::Received | Word::Requested | Word::Confirmed => &[Action::Cancel],
        Word::Failed | Word::Withdrawn | Word::Cancelled => &[Action::BookAgain],
        Word::Cancelling | Word::BeingChecked => &[],
    }
}

/// The clients, as they were shipped with the platform's design.
#[derive(Clone)]
pub struct Clients(Rc<Platform>);

impl Clients {
    /// Creates the clients of this platform.
    pub fn of(platform: &Rc<Platform>) -> Self {
        Self(Rc::clone(platform))
    }

    /// Returns what a client shows for this response of the API.
    pub fn show(&self, client: Client, view: &View) -> Screen {
        self.0.design.web_contract.show(client, view)
    }
}
