//! A shopper: books once, follows the list of bookings, and may cancel.
//!
//! The list stays open and polls for news; it may also be loaded immediately after the booking was accepted. It
//! requests at least the newest version that the shopper has seen or received.

use crate::booking::api::{Offered, QuoteRequest, Submission, View};
use crate::booking::summaries::ListRequest;
use crate::facts::{BookingFact, Code, EventFact, Fact};
use crate::outside::edge::Edge;
use crate::settings::BROWSER_TIMEOUT;
use shakedown_sim::{Alternatives, Duration, Env, Facts, Label, Poller, Signal, Site};
use std::cell::Cell;
use std::rc::Rc;

const FIRST_LOOK: Site = Site::new(Label::new("shopper"), Label::new("first look"));
const LOOKS: Alternatives =
    Alternatives::new(&["later", "at once", "while the partner decides", "as the partner answers"]);

const SECOND_THOUGHTS: Site = Site::new(Label::new("shopper"), Label::new("second thoughts"));
const THOUGHTS: Alternatives = Alternatives::new(&["keeps it", "cancels"]);
/// The time from the order to its cancellation.
const THINKS: Duration = Duration::from_secs(10);

/// How often a shopper tries again.
const TRIES: u32 = 6;
/// The wait before a retry.
const PAUSE: Duration = Duration::from_secs(3);
/// The period at which the open list polls for news.
const PERIOD: Duration = Duration::from_secs(60);

/// A shopper.
#[derive(Clone)]
pub struct Shopper(Rc<Inner>);

struct Inner {
    number: u32,
    edge: Edge,
    facts: Facts<Fact>,
    news: Signal,
    /// The booking, once it was accepted, and the newest version of it that was shown or received.
    booking: Cell<Option<(u32, u32)>>,
}

impl Shopper {
    /// Creates the shopper with this number. `news` is raised when a list may show something new.
    pub fn new(number: u32, edge: &Edge, facts: &Facts<Fact>, news: &Signal) -> Self {
        let (edge, facts, news) = (edge.clone(), facts.clone(), news.clone());
        Self(Rc::new(Inner { number, edge, facts, news, booking: Cell::new(None) }))
    }

    /// Books this offer, and opens the list.
    pub async fn shop(&self, env: &Env, offer: u32) {
        let customer = self.0.number;
        self.0.facts.state(env, &Fact::Booking(BookingFact::Wanted { customer }));
        let Some(View { booking, version, published, .. }) = self.book(env, offer).await else { return };
        self.0.facts.state(env, &Fact::Event(EventFact::Received { customer, booking, version }));
        self.0.booking.set(Some((booking, published)));
        let first = match env.choose(FIRST_LOOK, &LOOKS).index() {
            0 => Duration::from_secs(30),
            1 => Duration::ZERO,
            2 => Duration::from_millis(200),
            _ => Duration::from_millis(270),
        };
        if env.choose(SECOND_THOUGHTS, &THOUGHTS).index() == 1 {
            let (at, cancellation) = (self.clone(), env.child("cancellation"));
            cancellation.clone().spawn(async move { at.cancel(&cancellation, booking).await });
        }
        let (at, list) = (self.clone(), env.child("list"));
        list.clone().spawn(async move {
            list.sleep(first).await;
            at.look(&list.child("look"), false).await;
            at.follow(&list).await;
        });
    }

    async fn book(&self, env: &Env, offer: u32) -> Option<View> {
        let customer = self.0.number;
        for _ in 0..TRIES {
            let env = env.child("request");
            let asked = env.call(&self.0.edge.quote, QuoteRequest { customer, offer }, BROWSER_TIMEOUT).await;
            if let Some(Offered { quote, price, .. }) = asked.ok().and_then(|reply| reply.body) {
                let order = Submission { customer, quote, price };
                let reply = env.call(&self.0.edge.submit, order, BROWSER_TIMEOUT).await;
                match reply.map(|reply| (reply.code, reply.body)) {
                    Ok((Code::Accepted | Code::Ok, Some(view))) => return Some(view),
                    Ok((Code::Rejected, _)) => return None,
                    _ => {}
                }
            }
            env.sleep(PAUSE).await;
        }
        None
    }

    async fn cancel(&self, env: &Env, booking: u32) {
        env.sleep(THINKS).await;
        for _ in 0..TRIES {
            let reply = env.child("request").call(&self.0.edge.cancel, booking, BROWSER_TIMEOUT).await;
            if reply.is_ok_and(|reply| matches!(reply.code, Code::Accepted | Code::Rejected)) {
                return;
            }
            env.sleep(PAUSE).await;
        }
    }

    /// Polls for news whenever there may be some.
    async fn follow(&self, list: &Env) {
        let mut poller = Poller::new(list, &self.0.news, PERIOD);
        let mut again = None;
        loop {
            poller.turn(again).await;
            let shown = self.look(&list.child("look"), false).await;
            again = (!shown).then(|| list.now() + PERIOD);
        }
    }

    /// Loads the list. Returns whether it could be loaded.
    async fn look(&self, env: &Env, fresh: bool) -> bool {
        let Some((booking, seen)) = self.0.booking.get() else { return true };
        let reply = env.call(&self.0.edge.list, ListRequest { booking, seen }, BROWSER_TIMEOUT).await;
        let Some(summary) = reply.ok().and_then(|reply| reply.body) else { return false };
        self.0.booking.set(Some((booking, seen.max(summary.version))));
        let customer = self.0.number;
        self.0.facts.state(env, &Fact::Event(EventFact::Listed { customer, fresh, summary }));
        true
    }

    /// Reloads the list.
    pub fn show_reloaded(&self, env: &Env) {
        let (at, env) = (self.clone(), env.clone());
        env.clone().spawn(async move {
            at.look(&env.child("fresh"), true).await;
        });
    }
}
