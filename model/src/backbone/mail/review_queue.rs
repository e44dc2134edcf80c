//! The API for the provider's reports, and for the people who handle mail.

use super::Mail;
use super::evidence::take_in;
use super::provider::ProviderEvent;
use super::rows::{Known, MailState, News, Notification, Send};
use super::templates;
use crate::backbone::retry::in_transaction;
use shakedown_sim::{Endpoint, Env, Link, Moment, Op, StoreError, Transaction};
use std::rc::Rc;

/// A notification for a person's review, with its attempts: a line of the log as the operator sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Listed {
    /// The notification.
    pub notification: Notification,
    /// The attempts, oldest first.
    pub sends: Vec<Send>,
    /// The current version of its text.
    pub current: Option<u32>,
}

/// A person's decision about a notification, based on the provider's data.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Decision {
    /// The provider's page shows this outcome of the attempt.
    Found(u32, Known),
    /// The provider has not sent it and never will: send it again.
    SendAgain(u32),
    /// Its text has been corrected: send it in the current version.
    Replay(u32),
}

/// The operations.
#[derive(Clone)]
pub struct MailReviewQueue {
    /// Receives a report of the provider. Returns whether it is stored.
    pub reports: Endpoint<ProviderEvent, bool>,
    /// Returns the notifications for a person's review.
    pub listed: Endpoint<(), Option<Vec<Listed>>>,
    /// Applies a person's decision. Returns whether it is applied, or was no longer needed.
    pub decide: Endpoint<Decision, bool>,
}

impl MailReviewQueue {
    /// Creates the operations: the provider's over `outside`, those of our people over `inside`.
    pub fn over(outside: &Link, inside: &Link) -> Self {
        Self {
            reports: Endpoint::new(Op::new("mail.told", "reports what happened to the mail"), outside),
            listed: Endpoint::new(Op::routine("mail.listed", "looks at the list of mail in doubt"), inside),
            decide: Endpoint::new(Op::new("mail.decide", "decides about the mail"), inside),
        }
    }

    /// Boots a node that serves the operations.
    pub fn boot(&self, env: &Env, mail: &Rc<Mail>) {
        let at = Rc::clone(mail);
        self.reports.serve(env, move |env, report| {
            let at = Rc::clone(&at);
            async move { in_transaction(&env, async || take_report(&env, &at, report).await).await.is_ok() }
        });
        let at = Rc::clone(mail);
        self.listed.serve(env, move |env, ()| {
            let at = Rc::clone(&at);
            async move { list(&env, &at).await.ok() }
        });
        let at = Rc::clone(mail);
        self.decide.serve(env, move |env, decision| {
            let at = Rc::clone(&at);
            async move { in_transaction(&env, async || decide(&env, &at, decision).await).await.is_ok() }
        });
    }
}

async fn take_report(env: &Env, mail: &Mail, report: ProviderEvent) -> Result<(), StoreError> {
    let mut tx = mail.store.begin(env);
    let ProviderEvent { event, send, says } = report;
    if !tx.insert_or_ignore(&mail.news, News { event, send, says }).await? {
        env.because(|| "this was recorded before".to_owned());
        return Ok(());
    }
    if let Some(send) = tx.get(&mail.sends, &send).await? {
        take_in(&mut tx, mail, &send, says, env.now()).await?;
    }
    tx.commit("mail news").await
}

async fn list(env: &Env, mail: &Mail) -> Result<Vec<Listed>, StoreError> {
    let mut tx = mail.store.begin(env);
    let wanting = |row: &Notification| row.flagged || row.state == MailState::DeadLetter;
    let mut listed = Vec::new();
    for notification in tx.scan(&mail.notifications, wanting).await? {
        let sends = tx.scan(&mail.sends, |send| send.notification == notification.id).await?;
        let current = templates::current(&mut tx, mail, notification.what).await?;
        listed.push(Listed { notification, sends, current: current.map(|current| current.version) });
    }
    Ok(listed)
}

async fn decide(env: &Env, mail: &Mail, decision: Decision) -> Result<(), StoreError> {
    let mut tx = mail.store.begin(env);
    let now = env.now();
    match decision {
        Decision::Found(send, known) => {
            let Some(send) = tx.get(&mail.sends, &send).await? else { return Ok(()) };
            take_in(&mut tx, mail, &send, known, now).await?;
        }
        Decision::SendAgain(id) => {
            let row = tx.lock(&mail.notifications, &id).await?;
            let Some(row) = row.filter(|row| row.flagged) else { return Ok(()) };
            queue_again(&mut tx, mail, row, now).await?;
        }
        Decision::Replay(id) => {
            let row = tx.lock(&mail.notifications, &id).await?;
            let Some(row) = row.filter(|row| row.state == MailState::DeadLetter) else { return Ok(()) };
            let template = templates::current(&mut tx, mail, row.what).await?.map(|current| current.version);
            queue_again(&mut tx, mail, Notification { template, ..row }, now).await?;
        }
    }
    tx.commit("mail settled").await
}

/// Queues a notification again on a person's decision, and resets its tries.
///
/// # Errors
/// If the store fails.
pub(crate) async fn queue_again(
    tx: &mut Transaction,
    mail: &Mail,
    row: Notification,
    now: Moment,
) -> Result<(), StoreError> {
    let queued = Notification { state: MailState::Queued, due: now, tries: 0, flagged: false, ..row };
    tx.update(&mail.notifications, queued).await
}

/// Publishes the next version of the text for each kind of event, filled in with `variables`.
///
/// # Errors
/// If the store fails.
pub async fn publish(
    env: &Env,
    mail: &Mail,
    variables: &'static [templates::Variable],
) -> Result<(), StoreError> {
    let mut tx = mail.store.begin(env);
    let mut all = tx.scan(&mail.templates, |_| true).await?;
    all.sort_by_key(|template| (template.what, std::cmp::Reverse(template.version)));
    all.dedup_by_key(|template| template.what);
    for latest in all {
        let next = templates::Template { version: latest.version + 1, variables, ..latest };
        tx.insert(&mail.templates, next).await?;
    }
    tx.commit("publish texts").await
}
