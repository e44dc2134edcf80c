//! Mailers: they take due notifications, send them, and record the results.

use super::Mail;
use super::evidence::{is_sent_again, take_in};
use super::provider::{Answer, Letter, Message};
use super::rows::{Known, MailState, Notification, Send};
use super::templates;
use crate::backbone::events::Event;
use crate::backbone::workers::STORE_AGAIN;
use crate::settings::{MAIL_PERIOD, MAIL_TIMEOUT};
use shakedown_sim::{CallError, Env, Moment, Poller, StoreError, Transaction};
use std::rc::Rc;

/// Boots a mailer: it looks for mail whenever there may be some to send or to check.
pub fn boot(env: &Env, mail: &Rc<Mail>) {
    let (env, mail) = (env.clone(), Rc::clone(mail));
    env.clone().spawn(async move {
        let mut poller = Poller::new(&env, mail.notifications.signal(), MAIL_PERIOD);
        let mut due = None;
        loop {
            poller.turn(due).await;
            due = drain(&env, &mail).await;
        }
    });
}

/// Takes all due notifications and sends each in a task of its own. Returns when the next one is due.
async fn drain(env: &Env, mail: &Rc<Mail>) -> Option<Moment> {
    loop {
        match take(env, mail).await {
            Ok(Taken::ToSend(env, outgoing)) => {
                let mail = Rc::clone(mail);
                env.clone().spawn(async move {
                    send(&env, &mail, outgoing).await;
                });
            }
            Ok(Taken::Moved) => {}
            Ok(Taken::Nothing(due)) => return due,
            Err(_) => return Some(env.now() + STORE_AGAIN),
        }
    }
}

/// The result of looking for mail.
enum Taken {
    /// A claimed notification to send.
    ToSend(Env, Outgoing),
    /// A notification was moved.
    Moved,
    /// Nothing is due before this time.
    Nothing(Option<Moment>),
}

/// A mail that is about to be sent.
#[derive(Clone, Copy)]
pub(crate) struct Outgoing {
    send: Send,
    message: Message,
}

/// Returns when a mailer must act on a notification.
fn next_action(row: &Notification) -> Option<Moment> {
    use MailState::{Accepted, Queued, Sending, Unknown};
    let waits = matches!(row.state, Queued | Sending | Accepted | Unknown) && row.due != Moment::NEVER;
    waits.then_some(row.due)
}

/// Takes the first notification that is due and not held by another transaction.
async fn take(env: &Env, mail: &Mail) -> Result<Taken, StoreError> {
    let now = env.now();
    let mut tx = mail.store.begin(env);
    let is_due = |row: &Notification| next_action(row).is_some_and(|due| due <= now);
    let Some(row) = tx.claim(&mail.notifications, is_due).await? else {
        let waiting = tx.scan(&mail.notifications, |row| next_action(row).is_some()).await?;
        // A notification that is due but not available is locked by another transaction, whose end wakes the poller.
        let later = waiting.iter().filter_map(next_action).filter(|due| *due > now);
        return Ok(Taken::Nothing(later.min()));
    };
    let env = env.within(row.context).child("mail");
    let mut tx = tx.within(&env);
    match row.state {
        MailState::Queued => {
            let outgoing = claim(tx, mail, &env, &row).await?;
            return Ok(outgoing.map_or(Taken::Moved, |outgoing| Taken::ToSend(env, outgoing)));
        }
        MailState::Sending => {
            env.because(|| "its mailer has not reported back".to_owned());
            mark_in_doubt(&mut tx, mail, &row, now).await?;
            tx.commit("mail in doubt").await?;
        }
        MailState::Unknown if is_sent_again(&row) => {
            env.because(|| "it must reach its recipient, and no news of it came".to_owned());
            tx.update(&mail.notifications, Notification { state: MailState::Queued, due: now, ..row })
                .await?;
            tx.commit("queue mail again").await?;
        }
        _ => {
            env.because(|| "no news of it came".to_owned());
            tx.update(&mail.notifications, Notification { flagged: true, due: Moment::NEVER, ..row }).await?;
            tx.commit("flag mail").await?;
        }
    }
    Ok(Taken::Moved)
}

/// Gives the attempt of a mailer that has not reported back an unknown outcome.
async fn mark_in_doubt(
    tx: &mut Transaction,
    mail: &Mail,
    row: &Notification,
    now: Moment,
) -> Result<(), StoreError> {
    let Some(send) = row.send else { return Ok(()) };
    match tx.get(&mail.sends, &send).await? {
        Some(send) => take_in(tx, mail, &send, Known::Unknown, now).await,
        None => Ok(()),
    }
}

