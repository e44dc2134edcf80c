//! A provider that sends mail, and the mailboxes of the recipients.
//!
//! Behaviour, as of such providers: it accepts a message and returns a number, long before anything is sent; it may
//! throttle (429, no effect), reject a message permanently, or fail before or after it has accepted it (5xx). It has
//! no idempotency: each request that reaches it is a separate message. An accepted message usually arrives, sometimes
//! only after the recipient's server has deferred it; sometimes it is returned, and sometimes it is dropped without
//! notice. All its reports repeat our number for the attempt. It reports each message that arrived or was returned at
//! least once, at any time, even before its response; repeats share a number; reports of different messages may
//! arrive in any order. Its activity page is true, but ten minutes old.
//!
//! It never loses or alters a message that it puts into a mailbox, puts one message there twice, reports a falsehood,
//! or returns a message that has arrived.
//!
//! Sources: RFC 1047 (a message is sent twice when the response is lost) and RFC 5321, section 6.1; the public
//! documentation of mail providers on their send operation (202), custom arguments, throttling, and webhooks with
//! their events *processed*, *deferred*, *delivered*, *bounce* and *dropped*, which may be repeated.

use crate::backbone::mail::provider::{Activity, Answer, Message, ProviderApi, ProviderEvent};
use crate::backbone::mail::review_queue::MailReviewQueue;
use crate::backbone::mail::rows::Known;
use crate::facts::{Fact, MailProviderFact};
use shakedown_sim::{Alternatives, Duration, Env, Facts, Label, Moment, Site};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

const PROVIDER: Label = Label::new("mail provider");
const OUTCOME: Site = Site::new(Label::new("mail.send"), Label::new("outcome"));
const FATE: Site = Site::new(PROVIDER, Label::new("fate"));
const NEWS: Site = Site::new(PROVIDER, Label::new("news"));
const COPIES: Site = Site::new(PROVIDER, Label::new("news copies"));

const OUTCOMES: Alternatives = Alternatives::new(&["takes it", "429", "refuses", "5xx before", "5xx after"]);
const FATES: Alternatives = Alternatives::new(&["arrives", "put off", "returned", "never sent"]);
const NEWS_TIMES: Alternatives =
    Alternatives::new(&["soon", "before the answer", "30 min", "3 h"]).or_within((200, 60_000));
const COPY: Alternatives = Alternatives::new(&["once", "twice"]);

/// The time to accept a message.
const SERVICE: Duration = Duration::from_millis(100);
/// The time to write the response.
const WRITES: Duration = Duration::from_millis(50);
/// The typical time from accepting a message to its arrival.
const SENDS_AFTER: Duration = Duration::from_secs(2);
/// The time to its arrival if the recipient's server defers it.
const PUT_OFF: Duration = Duration::from_secs(900);
/// The typical time from an outcome to its report.
const NEWS_AFTER: Duration = Duration::from_secs(1);
/// The age of the activity page.
const PAGE_AGE: Duration = Duration::from_secs(600);
/// The waits before a report that was not accepted is sent again; the last one is repeated.
const AGAIN: [Duration; 3] = [Duration::from_secs(5), Duration::from_secs(60), Duration::from_secs(600)];

/// An accepted message.
struct Taken {
    send: u32,
    since: Moment,
    /// Its outcome and the time of that; no outcome if it was dropped.
    became: Option<(Moment, Option<Known>)>,
}

/// The provider, with the mailboxes.
#[derive(Clone)]
pub struct MailProvider(Rc<Inner>);

struct Inner {
    facts: Facts<Fact>,
    review_queue: MailReviewQueue,
    messages: RefCell<Vec<Taken>>,
    events: Cell<u32>,
}

impl MailProvider {
    /// Creates a provider without messages, which reports outcomes to `review_queue`.
    pub fn new(facts: &Facts<Fact>, review_queue: &MailReviewQueue) -> Self {
        let (facts, review_queue) = (facts.clone(), review_queue.clone());
        Self(Rc::new(Inner { facts, review_queue, messages: RefCell::default(), events: Cell::default() }))
    }

    /// Boots the provider's node.
    pub fn boot(&self, env: &Env, operations: &ProviderApi) {
        let at = self.clone();
        operations.send.serve(env, move |env, message| at.clone().take(env, message));
        let at = self.clone();
        operations.activity.serve(env, move |env, sends| {
            let page = at.activity(&env, &sends);
            async move { page }
        });
    }

    fn state(&self, env: &Env, fact: MailProviderFact) {
        self.0.facts.state(env, &Fact::MailProvider(fact));
    }

