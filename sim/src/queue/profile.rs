//! What a queue is like and what may go wrong with it.

use super::broker::Rules;
use crate::choice::{Alternatives, Pick};
use crate::time::{self, Duration};

/// Whose rules of order and of receipts a queue follows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Flavour {
    /// Best-effort order, lenient receipts, copies. An expired receipt still deletes a message that was not
    /// received again; one that was superseded is answered with success and may not delete.
    Standard,
    /// Order within a group, of which one message at a time is in flight. An expired receipt is an error. No
    /// copies; a de-duplication id is known for a while, also after its message was deleted.
    Fifo,
    /// A message belongs to the connection over which it was delivered: it returns to its place when the
    /// broker notices that this is gone. Whatever is settled twice, or too late, is an error.
    Channel,
}

impl Flavour {
    pub(super) const fn keeps_groups(self) -> bool {
        matches!(self, Flavour::Fifo)
    }
}

/// What a queue is like. The constants have the numbers of what they are modelled on, and no faults.
///
/// ```
/// use shakedown_sim::{Alternatives, Duration, QueueFaults, QueueProfile};
/// const WORK: QueueProfile = QueueProfile {
///     visibility: Duration::from_secs(20),
///     receives_max: Some(5),
///     faults: QueueFaults { settle: Alternatives::new(&["arrives", "lost"]), ..QueueFaults::NONE },
///     ..QueueProfile::STANDARD
/// };
/// assert_eq!(WORK.dedup_window, Duration::ZERO);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct QueueProfile {
    /// Whose rules of order and of receipts it follows.
    pub flavour: Flavour,
    /// One way between a node and the broker, on the happy path.
    pub latency: Duration,
    /// How long a node waits for the broker's answer.
    pub timeout: Duration,
    /// The visibility timeout: how long whoever received a message may keep it without settling it.
    pub visibility: Duration,
    /// How long a message stays hidden after it was sent, unless it says otherwise itself.
    pub delay: Duration,
    /// How often a message is received before it becomes a dead letter; none: however often.
    pub receives_max: Option<u32>,
    /// How many messages may be in flight; at the limit nobody receives any.
    pub in_flight_max: u32,
    /// For how long a de-duplication id is known; zero: not at all.
    pub dedup_window: Duration,
    /// What may go wrong.
    pub faults: QueueFaults,
}

impl QueueProfile {
    /// After Amazon SQS standard queues: 30 s visibility, 120,000 in flight.
    pub const STANDARD: QueueProfile = QueueProfile {
        flavour: Flavour::Standard,
        latency: Duration::from_millis(5),
        timeout: Duration::from_secs(2),
        visibility: Duration::from_secs(30),
        delay: Duration::ZERO,
        receives_max: None,
        in_flight_max: 120_000,
        dedup_window: Duration::ZERO,
        faults: QueueFaults::NONE,
    };
    /// After Amazon SQS FIFO queues: 30 s visibility, 5 minutes of de-duplication.
    pub const FIFO: QueueProfile = QueueProfile {
        flavour: Flavour::Fifo,
        dedup_window: Duration::from_secs(300),
        ..QueueProfile::STANDARD
    };
    /// After RabbitMQ quorum queues: messages return with their connection, at the latest when the ack timeout
    /// of 30 minutes closes it; redelivered 20 times at most.
    pub const CHANNEL: QueueProfile = QueueProfile {
        flavour: Flavour::Channel,
        visibility: Duration::from_secs(1_800),
        receives_max: Some(21),
        ..QueueProfile::STANDARD
    };

    pub(super) fn rules(&self) -> Rules {
        Rules {
            flavour: self.flavour,
            visibility: self.visibility,
            delay: self.delay,
            receives_max: self.receives_max,
            in_flight_max: self.in_flight_max,
            dedup_window: self.dedup_window,
        }
    }

    /// # Panics
    /// If a fault has a name that means nothing, or one that the flavour cannot show.
    pub(super) fn check(&self) {
        let faults = &self.faults;
        let standard = self.flavour == Flavour::Standard;
        let is_delay = |name: &str| time::parse(name).is_some();
        let check = |what: &str, all: Alternatives, known: &dyn Fn(&str) -> bool| {
            let unknown = all.names[1..].iter().find(|name| !known(name));
            assert!(unknown.is_none(), "a {:?} queue has no fault `{what}` = {unknown:?}", self.flavour);
        };
        let request = |name: &str| matches!(name, "lost" | "refused" | "answer lost") || is_delay(name);
        check("send", faults.send, &|name| request(name) || name == "twice" && standard);
        check("settle", faults.settle, &request);
        let lossy = self.flavour != Flavour::Channel;
        let delivery = |name: &str| name == "lost" && lossy || name == "copy" && standard || is_delay(name);
        check("delivery", faults.delivery, &delivery);
        check("deletion", faults.deletion, &|name| standard && is_delay(name));
        check("superseded", faults.superseded, &|name| standard && name == "deletes");
        check("restart", faults.restart, &|name| name == "until healed" || is_delay(name));
        check("notice", faults.notice, &|name| !lossy && is_delay(name));
    }
}

/// What may go wrong with a queue; the benign alternative first in each. What is not listed is not offered.
#[derive(Clone, Copy, Debug)]
pub struct QueueFaults {
    /// What may become of a send: `lost`, `refused`, `answer lost`, a delay, or `twice` (standard only: it is
    /// accepted, and accepted again).
    pub send: Alternatives,
    /// What may become of an ack, a nack or an extension: `lost`, `refused`, `answer lost`, or a delay.
    pub settle: Alternatives,
    /// What may become of a message that is handed out: `lost` (the broker counts it as received, the consumer
    /// never sees it and asks again; not on a channel), a delay, or `copy` (standard only: a further copy is
    /// ready at once).
    pub delivery: Alternatives,
    /// How long after it was deleted a message is there again, once (standard only): delays.
    pub deletion: Alternatives,
    /// What an ack does whose message has been received again since (standard only): it is ignored, or
    /// `deletes` the message that somebody else works on.
    pub superseded: Alternatives,
    /// For how long the broker may be down before it is up again, with all leases ended: durations, or `until
    /// healed`.
    pub restart: Alternatives,
    /// How much later the broker notices that a consumer's connection is gone (channel only): delays.
    pub notice: Alternatives,
}

impl QueueFaults {
    /// Nothing goes wrong.
    pub const NONE: QueueFaults = QueueFaults {
        send: Alternatives::new(&["arrives"]),
        settle: Alternatives::new(&["arrives"]),
        delivery: Alternatives::new(&["prompt"]),
        deletion: Alternatives::new(&["lasts"]),
        superseded: Alternatives::new(&["is ignored"]),
        restart: Alternatives::new(&["up"]),
        notice: Alternatives::new(&["at once"]),
    };
}

/// What becomes of a request to the broker, or of a message that it hands out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fate {
    Arrives,
    Lost,
    Refused,
    AnswerLost,
    Doubled,
}

impl Fate {
    pub(super) fn of(pick: Pick, alternatives: &Alternatives) -> (Self, Duration) {
        if pick.is_benign() {
            return (Fate::Arrives, Duration::ZERO);
        }
        match alternatives.names.get(pick.index()).copied() {
            Some("lost") => (Fate::Lost, Duration::ZERO),
            Some("refused") => (Fate::Refused, Duration::ZERO),
            Some("answer lost") => (Fate::AnswerLost, Duration::ZERO),
            Some("twice" | "copy") => (Fate::Doubled, Duration::ZERO),
            _ => (Fate::Arrives, pick.delay(alternatives)),
        }
    }
}
