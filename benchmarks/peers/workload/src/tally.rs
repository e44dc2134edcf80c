//! What a run did: the work is the same where these agree.

use crate::draws::mix;
use crate::{Call, Node};

/// An application event.
#[derive(Clone, Copy, Debug)]
#[repr(u8)]
pub enum What {
    /// A call was made.
    Called,
    /// Its request arrived.
    Arrived,
    /// Its answer was sent.
    Answered,
    /// Its answer arrived.
    Learnt,
    /// Its caller waits no longer.
    GaveUp,
    /// The worker crashed.
    Crashed,
    /// The worker came back.
    Restarted,
}

/// Counts of one run, or summed over several.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Tally {
    /// Requests and answers sent.
    pub messages: u64,
    /// Calls made.
    pub attempts: u64,
    /// Application events.
    pub events: u64,
    /// Intents whose every step is finished.
    pub finished: u64,
    /// An order-sensitive hash over the events.
    pub digest: u64,
}

impl Tally {
    /// Takes one event in.
    pub fn take(&mut self, now_ns: u64, node: Node, what: What, call: u64) {
        self.events += 1;
        match what {
            What::Called => {
                self.attempts += 1;
                self.messages += 1;
            }
            What::Answered => self.messages += 1,
            _ => {}
        }
        for word in [now_ns, (node as u64) << 8 | what as u64, call] {
            self.digest = mix(self.digest, word);
        }
    }

    /// The same for an event of a call.
    pub fn call(&mut self, now_ns: u64, node: Node, what: What, call: Call) {
        self.take(now_ns, node, what, call.word());
    }

    /// Adds another run.
    pub fn add(&mut self, other: Tally) {
        self.messages += other.messages;
        self.attempts += other.attempts;
        self.events += other.events;
        self.finished += other.finished;
        self.digest = mix(self.digest, other.digest);
    }
}
