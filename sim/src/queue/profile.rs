//! What a queue is like and what may go wrong with it.

use super::broker::Rules;
use crate::fault::{DelayRange, Delays, Episode, Faults, Listed, Place};
use crate::label::Label;
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
/// use shakedown_sim::{Duration, QueueFaults, QueueProfile, SettleFault};
/// const WORK: QueueProfile = QueueProfile {
///     visibility: Duration::from_secs(20),
///     receives_max: Some(5),
///     faults: QueueFaults { settle: &[SettleFault::Lost], ..QueueFaults::NONE },
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
    /// The visibility timeout: how long a receiver may keep a message without settling it.
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
    /// If it lists what cannot be, or what its flavour cannot show; the message names the site.
    pub(super) fn check(&self, queue: Label) {
        let (faults, flavour) = (&self.faults, self.flavour);
        Sends(faults).check(format_args!("{queue}/send"));
        Settles(faults).check(format_args!("{queue}/settle"));
        Deliveries(faults).check(format_args!("{queue}/delivery"));
        Deletions(faults).check(format_args!("{queue}/deletion"));
        Superseded(faults).check(format_args!("{queue}/superseded"));
        Restarts(faults).check(format_args!("{queue}/restart"));
        Delays(faults.notice).check(format_args!("{queue}/notice"));
        let (is_standard, is_channel) = (flavour == Flavour::Standard, flavour == Flavour::Channel);
        let only = |point: &str, shows: bool, what: &str, is_listed: bool| {
            assert!(
                shows || !is_listed,
                "{queue}/{point} lists {what}: a {flavour:?} queue cannot show that"
            );
        };
        only("send", is_standard, "`twice`", faults.send.contains(&SendFault::Twice));
        only("delivery", is_standard, "`copy`", faults.delivery.contains(&DeliveryFault::Copy));
        only("delivery", !is_channel, "`lost`", faults.delivery.contains(&DeliveryFault::Lost));
        only("deletion", is_standard, "delays", !faults.deletion.is_empty());
        only("superseded", is_standard, "`deletes`", !faults.superseded.is_empty());
        only("notice", is_channel, "delays", !faults.notice.is_empty());
    }
}

/// What may become of a message that is sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SendFault {
    /// The broker does not receive it.
    Lost,
    /// The broker refuses it.
    Refused,
    /// The broker accepts it, and the sender receives no response.
    ResponseLost,
    /// The broker accepts it, and accepts it again (standard queues only).
    Twice,
    /// It takes so much longer.
    Late(Duration),
}

impl Listed for SendFault {
    fn text(self) -> String {
        match self {
            Self::Lost => "lost".to_owned(),
            Self::Refused => "refused".to_owned(),
            Self::ResponseLost => "response lost".to_owned(),
            Self::Twice => "twice".to_owned(),
            Self::Late(by) => time::text(by),
        }
    }

    fn read(text: &str) -> Option<Self> {
        match text {
            "lost" => Some(Self::Lost),
            "refused" => Some(Self::Refused),
            "response lost" => Some(Self::ResponseLost),
            "twice" => Some(Self::Twice),
            _ => time::parse(text).map(Self::Late),
        }
    }

    fn length(self) -> Option<Duration> {
        if let Self::Late(by) = self { Some(by) } else { None }
    }

    fn late(delay: Duration) -> Option<Self> {
        Some(Self::Late(delay))
    }

    fn erase(list: &'static [Self]) -> Faults {
        Faults::Send(list)
    }
}

/// What may become of an acknowledgement, a negative acknowledgement or an extension.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SettleFault {
    /// The broker does not receive it.
    Lost,
    /// The broker refuses it.
    Refused,
    /// The broker carries it out, and the consumer receives no response.
    ResponseLost,
    /// It takes so much longer.
    Late(Duration),
}

impl Listed for SettleFault {
    fn text(self) -> String {
        match self {
            Self::Lost => "lost".to_owned(),
            Self::Refused => "refused".to_owned(),
            Self::ResponseLost => "response lost".to_owned(),
            Self::Late(by) => time::text(by),
        }
    }

    fn read(text: &str) -> Option<Self> {
        match text {
            "lost" => Some(Self::Lost),
            "refused" => Some(Self::Refused),
            "response lost" => Some(Self::ResponseLost),
            _ => time::parse(text).map(Self::Late),
        }
    }

