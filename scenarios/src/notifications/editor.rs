//! An editor who changes templates while mail is in flight: an episode, drawn once.

use super::{BROKEN, SOUND};
use shakedown_model::Backbone;
use shakedown_model::backbone::mail::templates::Variable;
use shakedown_model::backbone::mail::{Mail, review_queue};
use shakedown_model::outside::clerk::Clerk;
use shakedown_sim::{Alternatives, Duration, Env, Label, Poller, Site};
use std::rc::Rc;

const EDITOR: Label = Label::new("editor");
const PUBLISHES: Site = Site::new(EDITOR, Label::new("publishes"));
const WAYS: Alternatives = Alternatives::new(&[
    "nothing",
    "new texts with the first mail",
    "new texts with the second mail",
    "broken texts with the first mail",
]);
/// The time from the planning of a mail to the change of the templates.
const AT_ONCE: Duration = Duration::from_millis(1);
/// The time for which a broken template stays.
const MENDED_AFTER: Duration = Duration::from_secs(1_800);
/// The editor's wait after a failure of the database.
const AGAIN: Duration = Duration::from_secs(1);

/// A person who may change the templates.
pub(super) struct Editor {
    pub(super) backbone: Rc<Backbone>,
    pub(super) mail: Rc<Mail>,
    /// The clerk, whom the editor notifies when a template is repaired.
    pub(super) clerk: Clerk,
}

impl Editor {
    /// Draws whether and when templates are published in this run.
    pub(super) fn begin(self: &Rc<Self>, env: &Env) {
        let (mails, texts) = match WAYS.names()[env.choose(PUBLISHES, &WAYS).index()] {
            "new texts with the first mail" => (1, SOUND),
            "new texts with the second mail" => (2, SOUND),
            "broken texts with the first mail" => (1, BROKEN),
            _ => return,
        };
        let (at, env) = (Rc::clone(self), env.clone());
        env.clone().spawn(async move {
            at.wait_for(&env, mails).await;
            at.publish(&env, texts).await;
            if texts == BROKEN {
                env.sleep(MENDED_AFTER).await;
                at.publish(&env, SOUND).await;
                at.clerk.look(&env).await;
            }
        });
    }

    /// Waits until this number of mails has been planned.
    async fn wait_for(&self, env: &Env, mails: usize) {
        let notifications = &self.mail.notifications;
        let mut poller = Poller::new(env, notifications.signal(), AT_ONCE);
        loop {
            poller.turn(None).await;
            let planned = self.backbone.store.begin(env).scan(notifications, |_| true).await;
            if planned.is_ok_and(|planned| planned.len() >= mails) {
                return;
            }
        }
    }

    async fn publish(&self, env: &Env, texts: &'static [Variable]) {
        let env = env.child("texts");
        while review_queue::publish(&env, &self.mail, texts).await.is_err() {
            env.sleep(AGAIN).await;
        }
    }
}
