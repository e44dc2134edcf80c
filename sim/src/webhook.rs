//! A sender of webhooks, as providers run it: signed, retried for days, duplicated, out of order, given up, resent by hand.
//!
//! # Semantics
//!
//! - **Delivery** is at least once. A response from 200 to 299 ends it. Any other status, also a redirect, and a call without
//!   a response are failures; the event is sent again after the next of [`WebhookProfile::retries`], and given up after the
//!   last. A receiver that has worked and whose response is lost receives the event again.
//! - **410 Gone** disables the endpoint: attempts that are due later are not made, until [`WebhookSender::enable`].
//! - **Order** is not kept. An event may come before the response to the request that caused it
//!   ([`WebhookProfile::may_be_early`]), much later ([`WebhookProfile::delays`]), twice ([`WebhookProfile::may_be_copied`]),
//!   or after one that happened later, because an earlier attempt failed.
//! - **Signature.** `v1,` and the HMAC-SHA256 of `ID.TIMESTAMP.BODY` in base64. Each attempt has a new timestamp, by the
//!   sender's clock; the id stays. [`verify`] rejects what is too old or too new by the receiver's clock.
//! - **By hand.** A person may send an event again ([`WebhookSender::resend`]), also one that was given up or delivered. The
//!   automatic attempts go on until one of them succeeds.
//!
//! Choices are drawn in the scope of the event, a child `webhook` of the scope that sends it: `NAME/order`, `NAME/delay`,
//! `NAME/copies`. Its attempts are `webhook-1/attempt-1`, …; their calls have the faults of the endpoint's link.
//!
//! Not modelled: several endpoints and event types, rotation of secrets, `Retry-After`, limits of rate, a sender that loses
//! events.
//!
//! # Sources
//!
//! Standard Webhooks specification 1.0 (headers, signature, schedule, 410); Stripe, "Receive events in your webhook endpoint"
//! (three days, order, duplicates, tolerance of five minutes) and "Resend events"; GitHub, "Best practices for using webhooks"
//! and "Redelivering webhooks" (10 s, no automatic retries, three days).
//!
//! ```
//! use shakedown_sim::webhook::{self, Webhook, WebhookProfile, WebhookSender};
//! use shakedown_sim::{Endpoint, Env, Link, LinkFaults, Op};
//! # use shakedown_sim::Duration;
//! # fn build(provider: Env, shop: Env) {
//! let link = Link::new("hooks", Duration::from_millis(20), &LinkFaults::LOSSY);
//! let hook: Endpoint<Webhook, u16> = Endpoint::new(Op::new("shop.hook", "notifies the shop"), &link);
//! hook.serve(&shop, |env, event| async move {
//!     match webhook::verify(b"secret", &event, env.clock(), webhook::TOLERANCE) {
//!         Ok(()) => 200,
//!         Err(_) => 400,
//!     }
//! });
//! let sender = WebhookSender::new(&provider, "webhooks", WebhookProfile::STANDARD, &hook, b"secret");
//! sender.send(&provider, "evt-1", "{\"paid\":7}");
//! # }
//! ```

use crate::call::Endpoint;
use crate::choice::{Alternatives, Site};
use crate::env::Env;
use crate::label::Label;
use crate::time::{Duration, WallTime};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

const ORDERS: Alternatives = Alternatives::new(&["after the response", "before the response"]);
const COPIES: Alternatives = Alternatives::new(&["once", "twice"]);
/// How much later the copy of an event is sent.
const COPY_AFTER: Duration = Duration::from_millis(100);

/// How old, or how far ahead, a timestamp may be: the default of Stripe and of Standard Webhooks.
pub const TOLERANCE: Duration = Duration::from_secs(300);

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

const HOUR: u64 = 3_600;

/// How a provider sends webhooks.
#[derive(Clone, Copy, Debug)]
pub struct WebhookProfile {
    /// The time from the event to its first attempt.
    pub delay: Duration,
    /// The timeout of an attempt.
    pub timeout: Duration,
    /// The waits before the further attempts.
    pub retries: &'static [Duration],
    /// Whether an event may be sent at once, and so before the response to the request that caused it.
    pub may_be_early: bool,
    /// Whether an event may be sent twice.
    pub may_be_copied: bool,
    /// The possible additional delays of the first attempt; the first alternative is none.
    pub delays: Option<Alternatives>,
}

