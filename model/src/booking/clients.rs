//! Clients: the platform's own software on other people's devices, and the states that the API tells them of.

use super::api::View;
use super::facts::Word;
use super::platform::Platform;
use super::rows::{Attention, Booking, Status};
use serde::Serialize;
use std::rc::Rc;

/// A way in for customers. Web pages are as new as the platform; an app is as old as its owner lets it be.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
pub enum Client {
    /// The web page.
    Web,
    /// The app, in its present release.
    App,
    /// The app, in a release from before bookings were checked.
    OldApp,
}

/// What a screen offers to do about a booking.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
pub enum Action {
    /// To cancel it.
    Cancel,
    /// To book the same again.
    BookAgain,
}

/// What a screen shows of a booking.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Screen {
    /// Which booking.
    pub booking: u32,
    /// As of which version of its row.
    pub version: u32,
    /// What it says.
    pub word: Word,
    /// What it offers.
    pub actions: &'static [Action],
}

/// The code of a booking's state, as the API has it for machines.
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

/// What may be done about a booking of which this is said.
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
    /// Those of this platform.
    pub fn of(platform: &Rc<Platform>) -> Self {
        Self(Rc::clone(platform))
    }

    /// What a client shows when the API has answered this.
    pub fn show(&self, client: Client, view: &View) -> Screen {
        self.0.design.web_contract.show(client, view)
    }
}
