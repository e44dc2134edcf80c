//! `web-contract`: the API sends every client the text of a state and its actions.

use super::api::View;
use super::clients::{Action, Client, Screen, actions};
use super::facts::Word;
use crate::guardrail::{Guardrail, Naive};

/// The row of `web-contract` in the table of guardrails.
pub const ROW: Guardrail = Guardrail {
    name: "web-contract",
    system: "topology",
    guarded: "the API sends the words and actions of each state; a client shows them even if it does not know the state's code",
    naive: &[Naive {
        what: "web and app each map the states that they know, and show a default for the others",
        breaks: &["entry-points-agree"],
        masked_by: &[],
    }],
};

/// The seam: how a client shows the API's response.
pub trait WebContract {
    /// Returns what the client shows.
    fn show(&self, client: Client, view: &View) -> Screen;
}

/// Guarded: the content of the response, whatever the code: a state that a client does not know comes with a text
/// that is safe to show.
pub struct AsTheApiSays;

impl WebContract for AsTheApiSays {
    fn show(&self, _: Client, view: &View) -> Screen {
        let View { booking, version, word, actions, .. } = *view;
        Screen { booking, version, word, actions }
    }
}

/// Naive: each client has its own table from codes to texts, fixed when it was built, and a default for unknown
/// codes: the web page waits, the app lets the customer start over.
pub struct EachItsOwnWords;

impl WebContract for EachItsOwnWords {
    fn show(&self, client: Client, view: &View) -> Screen {
        let word = match (client, view.code) {
            (_, "accepted") => Word::Received,
            (_, "on-request") => Word::Requested,
            (_, "confirmed") => Word::Confirmed,
            (_, "failed") => Word::Failed,
            (_, "cancelling") => Word::Cancelling,
            (_, "cancelled") => Word::Cancelled,
            (Client::Web | Client::App, "withdrawn") => Word::Withdrawn,
            (Client::Web | Client::App, "checking") => Word::BeingChecked,
            (Client::Web, _) => Word::Received,
            (Client::App | Client::OldApp, _) => Word::Failed,
        };
        let actions: &'static [Action] = actions(word);
        Screen { booking: view.booking, version: view.version, word, actions }
    }
}