impl WebhookProfile {
    /// The schedule that Standard Webhooks proposes: ten attempts within three days and some hours.
    pub const STANDARD: WebhookProfile = WebhookProfile {
        delay: secs(1),
        timeout: secs(15),
        retries: &[
            secs(5),
            secs(300),
            secs(1_800),
            secs(2 * HOUR),
            secs(5 * HOUR),
            secs(10 * HOUR),
            secs(14 * HOUR),
            secs(20 * HOUR),
            secs(24 * HOUR),
        ],
        may_be_early: true,
        may_be_copied: true,
        delays: Some(Alternatives::delays(&["on time", "30 s", "2 h"], (1_000, 7_200_000))),
    };
    /// Three days with exponential backoff, as Stripe documents; the steps are not documented.
    pub const STRIPE: WebhookProfile = WebhookProfile {
        timeout: secs(10),
        retries: &[
            secs(HOUR),
            secs(2 * HOUR),
            secs(4 * HOUR),
            secs(8 * HOUR),
            secs(16 * HOUR),
            secs(32 * HOUR),
        ],
        ..Self::STANDARD
    };
    /// No automatic retries: a failed delivery is resent by hand, or never.
    pub const GITHUB: WebhookProfile = WebhookProfile { timeout: secs(10), retries: &[], ..Self::STANDARD };
}

/// A signed event, as it is sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Webhook {
    /// The id of the event (`webhook-id`): the same in every attempt, so the key by which a receiver recognizes a repeat.
    pub id: String,
    /// When it was sent, in seconds since 1970 (`webhook-timestamp`).
    pub timestamp: i64,
    /// The signature (`webhook-signature`).
    pub signature: String,
    /// The body.
    pub body: Rc<str>,
}

/// The reason why a webhook is not accepted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SignatureError {
    /// The signature is of another secret, id, timestamp or body.
    #[error("the signature does not match")]
    Mismatch,
    /// The timestamp is too old: it may be replayed.
    #[error("the timestamp is too old")]
    TooOld,
    /// The timestamp is too far ahead.
    #[error("the timestamp is in the future")]
    TooNew,
}

fn mac(secret: &[u8], id: &str, timestamp: i64, body: &str) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("a key may have any length");
    mac.update(format!("{id}.{timestamp}.{body}").as_bytes());
    mac
}

/// Returns the signature of an event.
pub fn sign(secret: &[u8], id: &str, timestamp: i64, body: &str) -> String {
    format!("v1,{}", BASE64.encode(mac(secret, id, timestamp, body).finalize().into_bytes()))
}

/// Verifies a webhook by the receiver's clock, which shows `now`.
///
/// # Errors
/// If the signature does not match, or the timestamp differs from `now` by more than `tolerance`.
pub fn verify(
    secret: &[u8],
    webhook: &Webhook,
    now: WallTime,
    tolerance: Duration,
) -> Result<(), SignatureError> {
    let signature = webhook.signature.strip_prefix("v1,").and_then(|text| BASE64.decode(text).ok());
    let mac = mac(secret, &webhook.id, webhook.timestamp, &webhook.body);
    let matches = signature.is_some_and(|signature| mac.verify_slice(&signature).is_ok());
    if !matches {
        return Err(SignatureError::Mismatch);
    }
    let sent = WallTime::from_unix_secs(webhook.timestamp);
    if now.since(sent) > tolerance {
        return Err(SignatureError::TooOld);
    }
    if sent.since(now) > tolerance { Err(SignatureError::TooNew) } else { Ok(()) }
}

/// The state of the delivery of an event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DeliveryState {
    /// It is sent, or waits for its next attempt.
    Pending,
    /// An attempt succeeded.
    Delivered,
    /// No further automatic attempt is made.
    GivenUp,
}

struct Event {
    env: Env,
    body: Rc<str>,
    state: DeliveryState,
}

struct Inner {
    env: Env,
    name: Label,
    profile: WebhookProfile,
    endpoint: Endpoint<Webhook, u16>,
    secret: Vec<u8>,
    events: RefCell<BTreeMap<String, Event>>,
    is_disabled: Cell<bool>,
}

/// Sends the events of a provider to one endpoint.
#[derive(Clone)]
pub struct WebhookSender(Rc<Inner>);

impl WebhookSender {
    /// Creates a sender on `env`'s node. `name` begins its choice sites.
    pub fn new(
        env: &Env,
        name: impl Into<Label>,
        profile: WebhookProfile,
        endpoint: &Endpoint<Webhook, u16>,
        secret: &[u8],
    ) -> Self {
        let (env, name, endpoint, secret) = (env.clone(), name.into(), endpoint.clone(), secret.to_vec());
        let (events, is_disabled) = (RefCell::default(), Cell::new(false));
        Self(Rc::new(Inner { env, name, profile, endpoint, secret, events, is_disabled }))
    }

    /// Sends an event that happened in the scope of `env`, now or later. `id` is unique.
    pub fn send(&self, env: &Env, id: impl Into<String>, body: impl Into<Rc<str>>) {
        let (id, body) = (id.into(), body.into());
        let env = self.0.env.within(env.scope()).child("webhook");
        let event = Event { env: env.clone(), body, state: DeliveryState::Pending };
        self.0.events.borrow_mut().insert(id.clone(), event);
        let Inner { name, profile, .. } = &*self.0;
        let mut wait = profile.delay;
        if profile.may_be_early && !env.choose(Site::new(*name, Label::new("order")), &ORDERS).is_benign() {
            wait = Duration::ZERO;
        }
        if let Some(delays) = &profile.delays {
            wait += env.choose_delay(Site::new(*name, Label::new("delay")), delays);
        }
        if profile.may_be_copied && !env.choose(Site::new(*name, Label::new("copies")), &COPIES).is_benign() {
            self.deliver_after(&env, wait + COPY_AFTER, &id);
        }
        self.deliver_after(&env, wait, &id);
    }

