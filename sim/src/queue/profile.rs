//! The properties of a queue, and its possible faults.

use super::broker::Rules;
use crate::fault::{DelayRange, Delays, Episode, Place, listed};
use crate::label::Label;
use crate::time::Duration;

/// The kind of queue, which decides the rules of order and of receipts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Flavour {
    /// Best-effort order, lenient receipts, duplicates. An expired receipt still deletes a message that was not
    /// received again. The acknowledgement of a superseded receipt succeeds and may not delete the message.
    Standard,
    /// Order within a group, with one message of a group in flight at a time. An expired receipt is an error. No
    /// duplicates: each message has a de-duplication id, of its own or of its content, which is remembered for some time,
    /// also after the message was deleted. No delay per message.
    Fifo,
    /// A message belongs to the channel over which it was delivered, one for each incarnation of a node. It returns when
    /// the broker notices that the channel is closed, or closes it itself because an acknowledgement is late: then with
    /// all other messages of the channel. Returned messages come first, in the order of their return; those that a
    /// consumer returns to a queue without a limit of deliveries come last. Settling twice or too late is an error. There
    /// is neither a delayed return nor an extension.
    Channel,
}

/// Where a de-duplication id is unique.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DedupScope {
    /// In the queue.
    Queue,
    /// In each group (`DeduplicationScope = messageGroup`).
    Group,
}

impl Flavour {
    pub(super) const fn keeps_groups(self) -> bool {
        matches!(self, Flavour::Fifo)
    }
}

/// The properties of a queue. The constants have the numbers of the products that they model, and no faults.
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
    /// The flavour, which decides the rules of order and of receipts.
    pub flavour: Flavour,
    /// The one-way latency between a node and the broker on the happy path.
    pub latency: Duration,
    /// The time that a node waits for the broker's response.
    pub timeout: Duration,
    /// The visibility timeout: how long a receiver may hold a message without settling it.
    pub visibility: Duration,
    /// How long a message stays hidden after it was sent, unless the message sets its own delay.
    pub delay: Duration,
    /// How often a message is received before it becomes a dead letter; `None`: without limit.
    pub receives_max: Option<u32>,
    /// The greatest number of messages in flight; at the limit no consumer receives any.
    pub in_flight_max: u32,
    /// How long a de-duplication id is remembered; zero: not at all.
    pub dedup_window: Duration,
    /// Where a de-duplication id is unique.
    pub dedup_scope: DedupScope,
    /// Whether a message without a de-duplication id has that of its content.
    pub dedup_by_content: bool,
    /// How long a message stays after it was sent, whether it is received or not; zero: without limit. On SQS it is
    /// deleted then, on a channel queue it is dead, once no consumer holds it.
    pub retention: Duration,
    /// The greatest number of messages that a consumer holds unsettled (channels only).
    pub prefetch: u32,
    /// The possible faults.
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
        dedup_scope: DedupScope::Queue,
        dedup_by_content: false,
        retention: Duration::ZERO,
        prefetch: u32::MAX,
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
            dedup_scope: self.dedup_scope,
            retention: self.retention,
            prefetch: self.prefetch,
        }
    }

    /// # Panics
    /// If the profile lists an impossible fault, or one that its flavour cannot show; the message names the site.
    pub(super) fn check(&self, queue: Label) {
        let (faults, flavour) = (&self.faults, self.flavour);
        Sends(faults).check(format_args!("{queue}/send"));
        Entries(faults).check(format_args!("{queue}/entry"));
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
        only("entry", !is_channel, "`refused`", !faults.entry.is_empty());
        only("delivery", is_standard, "`copy`", faults.delivery.contains(&DeliveryFault::Copy));
        only("delivery", !is_channel, "`lost`", faults.delivery.contains(&DeliveryFault::Lost));
        only("deletion", is_standard, "delays", !faults.deletion.is_empty());
        only("superseded", is_standard, "`deletes`", !faults.superseded.is_empty());
        assert!(
            is_channel || self.prefetch == u32::MAX,
            "{queue} has a prefetch: a {flavour:?} queue has none"
        );
        assert!(self.prefetch > 0, "{queue} has a prefetch of 0: its consumers receive nothing");
        only("notice", is_channel, "delays", !faults.notice.is_empty());
    }
}

