//! The counts of a run: two runs did the same work if their counts agree.

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
    /// Its response was sent.
    Answered,
    /// Its response arrived.
    Learnt,
    /// Its caller timed out.
    GaveUp,
    /// The worker crashed.
    Crashed,
    /// The worker restarted.
    Restarted,
}

/// Counts of one run, or summed over several.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Tally {
    /// Requests and responses sent.
    pub messages: u64,
    /// Calls made.
    pub attempts: u64,
    /// Application events.
    pub events: u64,
    /// Intents with every step finished.
    pub finished: u64,
    /// An order-sensitive hash over the events.
    pub digest: u64,
}

impl Tally {
    /// Adds one event.
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

    /// Adds one event of a call.
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