    async fn take(self, env: Env, message: Message) -> Answer {
        self.state(&env, MailProviderFact::Asked { send: message.send });
        env.sleep(SERVICE).await;
        let outcome = OUTCOMES.names()[env.choose(OUTCOME, &OUTCOMES).index()];
        match outcome {
            "429" => return Answer::TooMany,
            "refuses" => {
                self.state(&env, MailProviderFact::Refused { send: message.send });
                return Answer::Rejected;
            }
            "5xx before" => return Answer::ServerError,
            _ => {}
        }
        let number = {
            let mut messages = self.0.messages.borrow_mut();
            messages.push(Taken { send: message.send, since: env.now(), became: None });
            messages.len() as u32
        };
        self.state(&env, MailProviderFact::Took { message: number, send: message.send });
        self.pass_on(&env, number, message);
        env.sleep(WRITES).await;
        if outcome == "5xx after" { Answer::ServerError } else { Answer::Accepted(number) }
    }

    /// Sends an accepted message, and reports its outcome.
    fn pass_on(&self, env: &Env, number: u32, message: Message) {
        let fate = FATES.names()[env.choose(FATE, &FATES).index()];
        if fate == "put off" {
            env.lasts(PUT_OFF);
        }
        let (overtakes, late) = news_time(env);
        let copies = 1 + env.choose(COPIES, &COPY).index();
        let sends_after = match fate {
            "put off" => PUT_OFF,
            _ if overtakes => Duration::ZERO,
            _ => SENDS_AFTER,
        };
        // The report overtakes the response, which is still being written.
        let news_after = if overtakes { Duration::from_millis(1) } else { NEWS_AFTER + late };
        let (at, env) = (self.clone(), env.clone());
        env.clone().spawn(async move {
            env.sleep(sends_after).await;
            let Some(became) = at.end(&env, fate, number, message) else { return };
            env.sleep(news_after).await;
            let event = at.0.events.get() + 1;
            at.0.events.set(event);
            for _ in 0..copies {
                at.report(env.child("news"), ProviderEvent { event, send: message.send, says: became });
            }
        });
    }

    /// Returns the outcome of a message; `None` if there will be no report of it.
    fn end(&self, env: &Env, fate: &str, number: u32, message: Message) -> Option<Known> {
        let Message { send, recipient, letter } = message;
        let became = match fate {
            "never sent" => None,
            "returned" => Some(Known::Bounced(number)),
            _ => Some(Known::Delivered(number)),
        };
        self.0.messages.borrow_mut()[number as usize - 1].became = Some((env.now(), became));
        self.state(
            env,
            match became {
                None => MailProviderFact::Dropped { message: number },
                Some(Known::Bounced(_)) => MailProviderFact::Returned { message: number, send, recipient },
                Some(_) => MailProviderFact::Arrived { message: number, send, recipient, letter },
            },
        );
        became
    }

    /// Sends a report until it is accepted.
    fn report(&self, env: Env, event: ProviderEvent) {
        let at = self.clone();
        env.clone().spawn(async move {
            at.state(&env, MailProviderFact::Reported { send: event.send, says: event.says });
            for tries in 0.. {
                let delivery = env.child("delivery");
                if delivery.call(&at.0.review_queue.reports, event, Duration::from_secs(10)).await == Ok(true)
                {
                    return;
                }
                env.sleep(AGAIN[usize::min(tries, AGAIN.len() - 1)]).await;
            }
        });
    }

    /// Returns the page's entries for these attempts; attempts that never reached the provider are missing.
    fn activity(&self, env: &Env, sends: &[u32]) -> Vec<Activity> {
        let age = env.now().since(Moment::START).saturating_sub(PAGE_AGE);
        let seen = |moment: Moment| moment.since(Moment::START) <= age;
        let messages = self.0.messages.borrow();
        let lines = (1..).zip(messages.iter()).filter(|(_, taken)| sends.contains(&taken.send));
        let lines = lines.filter(|(_, taken)| seen(taken.since)).map(|(number, taken)| Activity {
            send: taken.send,
            became: match taken.became {
                Some((since, became)) if seen(since) => became,
                _ => Some(Known::Accepted(number)),
            },
        });
        lines.collect()
    }
}

/// Returns whether the report overtakes the response, and its additional delay.
fn news_time(env: &Env) -> (bool, Duration) {
    let when = env.choose(NEWS, &NEWS_TIMES);
    if NEWS_TIMES.names().get(when.index()) == Some(&"before the answer") {
        return (true, Duration::ZERO);
    }
    let late = when.delay(&NEWS_TIMES);
    if !late.is_zero() {
        env.lasts(late);
    }
    (false, late)
}
