//! What is said at each way in.

use shakedown_model::Fact;
use shakedown_model::booking::clients::{Client, Screen};
use shakedown_model::facts::{ScreenFact, client, word};
use shakedown_sim::{At, Findings, Invariant};

/// Whoever looks, wherever, is told the same.
#[derive(Default)]
pub(super) struct EntryPointsAgree(Vec<(Client, Screen, u32)>);

impl Invariant<Fact> for EntryPointsAgree {
    fn name(&self) -> &'static str {
        "entry-points-agree"
    }
    fn about(&self) -> &'static str {
        "always: one version of a booking's row has one word and one set of actions, on the web and in each release of \
         the app. That the word is right is not judged here, nor that all see the same version at a time"
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
                format!("{there} and {here} offer not the same for B{}", screen.booking)
            });
        }
    }
}
