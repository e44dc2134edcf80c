//! When two runs are equivalent: a digest of what their futures can depend on.
//!
//! The effects of a run are its digest with two things left out. Where a node goes down, it does not matter at
//! which of two crash points it does, if it does nothing observable between them; nor whether it crashes or shuts down,
//! if no destructor and no shutdown hook does anything: its memory is gone either way. So crash points at which a node
//! goes on, crashes or shuts down leave no word before the last deviation. All else does: every event with its time,
//! node and entity, every other choice with its pick, whatever leaves a node without an event (a message sent, a lock
//! taken, a signal raised, a child scope opened), and for a node that goes down the number of polls so far. After the last deviation every choice that is offered leaves its
//! name: these are the ways in which the run can be continued.

use super::Core;
use crate::choice::Site;
use crate::chooser::Offer;
use crate::fault::Place;
use crate::node::{CrashFault, NodeId};
use crate::scope::Scope;

/// What a word of the effects is about.
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
    /// Adds something that the future can depend on.
    #[inline]
    pub(crate) fn touch(&mut self, reach: Reach, word: u64) {
        if let Some(effects) = &mut self.effects {
            effects.pair(reach as u64, word);
        }
    }

    /// Makes the choice of a crash point in a run that keeps its effects.
    pub(crate) fn choose_crash<P: Place<Fault = CrashFault>>(
        &mut self,
        node: NodeId,
        (site, scope): (&Site, Scope),
        faults: P,
    ) -> Option<CrashFault> {
        let effects = self.effects.take();
        let (past, before) = (self.chooser.is_past_turns(), self.chooser.offers().len());
        let fault = faults.fault(self.choose(node, (site, scope), faults, None));
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
