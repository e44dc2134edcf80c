//! `web-contract`: what a state is called, and what may be done about it, is said by the API, to every client.

use super::api::View;
use super::clients::{Action, Client, Screen, actions};
use super::facts::Word;
use crate::guardrail::{Guardrail, Naive};

/// Its row of the table.
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

/// The seam: what a client makes of the API's answer.
pub trait WebContract {
    /// What it shows.
    fn show(&self, client: Client, view: &View) -> Screen;
}

/// Guarded: what the API said, whatever the code: a state that a client has never heard of comes with words that are
/// safe to show.
pub struct AsTheApiSays;

impl WebContract for AsTheApiSays {
    fn show(&self, _: Client, view: &View) -> Screen {
        let View { booking, version, word, actions, .. } = *view;
        Screen { booking, version, word, actions }
    }
}

/// Naive: each client has a table of its own from codes to words, made when it was built, and a default for what it
/// does not know: the web page waits, the app has you start over.
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