    fn length(self) -> Option<Duration> {
        if let Self::Late(by) = self { Some(by) } else { None }
    }

    fn late(delay: Duration) -> Option<Self> {
        Some(Self::Late(delay))
    }

    fn erase(list: &'static [Self]) -> Faults {
        Faults::Settle(list)
    }
}

/// What may become of a message that is handed out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DeliveryFault {
    /// The broker counts it as received; the consumer never sees it and asks again (not on a channel).
    Lost,
    /// A further copy is ready at once (standard queues only).
    Copy,
    /// It takes so much longer.
    Late(Duration),
}

impl Listed for DeliveryFault {
    fn text(self) -> String {
        match self {
            Self::Lost => "lost".to_owned(),
            Self::Copy => "copy".to_owned(),
            Self::Late(by) => time::text(by),
        }
    }

    fn read(text: &str) -> Option<Self> {
        match text {
            "lost" => Some(Self::Lost),
            "copy" => Some(Self::Copy),
            _ => time::parse(text).map(Self::Late),
        }
    }

    fn length(self) -> Option<Duration> {
        if let Self::Late(by) = self { Some(by) } else { None }
    }

    fn late(delay: Duration) -> Option<Self> {
        Some(Self::Late(delay))
    }

    fn erase(list: &'static [Self]) -> Faults {
        Faults::Delivery(list)
    }
}

/// What an acknowledgement may do whose message has been received again since.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SupersededFault {
    /// It deletes the message, which somebody else works on.
    Deletes,
}

impl Listed for SupersededFault {
    fn text(self) -> String {
        let Self::Deletes = self;
        "deletes".to_owned()
    }

    fn read(text: &str) -> Option<Self> {
        (text == "deletes").then_some(Self::Deletes)
    }

    fn length(self) -> Option<Duration> {
        None
    }

    fn erase(list: &'static [Self]) -> Faults {
        Faults::Superseded(list)
    }
}

/// What may go wrong with a queue. An empty list offers no choice.
#[derive(Clone, Copy, Debug)]
pub struct QueueFaults {
    /// What may become of a message that is sent.
    pub send: &'static [SendFault],
    /// Of which delays of sends seeded exploration draws beside those listed.
    pub send_range: DelayRange,
    /// What may become of an acknowledgement, a negative acknowledgement or an extension.
    pub settle: &'static [SettleFault],
    /// Of which delays of these seeded exploration draws beside those listed.
    pub settle_range: DelayRange,
    /// What may become of a message that is handed out.
    pub delivery: &'static [DeliveryFault],
    /// Of which delays of deliveries seeded exploration draws beside those listed.
    pub delivery_range: DelayRange,
    /// How long after its deletion a message may be there again, once (standard queues only).
    pub deletion: &'static [Duration],
    /// What an acknowledgement may do whose message has been received again since, where usually it is ignored
    /// (standard queues only).
    pub superseded: &'static [SupersededFault],
    /// For how long the broker may be down before it is up again, with all leases ended.
    pub restart: &'static [Episode],
    /// How much later the broker may notice that a consumer's connection is gone (channels only).
    pub notice: &'static [Duration],
}

impl QueueFaults {
    /// Nothing goes wrong.
    pub const NONE: QueueFaults = QueueFaults {
        send: &[],
        send_range: DelayRange::NONE,
        settle: &[],
        settle_range: DelayRange::NONE,
        delivery: &[],
        delivery_range: DelayRange::NONE,
        deletion: &[],
        superseded: &[],
        restart: &[],
        notice: &[],
    };
}

/// Sends to a queue.
#[derive(Clone, Copy)]
pub(super) struct Sends<'a>(pub(super) &'a QueueFaults);

impl Place for Sends<'_> {
    type Fault = SendFault;
    const BENIGN: &'static str = "arrives";

    fn faults(self) -> &'static [SendFault] {
        self.0.send
    }

    fn range(self) -> DelayRange {
        self.0.send_range
    }
}

/// Acknowledgements, negative acknowledgements and extensions.
#[derive(Clone, Copy)]
pub(super) struct Settles<'a>(pub(super) &'a QueueFaults);

impl Place for Settles<'_> {
    type Fault = SettleFault;
    const BENIGN: &'static str = "arrives";

    fn faults(self) -> &'static [SettleFault] {
        self.0.settle
    }

    fn range(self) -> DelayRange {
        self.0.settle_range
    }
}

