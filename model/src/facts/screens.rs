//! Facts about the screens of each client.

use crate::booking::clients::{Action, Client, Screen};
use crate::booking::facts;
use serde::Serialize;

/// A fact of a customer's screens.
#[derive(Clone, Copy, Debug, Serialize)]
pub enum ScreenFact {
    /// A device shows a booking.
    Shown {
        /// The client.
        client: Client,
        /// The screen.
        screen: Screen,
    },
}

impl ScreenFact {
    pub(super) fn sentence(&self) -> String {
        let ScreenFact::Shown { client, screen } = self;
        let offers: Vec<&str> = screen.actions.iter().map(|action| self::action(*action)).collect();
        let offers = if offers.is_empty() { "nothing to press".to_owned() } else { offers.join(", ") };
        let Screen { booking, version, word, .. } = screen;
        format!(
            "sees in {} that B{booking} is \"{}\", with {offers} (version {version})",
            self::client(*client),
            facts::word(*word)
        )
    }
}

/// Returns the name of a client in stories.
pub fn client(client: Client) -> &'static str {
    match client {
        Client::Web => "the web page",
        Client::App => "the app",
        Client::OldApp => "the old app",
    }
}

fn action(action: Action) -> &'static str {
    match action {
        Action::Cancel => "\"cancel\"",
        Action::BookAgain => "\"book again\"",
    }
}
