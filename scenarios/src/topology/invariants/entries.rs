//! The screens of all clients about one row.

use shakedown_model::Fact;
use shakedown_model::booking::clients::{Client, Screen};
use shakedown_model::facts::{ScreenFact, client, word};
use shakedown_sim::{At, Findings, Invariant};

/// Verifies that all clients show the same for one version of a row.
#[derive(Default)]
pub(super) struct EntryPointsAgree(Vec<(Client, Screen, u32)>);

impl Invariant<Fact> for EntryPointsAgree {
    fn name(&self) -> &'static str {
        "entry-points-agree"
    }
    fn about(&self) -> &'static str {
        "always: one version of a booking's row has one word and one set of actions on the web and in each \
         release of the app. Not judged: whether the word is right, and whether all clients show the same \
         version"
    }
    fn reset(&mut self) {
        self.0.clear();
    }
    fn observe(&mut self, at: &At<'_>, fact: &Fact, findings: &mut Findings) {
        let Fact::Screen(ScreenFact::Shown { client: here, screen }) = *fact else { return };
        let same_row = |other: &&(Client, Screen, u32)| {
            (other.1.booking, other.1.version) == (screen.booking, screen.version)
        };
        let Some((there, other, event)) = self.0.iter().find(same_row).copied() else {
            self.0.push((here, screen, at.event));
            return;
        };
        if other.word != screen.word {
            findings.violated("two words", &[event, at.event], || {
                let (there, here) = (client(there), client(here));
                let (one, two) = (word(other.word), word(screen.word));
                format!("B{} is \"{one}\" in {there} and \"{two}\" in {here}", screen.booking)
            });
        } else if other.actions != screen.actions {
            findings.violated("two sets of actions", &[event, at.event], || {
                let (there, here) = (client(there), client(here));
                format!("{there} and {here} offer different actions for B{}", screen.booking)
            });
        }
    }
}
