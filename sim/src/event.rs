//! Events: what a run did, step by step, and why; kept only while recording.

use crate::choice::{OfferedAlternatives, Pick, Site};
use crate::digest::Digest;
use crate::scope::Scope;
use crate::time::Moment;
use crate::world::NodeId;

/// What kind of step an event is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A node began, or began again.
    Boot,
    /// A node called another.
    Call,
    /// A call reached the node that answers it.
    Arrive,
    /// The answer went out.
    Answer,
    /// The answer reached the caller.
    Learn,
    /// The caller stopped waiting.
    GiveUp,
    /// A connection was refused.
    Refused,
    /// A transaction asked to be committed.
    Commit,
    /// A transaction took effect.
    Committed,
    /// A transaction ended without effect, or its client never learnt how it ended.
    Failed,
    /// Something that the outside world or durable storage holds from now on.
    Fact,
    /// A choice that did not take its benign alternative.
    Deviation,
    /// A node crashed.
    Crash,
    /// A node stopped in order.
    Stop,
    /// A node stopped being scheduled.
    Pause,
    /// A paused node went on.
    Resume,
    /// The code under test said why it does what it does next.
    Note,
    /// A span or event of the `tracing` crate.
    Log,
    /// A wait for a change or a moment ended.
    Wake,
    /// The run healed: from here nothing deviates.
    Heal,
    /// The run came to rest.
    Rest,
    /// A statement was carried out, or failed. In recorded traces only.
    Statement,
    /// A statement waits for a lock. In recorded traces only.
    LockWait,
    /// The run came to rest while this still waited for a lock. In recorded traces only.
    Stuck,
}

impl Kind {
    /// The word by which digests know that this happened on a node. Every bit of it depends on both, so that
    /// it can be put together with the hash of an entity.
    #[inline]
    pub(crate) fn of(self, node: NodeId) -> u64 {
        (u64::from(node.0) << 8 | self as u64).wrapping_mul(SPREAD)
    }
}

/// An odd word without a pattern: the fraction of the square root of 13.
const SPREAD: u64 = 0x9B05_688C_2B3E_6C1F;

/// A deviating choice as an event holds it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chosen {
    pub(crate) site: Site,
    pub(crate) nth: u32,
    pub(crate) pick: Pick,
    pub(crate) alternatives: OfferedAlternatives,
}

/// One recorded step.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    /// How many numbered events came before it; what a log line says has no number.
    pub(crate) number: Option<u32>,
    pub(crate) time: Moment,
    pub(crate) node: NodeId,
    pub(crate) scope: Scope,
    pub(crate) kind: Kind,
    pub(crate) causes: Vec<u32>,
    pub(crate) text: String,
    pub(crate) because: Option<String>,
    pub(crate) choice: Option<Chosen>,
    pub(crate) state: Option<Box<str>>,
    /// Whether it goes without saying in a story.
    pub(crate) routine: bool,
    /// The run's digest after this step, by which the first difference of two runs is found.
    pub(crate) digest: Digest,
}