    /// Sends an event again at once, as a person does by hand. Returns whether there is such an event.
    pub fn resend(&self, id: &str) -> bool {
        let env = self.0.events.borrow().get(id).map(|event| event.env.clone());
        let Some(env) = env else { return false };
        let (at, id) = (self.clone(), id.to_owned());
        env.clone().spawn(async move {
            at.attempt(&env, &id).await;
        });
        true
    }

    /// Returns the state of the delivery of an event.
    pub fn state(&self, id: &str) -> Option<DeliveryState> {
        self.0.events.borrow().get(id).map(|event| event.state)
    }

    /// Returns the ids of the events that were given up.
    pub fn given_up(&self) -> Vec<String> {
        let events = self.0.events.borrow();
        let given_up = events.iter().filter(|(_, event)| event.state == DeliveryState::GivenUp);
        given_up.map(|(id, _)| id.clone()).collect()
    }

    /// Returns whether the receiver has disabled the endpoint by a 410.
    pub fn is_disabled(&self) -> bool {
        self.0.is_disabled.get()
    }

    /// Enables the endpoint again, as the receiver's operator does.
    pub fn enable(&self) {
        self.0.is_disabled.set(false);
    }

    fn deliver_after(&self, env: &Env, wait: Duration, id: &str) {
        let (at, env, id) = (self.clone(), env.clone(), id.to_owned());
        env.clone().spawn(async move {
            env.sleep(wait).await;
            at.deliver(&env, &id).await;
        });
    }

    /// Makes the automatic attempts.
    async fn deliver(&self, env: &Env, id: &str) {
        let mut waits = self.0.profile.retries.iter();
        while !self.0.is_disabled.get() {
            if self.attempt(env, id).await {
                return;
            }
            match waits.next() {
                Some(wait) if !self.0.is_disabled.get() => env.sleep(*wait).await,
                _ => break,
            }
        }
        if let Some(event) = self.0.events.borrow_mut().get_mut(id)
            && event.state == DeliveryState::Pending
        {
            event.state = DeliveryState::GivenUp;
            env.note(|| format!("gives up {id}"));
        }
    }

    /// Makes one attempt. Returns whether it succeeded.
    async fn attempt(&self, env: &Env, id: &str) -> bool {
        let Inner { endpoint, profile, secret, .. } = &*self.0;
        let Some(body) = self.0.events.borrow().get(id).map(|event| Rc::clone(&event.body)) else {
            return false;
        };
        let env = env.child("attempt");
        let timestamp = env.clock().unix_nanos().div_euclid(1_000_000_000);
        let signature = sign(secret, id, timestamp, &body);
        let webhook = Webhook { id: id.to_owned(), timestamp, signature, body };
        match env.call(endpoint, webhook, profile.timeout).await {
            Ok(200..=299) => {
                if let Some(event) = self.0.events.borrow_mut().get_mut(id) {
                    event.state = DeliveryState::Delivered;
                }
                true
            }
            Ok(410) => {
                self.0.is_disabled.set(true);
                env.note(|| "disables the endpoint".to_owned());
                false
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the Standard Webhooks specification.
    #[test]
    fn a_signature_is_that_of_the_specification() {
        let secret = BASE64.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").expect("base64");
        let body = "{\"test\": 2432232314}";
        let signature = sign(&secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn a_changed_an_old_and_an_early_webhook_is_rejected() {
        let timestamp = 1_000_000;
        let signature = sign(b"secret", "1", timestamp, "paid");
        let sent = Webhook { id: "1".to_owned(), timestamp, signature, body: "paid".into() };
        let at = |seconds| WallTime::from_unix_secs(seconds);
        let check = |webhook: &Webhook, now| verify(b"secret", webhook, at(now), TOLERANCE);
        assert_eq!(check(&sent, timestamp + 300), Ok(()));
        assert_eq!(check(&sent, timestamp + 301), Err(SignatureError::TooOld));
        assert_eq!(check(&sent, timestamp - 301), Err(SignatureError::TooNew));
        let changed = [
            Webhook { id: "2".to_owned(), ..sent.clone() },
            Webhook { body: "refunded".into(), ..sent.clone() },
            Webhook { timestamp: timestamp + 1, ..sent.clone() },
            Webhook { signature: "v1,AAAA".to_owned(), ..sent.clone() },
            Webhook { signature: sent.signature[3..].to_owned(), ..sent.clone() },
        ];
        for webhook in changed {
            assert_eq!(check(&webhook, timestamp), Err(SignatureError::Mismatch), "{webhook:?}");
        }
        assert_eq!(verify(b"other", &sent, at(timestamp), TOLERANCE), Err(SignatureError::Mismatch));
    }
}
