//! Templates: each text in all its versions, so that mail is sent as it was planned.

use super::Mail;
use super::provider::Letter;
use super::rows::{Notification, Recipient};
use crate::backbone::events::{EventKind, SubjectKind};
use serde::Serialize;
use shakedown_sim::{Row, StoreError, Transaction};

/// A variable in a text.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub enum Variable {
    /// The number of the row of the event, which must be of this kind.
    Row(SubjectKind),
    /// The recipient's name.
    Recipient,
}

/// One version of the text for one kind of event, in every language.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Template {
    /// The kind of event.
    pub what: EventKind,
    /// The version.
    pub version: u32,
    /// The variables in the text.
    pub variables: &'static [Variable],
}

impl Row for Template {
    type Key = (u32, u32);
    const TABLE: &'static str = "templates";
    fn key(&self) -> (u32, u32) {
        (self.what.number(), self.version)
    }
}

/// Returns the latest version of the text for this kind of event.
///
/// # Errors
/// If the store fails.
pub async fn current(
    tx: &mut Transaction,
    mail: &Mail,
    what: EventKind,
) -> Result<Option<Template>, StoreError> {
    Ok(tx.scan(&mail.templates, |template| template.what == what).await?.pop())
}

/// Returns the notification as it is sent: in its pinned version, or else in the latest. `None` if there is no such
/// text.
///
/// # Errors
/// If the store fails.
pub(super) async fn render(
    tx: &mut Transaction,
    mail: &Mail,
    planned: &Notification,
) -> Result<Option<Letter>, StoreError> {
    let template = match planned.template {
        Some(version) => tx.get(&mail.templates, &(planned.what.number(), version)).await?,
        None => current(tx, mail, planned.what).await?,
    };
    Ok(template.map(|template| {
        let empty = template.variables.iter().filter(|variable| value(**variable, planned).is_none());
        Letter {
            what: planned.what,
            subject: planned.subject,
            version: planned.version,
            template: template.version,
            language: planned.language,
            empty: empty.count() as u32,
        }
    }))
}

/// Returns the value of a variable; `None` if the event has no such value.
fn value(variable: Variable, planned: &Notification) -> Option<u32> {
    match (variable, planned.recipient) {
        (Variable::Row(kind), _) => planned.subject.row_of(kind),
        (Variable::Recipient, Recipient::Party(party)) => Some(party),
        (Variable::Recipient, Recipient::ReviewQueue) => Some(0),
    }
}