/// The possible faults of sending a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SendFault {
    /// The broker does not receive it.
    Lost,
    /// The broker refuses it.
    Refused,
    /// The broker accepts it, but the sender receives no response.
    ResponseLost,
    /// The broker accepts it twice (standard queues only).
    Twice,
    /// It takes this much longer.
    Late(Duration),
}

listed! {
    Send(SendFault): Lost = "lost", Refused = "refused", ResponseLost = "response lost", Twice = "twice"; Late
}

/// The possible faults of one entry of a batch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EntryFault {
    /// The broker refuses it, while it accepts others of the batch.
    Refused,
}

listed! { Entry(EntryFault): Refused = "refused" }

/// The possible faults of an acknowledgement, a negative acknowledgement or an extension.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SettleFault {
    /// The broker does not receive it.
    Lost,
    /// The broker refuses it.
    Refused,
    /// The broker executes it, but the consumer receives no response.
    ResponseLost,
    /// It takes this much longer.
    Late(Duration),
}

listed! {
    Settle(SettleFault): Lost = "lost", Refused = "refused", ResponseLost = "response lost"; Late
}

/// The possible faults of a delivery.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DeliveryFault {
    /// The broker counts it as received, but the consumer does not receive it and requests again (not on a channel).
    Lost,
    /// A copy is ready at once (standard queues only).
    Copy,
    /// It takes this much longer.
    Late(Duration),
}

listed! { Delivery(DeliveryFault): Lost = "lost", Copy = "copy"; Late }

/// The possible effect of an acknowledgement whose message has been received again since.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SupersededFault {
    /// It deletes the message, although another consumer works on it.
    Deletes,
}

listed! { Superseded(SupersededFault): Deletes = "deletes" }

/// The possible faults of a queue. An empty list offers no choice.
#[derive(Clone, Copy, Debug)]
pub struct QueueFaults {
    /// The possible faults of sending a message.
    pub send: &'static [SendFault],
    /// The range from which seeded exploration also draws delays of sends.
    pub send_range: DelayRange,
    /// The possible faults of one entry of a batch; those of the whole request are `send` and `settle` (not on channels).
    pub entry: &'static [EntryFault],
    /// The possible faults of an acknowledgement, a negative acknowledgement or an extension.
    pub settle: &'static [SettleFault],
    /// The range from which seeded exploration also draws delays of these.
    pub settle_range: DelayRange,
    /// The possible faults of a delivery.
    pub delivery: &'static [DeliveryFault],
    /// The range from which seeded exploration also draws delays of deliveries.
    pub delivery_range: DelayRange,
    /// The possible times after its deletion at which a message reappears, once (standard queues only).
    pub deletion: &'static [Duration],
    /// The possible effects of an acknowledgement whose message has been received again since; by default it is
    /// ignored (standard queues only).
    pub superseded: &'static [SupersededFault],
    /// The possible lengths of an outage of the broker, after which it is up with all leases ended.
    pub restart: &'static [Episode],
    /// How much later the broker may notice that a consumer's connection is closed (channels only).
    pub notice: &'static [Duration],
}

impl QueueFaults {
    /// Nothing goes wrong.
    pub const NONE: QueueFaults = QueueFaults {
        send: &[],
        send_range: DelayRange::NONE,
        entry: &[],
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

/// Entries of batches.
#[derive(Clone, Copy)]
pub(super) struct Entries<'a>(pub(super) &'a QueueFaults);

impl Place for Entries<'_> {
    type Fault = EntryFault;
    const BENIGN: &'static str = "succeeds";

    fn faults(self) -> &'static [EntryFault] {
        self.0.entry
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

/// Deletions that are undone later.
#[derive(Clone, Copy)]
pub(super) struct Deletions<'a>(pub(super) &'a QueueFaults);

impl Place for Deletions<'_> {
    type Fault = Duration;
    const BENIGN: &'static str = "lasts";

    fn faults(self) -> &'static [Duration] {
        self.0.deletion
    }
}

/// Acknowledgements of messages that were received again in the meantime.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Listed;

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
        check(&[EntryFault::Refused]);
    }

    #[test]
    fn a_fault_that_a_flavour_cannot_show_is_rejected() {
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
