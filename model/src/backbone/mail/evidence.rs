//! Evidence: updates an attempt and its notification with what was learned about them.

use super::Mail;
use super::rows::{Contact, Known, Language, MailState, Notification, Policy, Send};
use crate::settings::{MAIL_HEARD_WITHIN, MAIL_RESEND_AFTER, MAX_ATTEMPTS, backoff};
use shakedown_sim::{Moment, StoreError, Transaction};

/// Records what was learned about an attempt; `send` is its row, in case it is not on record. Recording the same
/// evidence twice changes nothing.
///
/// # Errors
/// If the store fails.
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

/// Returns the notification after new evidence about one of its attempts.
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

/// Returns the notification whose last attempt has an unknown outcome. It waits for evidence; after that it is sent
/// again if it must reach its recipient, and otherwise it is flagged for a person.
fn in_doubt(row: &Notification, send: &Send, now: Moment) -> Notification {
    let due = if is_sent_again(row) { now + MAIL_RESEND_AFTER } else { send.made + MAIL_HEARD_WITHIN };
    Notification { state: MailState::Unknown, due, ..*row }
}

/// Returns whether it is sent again automatically after an unknown outcome.
pub(super) fn is_sent_again(row: &Notification) -> bool {
    row.policy == Policy::MustReach && row.tries < MAX_ATTEMPTS
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backbone::events::{EventKind, EventKindSpec, Notify, SubjectKind, SubjectKindSpec};
    use crate::backbone::mail::rows::{Channel, Recipient};
    use shakedown_sim::{Duration, Scope};

    const PARCEL: SubjectKind = SubjectKind::new(&SubjectKindSpec { number: 0, name: "Parcel", prefix: "P" });
    const SHIPPED: EventKind = EventKind::new(&EventKindSpec {
        number: 0,
        name: "Shipped",
        title: "shipped",
        notify: Notify::Party,
    });
    const NOW: Moment = Moment::from_nanos(1_000_000_000_000);

    /// Returns a notification in its second attempt, which was just made.
    fn row(state: MailState, policy: Policy) -> Notification {
        Notification {
            id: 1,
            once: None,
            subject: PARCEL.row(1),
            version: 1,
            what: SHIPPED,
            recipient: Recipient::Party(1),
            channel: Channel::Email,
            language: Language::English,
            template: Some(1),
            policy,
            state,
            due: NOW,
            send: Some(2),
            tries: 2,
            flagged: true,
            context: Scope::ROOT,
        }
    }

    /// Checks the state of a notification after this evidence, and how long it waits there. What is definite takes its flag away.
    fn check(before: Notification, (send, known): (u32, Known), expected: MailState, wait: Option<Duration>) {
        let after = moved(&before, &Send { id: send, notification: 1, known, made: NOW }, NOW);
        assert_eq!(after.state, expected, "{:?} learns {known:?} of send {send}", before.state);
        let is_definite = !matches!(expected, MailState::Sending | MailState::Unknown);
        assert_eq!(after.flagged, !is_definite, "{:?} learns {known:?} of send {send}", before.state);
        if let Some(wait) = wait {
            assert_eq!(after.due, NOW + wait, "{:?} learns {known:?} of send {send}", before.state);
        }
    }

    #[test]
    fn an_unknown_outcome_waits_for_a_person_or_for_the_next_attempt() {
        use MailState::{Sending, Unknown};
        let unknown = (2, Known::Unknown);
        check(row(Sending, Policy::Once), unknown, Unknown, Some(MAIL_HEARD_WITHIN));
        check(row(Sending, Policy::MustReach), unknown, Unknown, Some(MAIL_RESEND_AFTER));
        let spent = Notification { tries: MAX_ATTEMPTS, ..row(Sending, Policy::MustReach) };
        check(spent, unknown, Unknown, Some(MAIL_HEARD_WITHIN));
    }

    #[test]
    fn what_had_no_effect_is_tried_again_until_it_is_spent() {
        use MailState::{DeadLetter, Queued, Sending, Unknown};
        for state in [Sending, Unknown] {
            check(row(state, Policy::Once), (2, Known::NoEffect), Queued, Some(backoff(2)));
        }
        let spent = Notification { tries: MAX_ATTEMPTS, ..row(Sending, Policy::Once) };
        check(spent, (2, Known::NoEffect), DeadLetter, None);
    }

    #[test]
    fn news_of_an_earlier_attempt_end_a_wait_but_do_not_speak_for_the_one_under_way() {
        use MailState::{Accepted, Delivered, Queued, Sending, Unknown};
        for waiting in [Queued, Unknown] {
            check(
                row(waiting, Policy::MustReach),
                (1, Known::Accepted(7)),
                Accepted,
                Some(MAIL_HEARD_WITHIN),
            );
        }
        for news in [Known::Accepted(7), Known::NoEffect, Known::Rejected, Known::Unknown] {
            check(row(Sending, Policy::MustReach), (1, news), Sending, None);
        }
        check(row(Sending, Policy::MustReach), (1, Known::Delivered(7)), Delivered, None);
    }

    #[test]
    fn arrived_mail_is_not_flagged_and_does_not_bounce() {
        for state in [MailState::Accepted, MailState::Unknown, MailState::DeadLetter, MailState::Bounced] {
            let delivered = Send { id: 1, notification: 1, known: Known::Delivered(7), made: NOW };
            let after = moved(&row(state, Policy::Once), &delivered, NOW);
            assert_eq!((after.state, after.flagged, after.due), (MailState::Delivered, false, Moment::NEVER));
            let returned = Send { known: Known::Bounced(8), ..delivered };
            assert_eq!(moved(&after, &returned, NOW), after);
        }
    }
}