/// Commits that a queued notification is about to be sent; returns `None` if it cannot be.
async fn claim(
    mut tx: Transaction,
    mail: &Mail,
    env: &Env,
    row: &Notification,
) -> Result<Option<Outgoing>, StoreError> {
    let outgoing = prepare(&mut tx, mail, env, row).await?;
    let Err(error) = tx.commit("claim mail").await else { return Ok(outgoing) };
    let Some(Outgoing { send, .. }) = &outgoing else { return Err(error) };
    let mut tx = mail.store.begin(env);
    match tx.get(&mail.notifications, &row.id).await? {
        Some(now) if now.send == Some(send.id) => {
            env.because(|| "the commit took effect after all".to_owned());
            Ok(outgoing)
        }
        _ => Err(error),
    }
}

/// Writes the record that must exist before a queued notification is sent; returns `None` if it cannot be.
async fn prepare(
    tx: &mut Transaction,
    mail: &Mail,
    env: &Env,
    row: &Notification,
) -> Result<Option<Outgoing>, StoreError> {
    let design = &mail.design;
    let letter =
        templates::render(tx, mail, row).await?.filter(|letter| design.notification_service.may_go(letter));
    let Some(letter) = letter else {
        env.because(|| "a place in its text is empty".to_owned());
        let parked = Notification { state: MailState::DeadLetter, due: Moment::NEVER, ..*row };
        tx.update(&mail.notifications, parked).await?;
        return Ok(None);
    };
    let (id, made) = (mail.send_numbers.next(), env.now());
    let send = Send { id, notification: row.id, known: Known::Started, made };
    if let Some(row) = design.notification_log.before_send(send) {
        tx.insert(&mail.sends, row).await?;
    }
    let held = Notification { send: Some(id), tries: row.tries + 1, ..*row };
    tx.update(&mail.notifications, design.notification_log.held(held, made)).await?;
    Ok(Some(outgoing(send, row, letter)))
}

fn outgoing(send: Send, row: &Notification, letter: Letter) -> Outgoing {
    Outgoing { send, message: Message { send: send.id, recipient: row.recipient, letter } }
}

/// How often the recording of a result is tried when its commit fails.
const STORE_TRIES: u32 = 5;

/// Sends, and records the result. Returns whether the provider has the mail.
async fn send(env: &Env, mail: &Mail, outgoing: Outgoing) -> bool {
    let known = match env.call(&mail.provider.send, outgoing.message, MAIL_TIMEOUT).await {
        Ok(Answer::Accepted(message)) => Known::Accepted(message),
        Ok(Answer::Rejected) => Known::Rejected,
        Ok(Answer::TooMany) | Err(CallError::Refused) => Known::NoEffect,
        Ok(Answer::ServerError) | Err(CallError::TimedOut) => Known::Unknown,
    };
    for _ in 0..STORE_TRIES {
        if record(env, mail, &outgoing.send, known).await.is_ok() {
            break;
        }
        env.sleep(STORE_AGAIN).await;
    }
    matches!(known, Known::Accepted(_))
}

async fn record(env: &Env, mail: &Mail, send: &Send, known: Known) -> Result<(), StoreError> {
    let mut tx = mail.store.begin(env);
    take_in(&mut tx, mail, send, known, env.now()).await?;
    tx.commit("mail answered").await
}

/// Sends the planned notifications of an event at once, whether they are due or not. Returns whether the provider has
/// them. For a design without a queue.
pub(crate) async fn send_at_once(env: &Env, mail: &Mail, event: &Event) -> bool {
    let planned = async {
        let mut tx = mail.store.begin(env);
        let of_event = |row: &Notification| row.subject == event.subject && row.version == event.version;
        tx.scan(&mail.notifications, |row| of_event(row) && row.state == MailState::Queued).await
    };
    let mut all = true;
    for row in planned.await.unwrap_or_default() {
        let env = env.within(row.context).child("mail");
        let claimed = async {
            let mut tx = mail.store.begin(&env);
            let row = tx.lock(&mail.notifications, &row.id).await?.unwrap_or(row);
            claim(tx, mail, &env, &row).await
        };
        all &= match claimed.await {
            Ok(Some(outgoing)) => send(&env, mail, outgoing).await,
            _ => false,
        };
    }
    all
}
