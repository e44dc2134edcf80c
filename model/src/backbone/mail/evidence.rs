//! What is learnt of an attempt is taken into its row, and into the notification's.

use super::Mail;
use super::rows::{Contact, Known, Language, MailState, Notification, Policy, Send};
use crate::terms::{MAIL_HEARD_WITHIN, MAIL_RESEND_AFTER, MAX_ATTEMPTS, backoff};
use shakedown_sim::{Moment, StoreError, Transaction};

/// Takes in what was learnt of an attempt; `send` is its row, in case it is not on record. Learnt twice it
/// changes nothing.
///
/// # Errors
/// As the store reports them.
pub(super) async fn take_in(
    tx: &mut Transaction,
    mail: &Mail,
    send: &Send,
    news: Known,
    now: Moment,
) -> Result<(), StoreError> {
    let Some(row) = tx.lock(&mail.notifications, &send.notification).await? else { return Ok(()) };
    let on_record = tx.lock(&mail.sends, &send.id).await?;
    let before = on_record.unwrap_or(*send);
    let known = before.known.learnt(news);
    let after = Send { known, ..before };
    if on_record == Some(after) {
        return Ok(());
    }
    tx.update(&mail.sends, after).await?;
    let moved = moved(&row, &after, now);
    if moved != row {
        tx.update(&mail.notifications, moved).await?;
    }
    if let Known::Bounced(_) = known {
        let recipient = row.recipient;
        let unlisted = Contact { recipient, language: Language::English, bounced: true };
        let contact = tx.lock(&mail.contacts, &recipient.number()).await?.unwrap_or(unlisted);
        tx.update(&mail.contacts, Contact { bounced: true, ..contact }).await?;
    }
    Ok(())
}

/// The notification after this was learnt of one of its attempts.
fn moved(row: &Notification, send: &Send, now: Moment) -> Notification {
    use MailState::{Accepted, Bounced, DeadLetter, Delivered, Queued, Rejected, Sending, Unknown};
    let is_last = row.send == Some(send.id) && matches!(row.state, Queued | Sending | Unknown);
    let is_wanting = is_last || matches!(row.state, Queued | Unknown);
    let known = |state| Notification { state, due: Moment::NEVER, flagged: false, ..*row };
    match send.known {
        Known::Delivered(_) => known(Delivered),
        Known::Bounced(_) if row.state != Delivered => known(Bounced),
        Known::Accepted(_) if is_wanting => {
            Notification { state: Accepted, due: send.made + MAIL_HEARD_WITHIN, flagged: false, ..*row }
        }
        Known::Rejected if is_last => known(Rejected),
        Known::NoEffect if is_last && row.tries >= MAX_ATTEMPTS => known(DeadLetter),
        Known::NoEffect if is_last => {
            Notification { state: Queued, due: now + backoff(row.tries), flagged: false, ..*row }
        }
        Known::Unknown if is_last => in_doubt(row, send, now),
        _ => *row,
    }
}

/// The notification whose last attempt has an unknown outcome: it waits for evidence, and then is sent again if
/// it must reach its recipient, or else is a person's.
fn in_doubt(row: &Notification, send: &Send, now: Moment) -> Notification {
    let due = if is_sent_again(row) { now + MAIL_RESEND_AFTER } else { send.made + MAIL_HEARD_WITHIN };
    Notification { state: MailState::Unknown, due, ..*row }
}

/// Whether it is sent again by itself after an unknown outcome.
pub(super) fn is_sent_again(row: &Notification) -> bool {
    row.policy == Policy::MustReach && row.tries < MAX_ATTEMPTS
}
