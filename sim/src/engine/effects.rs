//! Equivalence of runs: a digest of everything that the future of a run can depend on.
//!
//! The effects of a run are its digest with two things left out. First, if a node goes down, it does not matter at which of two crash points,
//! provided that it does nothing observable between them. Second, it does not matter whether it crashes or shuts down, provided that no destructor
//! and no shutdown hook does anything: its memory is lost either way. So crash points at which a node continues, crashes or shuts down add no word
//! before the last deviation. Everything else does: every event with its time, node and entity; every other choice with its pick; every action of a
//! node that causes no event (a message sent, a lock taken, a signal raised, a child scope opened); and for a node that goes down, the number of
//! polls so far. After the last deviation every offered choice adds its name: these are the possible continuations of the run.

use super::Core;
use crate::choice::Site;
use crate::chooser::Offer;
use crate::fault::Place;
use crate::node::{CrashFault, NodeId};
use crate::scope::{Scope, User};

/// The kind of a word of the effects.
#[derive(Clone, Copy)]
pub(crate) enum Reach {
    Message = 1,
    Lock,
    Signal,
    Lasting,
    Down,
    Part,
    Queue,
}

impl Core {
    /// Adds a word that the future can depend on.
    #[inline]
    pub(crate) fn touch(&mut self, reach: Reach, word: u64) {
        if let Some(effects) = &mut self.effects {
            effects.pair(reach as u64, word);
        }
    }

    /// Draws the choice of a crash point in a run that computes its effects.
    pub(crate) fn choose_crash<P: Place<Fault = CrashFault>>(
        &mut self,
        user: User,
        node: NodeId,
        (site, scope): (&Site, Scope),
        faults: P,
    ) -> Option<CrashFault> {
        let effects = self.effects.take();
        let (past, before) = (self.chooser.is_past_turns(), self.chooser.offers().len());
        let fault = faults.fault(self.choose_as(user, node, (site, scope), faults));
        self.effects = effects;
        let leaves_memory = match fault {
            None => false,
            Some(CrashFault::ShutDown) if self.nodes[node].handles_shutdown() => true,
            Some(CrashFault::Crash | CrashFault::ShutDown) => {
                self.touch(Reach::Down, u64::from(self.polls));
                false
            }
            Some(CrashFault::Pause(_)) => true,
        };
        if let Some(offer) = self.chooser.offers().get(before).copied()
            && (past || leaves_memory)
        {
            self.touch_offer(&offer);
        }
        fault
    }

    /// Adds a choice and its pick.
    pub(crate) fn touch_offer(&mut self, offer: &Offer) {
        let (met, scope) = (self.chooser.met(offer), self.scopes.hash(offer.scope));
        let ways = u64::from(offer.nth) << 32 | met.alternatives.len() as u64;
        if let Some(effects) = &mut self.effects {
            effects.four([met.site.hash(), offer.pick.code(), scope, ways]);
        }
    }
}
