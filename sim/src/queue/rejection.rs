//! Requests that a flavour does not offer, or not within these limits: an error of the program, which no retry mends.

use super::{Flavour, QueueProfile};
use crate::time::Duration;

/// SQS: the longest delay of a message.
const DELAY_MAX: Duration = Duration::from_secs(900);
/// SQS: the longest time for which a message is invisible after a receive, all extensions included.
const VISIBILITY_MAX: Duration = Duration::from_secs(43_200);

/// Why a queue rejects a request. [`code`](Rejection::code) is the original's error.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error, serde::Serialize)]
#[non_exhaustive]
pub enum Rejection {
    /// SQS: a message is delayed by at most 15 minutes.
    #[error("DelaySeconds must be between 0 and 900")]
    DelayTooLong,
    /// SQS FIFO: only the queue has a delay.
    #[error("a FIFO queue has no delay per message")]
    DelayPerMessage,
    /// SQS FIFO: without de-duplication by content each message has an id.
    #[error("the queue has no content-based deduplication, and the message has no MessageDeduplicationId")]
    NoDeduplicationId,
    /// SQS: a message is invisible for at most 12 hours after its receive.
    #[error("the total VisibilityTimeout is beyond 43200 seconds")]
    VisibilityTooLong,
    /// RabbitMQ: a message returns at once.
    #[error("basic.nack has no delay")]
    DelayedNack,
    /// RabbitMQ: the timeout of an acknowledgement belongs to the queue.
    #[error("a delivery cannot be extended")]
    Extension,
    /// SQS: only the number of receives makes a dead letter.
    #[error("a message cannot be rejected")]
    Reject,
    /// SQS: a batch has at least one entry.
    #[error("the batch request does not contain any entries")]
    EmptyBatch,
    /// SQS: a batch has at most ten entries.
    #[error("the batch request contains more than 10 entries")]
    TooManyEntries,
    /// SQS: the ids of a batch are distinct.
    #[error("two or more batch entries have the same Id")]
    EntryIdsNotDistinct,
    /// SQS: a receive returns one to ten messages.
    #[error("MaxNumberOfMessages must be between 1 and 10")]
    ReadCount,
    /// RabbitMQ: a message is published, delivered and rejected alone.
    #[error("a channel has no batches")]
    Batch,
}

impl Rejection {
    /// Returns the error code of the original. RabbitMQ has no method for what it does not offer.
    pub const fn code(self) -> &'static str {
        match self {
            Self::DelayTooLong
            | Self::DelayPerMessage
            | Self::NoDeduplicationId
            | Self::VisibilityTooLong
            | Self::ReadCount => "InvalidParameterValue",
            Self::DelayedNack | Self::Extension | Self::Batch => "NOT_IMPLEMENTED",
            Self::Reject => "InvalidAction",
            Self::EmptyBatch => "AWS.SimpleQueueService.EmptyBatchRequest",
            Self::TooManyEntries => "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
            Self::EntryIdsNotDistinct => "AWS.SimpleQueueService.BatchEntryIdsNotDistinct",
        }
    }
}

impl QueueProfile {
    /// Verifies a message: its own delay, and whether it has a de-duplication id.
    pub(super) fn admits(&self, delay: Option<Duration>, has_id: bool) -> Result<(), Rejection> {
        match self.flavour {
            Flavour::Channel => Ok(()),
            Flavour::Fifo if delay.is_some() => Err(Rejection::DelayPerMessage),
            Flavour::Fifo if !has_id => Err(Rejection::NoDeduplicationId),
            _ if delay.is_some_and(|delay| delay > DELAY_MAX) => Err(Rejection::DelayTooLong),
            Flavour::Standard | Flavour::Fifo => Ok(()),
        }
    }

    /// Verifies that a message may stay invisible for so long, if it was received this long ago.
    pub(super) fn admits_visibility(&self, held: Duration, visibility: Duration) -> Result<(), Rejection> {
        let is_sqs = self.flavour != Flavour::Channel;
        if is_sqs && held + visibility > VISIBILITY_MAX { Err(Rejection::VisibilityTooLong) } else { Ok(()) }
    }
}
