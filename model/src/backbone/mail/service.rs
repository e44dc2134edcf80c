//! The notification service: plans the notifications of a business event.

use super::Mail;
use super::rows::{Channel, Contact, Language, MailState, Notification, Policy, Recipient};
use super::templates;
use crate::backbone::events::{Event, Notify};
use shakedown_sim::{Moment, StoreError, Transaction};

/// Returns the recipients of mail about an event, and the policy.
fn audience(event: &Event) -> ([Option<Recipient>; 2], Policy) {
    let party = Some(Recipient::Party(event.party));
    match event.what.notify() {
        Notify::Nobody => ([None, None], Policy::Once),
        Notify::Party => ([party, None], Policy::Once),
        Notify::PartyAndReviewQueue => ([party, Some(Recipient::ReviewQueue)], Policy::MustReach),
    }
}

/// Plans the notifications of an event, within the transaction that makes the event true.
///
/// # Errors
/// If the store fails; the transaction must not commit then.
pub(crate) async fn plan(tx: &mut Transaction, mail: &Mail, event: &Event) -> Result<(), StoreError> {
    let (recipients, policy) = audience(event);
    for recipient in recipients.into_iter().flatten() {
        let planned = planned(tx, mail, event, (recipient, policy)).await?;
        tx.insert_or_ignore(&mail.notifications, planned).await?;
    }
    Ok(())
}

async fn planned(
    tx: &mut Transaction,
    mail: &Mail,
    event: &Event,
    (recipient, policy): (Recipient, Policy),
) -> Result<Notification, StoreError> {
    let unlisted = Contact { recipient, language: Language::English, bounced: false };
    let contact = tx.get(&mail.contacts, &recipient.number()).await?.unwrap_or(unlisted);
    let current = templates::current(tx, mail, event.what).await?;
    let channel = Channel::Email;
    let planned = Notification {
        id: mail.notification_numbers.next(),
        once: mail.design.notification_service.once(event, recipient, channel),
        subject: event.subject,
        version: event.version,
        what: event.what,
        recipient,
        channel,
        language: contact.language,
        template: current.and_then(|current| mail.design.notification_service.pins(current.version)),
        policy,
        state: MailState::Planned,
        due: Moment::START,
        send: None,
        tries: 0,
        flagged: false,
        context: event.context,
    };
    Ok(match contact.bounced {
        true => Notification { state: MailState::Suppressed, ..planned },
        false => mail.design.delivery_queue.queue(planned),
    })
}
