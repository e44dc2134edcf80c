//! Events: the steps of a run and their causes; kept only while recording.

use crate::access::Access;
use crate::choice::{OfferedAlternatives, Pick, Site};
use crate::digest::Digest;
use crate::former;
use crate::scope::{Scope, Source};
use crate::time::Moment;
use crate::world::NodeId;
use serde::de::IntoDeserializer;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The kind of an event.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case", remote = "Self")]
pub enum Kind {
    /// A node started or restarted.
    Boot,
    /// A node called another.
    Call,
    /// A call reached the node that serves it.
    Arrive,
    /// The response was sent.
    Respond,
    /// The response reached the caller.
    Response,
    /// The caller timed out.
    Timeout,
    /// A connection was refused.
    Refused,
    /// A transaction requested its commit.
    Commit,
    /// A transaction took effect.
    Committed,
    /// A transaction ended without effect, or its client never received the outcome.
    Failed,
    /// A fact: something that the outside world or durable storage holds from now on.
    Fact,
    /// A choice that did not take its benign alternative.
    Deviation,
    /// A node crashed.
    Crash,
    /// A node shut down.
    Stop,
    /// A node was paused.
    Pause,
    /// A paused node resumed.
    Resume,
    /// The code under test gave a reason for its next step.
    Note,
    /// A span or event of the `tracing` crate.
    Log,
    /// A wait for a change or a moment ended.
    Wake,
    /// The run healed: nothing deviates from now on.
    Heal,
    /// The run came to rest.
    Rest,
    /// A statement was executed, or failed. In recorded traces only.
    Statement,
    /// A statement waits for a lock, or a task for a permit of a semaphore. In recorded traces only.
    LockWait,
    /// The run came to rest while this still waited for a lock or a permit. In recorded traces only.
    Stuck,
    /// A permit of a semaphore was taken. In recorded traces only.
    Acquire,
    /// Locks were released without a commit, or a permit of a semaphore. In recorded traces only.
    Release,
}

impl Serialize for Kind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Kind::serialize(self, serializer)
    }
}

impl<'de> Deserialize<'de> for Kind {
    /// Reads today's word or a former one.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = String::deserialize(deserializer)?;
        Kind::deserialize(former::step_kind(&word).into_deserializer())
    }
}

impl Kind {
    /// Returns whether steps of this kind have a number, and so part in the digest. The others are in recorded traces only.
    pub fn is_numbered(self) -> bool {
        !matches!(
            self,
            Kind::Log | Kind::Statement | Kind::LockWait | Kind::Stuck | Kind::Acquire | Kind::Release
        )
    }

    /// Returns the word for this kind on a node, for digests. Every bit of it depends on both, so that it can be
    /// combined with the hash of an entity.
    #[inline]
    pub(crate) fn of(self, node: NodeId) -> u64 {
        (u64::from(node.0) << 8 | self as u64).wrapping_mul(SPREAD)
    }
}

/// An odd word without a pattern: the fraction of the square root of 13.
const SPREAD: u64 = 0x9B05_688C_2B3E_6C1F;

/// The deviating choice of an event.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chosen {
    pub(crate) site: Site,
    pub(crate) nth: u32,
    pub(crate) pick: Pick,
    pub(crate) alternatives: OfferedAlternatives,
    /// The place in the source that called the engine for it, if it is known.
    pub(crate) place: Option<Source>,
}

/// One recorded step.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    /// The number of numbered events before it; log lines have no number.
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
    pub(crate) accesses: Vec<Access>,
    /// Whether stories leave it out.
    pub(crate) routine: bool,
    /// The run's digest after this step, used to find the first difference between two runs.
    pub(crate) digest: Digest,
}