/// Deliveries of a queue.
#[derive(Clone, Copy)]
pub(super) struct Deliveries<'a>(pub(super) &'a QueueFaults);

impl Place for Deliveries<'_> {
    type Fault = DeliveryFault;
    const BENIGN: &'static str = "prompt";

    fn faults(self) -> &'static [DeliveryFault] {
        self.0.delivery
    }

    fn range(self) -> DelayRange {
        self.0.delivery_range
    }
}

/// Deletions that do not last.
#[derive(Clone, Copy)]
pub(super) struct Deletions<'a>(pub(super) &'a QueueFaults);

impl Place for Deletions<'_> {
    type Fault = Duration;
    const BENIGN: &'static str = "lasts";

    fn faults(self) -> &'static [Duration] {
        self.0.deletion
    }
}

/// Acknowledgements of messages that were received again since.
#[derive(Clone, Copy)]
pub(super) struct Superseded<'a>(pub(super) &'a QueueFaults);

impl Place for Superseded<'_> {
    type Fault = SupersededFault;
    const BENIGN: &'static str = "is ignored";

    fn faults(self) -> &'static [SupersededFault] {
        self.0.superseded
    }
}

/// Restarts of a broker.
#[derive(Clone, Copy)]
pub(super) struct Restarts<'a>(pub(super) &'a QueueFaults);

impl Place for Restarts<'_> {
    type Fault = Episode;
    const BENIGN: &'static str = "up";

    fn faults(self) -> &'static [Episode] {
        self.0.restart
    }
}

/// What becomes of a request to the broker.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fate {
    Arrives,
    Lost,
    Refused,
    ResponseLost,
    Twice,
    Late(Duration),
}

impl From<SendFault> for Fate {
    fn from(fault: SendFault) -> Self {
        match fault {
            SendFault::Lost => Self::Lost,
            SendFault::Refused => Self::Refused,
            SendFault::ResponseLost => Self::ResponseLost,
            SendFault::Twice => Self::Twice,
            SendFault::Late(by) => Self::Late(by),
        }
    }
}

impl From<SettleFault> for Fate {
    fn from(fault: SettleFault) -> Self {
        match fault {
            SettleFault::Lost => Self::Lost,
            SettleFault::Refused => Self::Refused,
            SettleFault::ResponseLost => Self::ResponseLost,
            SettleFault::Late(by) => Self::Late(by),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_of_a_queue_is_read_back_as_it_is_written() {
        fn check<F: Listed + std::fmt::Debug>(faults: &[F]) {
            for fault in faults {
                assert_eq!(F::read(&fault.text()), Some(*fault));
            }
            assert_eq!(F::read("losst"), None);
        }
        let late = Duration::from_secs(90);
        check(&[
            SendFault::Lost,
            SendFault::Refused,
            SendFault::ResponseLost,
            SendFault::Twice,
            SendFault::Late(late),
        ]);
        check(&[SettleFault::Lost, SettleFault::Refused, SettleFault::ResponseLost, SettleFault::Late(late)]);
        check(&[DeliveryFault::Lost, DeliveryFault::Copy, DeliveryFault::Late(late)]);
        check(&[SupersededFault::Deletes]);
    }

    #[test]
    fn a_fault_that_a_flavour_cannot_show_is_refused() {
        fn check(profile: QueueProfile, faults: QueueFaults, problem: &str) {
            let checked =
                std::panic::catch_unwind(|| QueueProfile { faults, ..profile }.check("jobs".into()));
            let message = checked.unwrap_err().downcast_ref::<String>().cloned();
            assert_eq!(message.as_deref(), Some(problem));
        }
        let twice = QueueFaults { send: &[SendFault::Twice], ..QueueFaults::NONE };
        check(QueueProfile::FIFO, twice, "jobs/send lists `twice`: a Fifo queue cannot show that");
        let lost = QueueFaults { delivery: &[DeliveryFault::Lost], ..QueueFaults::NONE };
        check(QueueProfile::CHANNEL, lost, "jobs/delivery lists `lost`: a Channel queue cannot show that");
        const NOTICE: QueueFaults = QueueFaults { notice: &[Duration::from_secs(1)], ..QueueFaults::NONE };
        check(QueueProfile::STANDARD, NOTICE, "jobs/notice lists delays: a Standard queue cannot show that");
    }
}
