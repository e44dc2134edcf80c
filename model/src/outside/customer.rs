//! A customer: impatient and honest, guided only by the screen.
//!
//! A customer asks for a price and presses "book". While the spinner turns they may press again, send the order again
//! from another tab, or reload the page and start over; when the screen says "try again", they do so a few times. The
//! screen of the booking begins with the response to the order, stays open and polls for news; where screens have
//! connections, it also receives pushed news. It never goes back to an older version. A screen is closed that
//! has shown for a minute that the booking does not exist. Customers may change their mind, at once or later, if the screen
//! still offers to cancel. If the screen shows "being checked", they wait. A customer who was given the link to the quote of
//! another may order with it.

use crate::backbone::Reply;
use crate::booking::api::{Offered, QuoteRequest, Submission, View};
use crate::booking::clients::Action;
use crate::facts::{BookingFact, Code, EventFact, Fact, Word};
use crate::outside::edge::Edge;
use crate::settings::{BROWSER_TIMEOUT, SCREEN_PERIOD};
use shakedown_sim::{Alternatives, CallError, Duration, Endpoint, Env, Facts, Label, Poller, Signal, Site};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

const CUSTOMER: Label = Label::new("customer");
const IMPATIENCE: Site = Site::new(CUSTOMER, Label::new("impatience"));
const FOREIGN_LINK: Site = Site::new(CUSTOMER, Label::new("foreign link"));
const SECOND_THOUGHTS: Site = Site::new(CUSTOMER, Label::new("second thoughts"));
const WAYS: Alternatives = Alternatives::new(&["waits", "clicks again", "sends again from a tab", "reloads"]);
const LINKS: Alternatives = Alternatives::new(&["ignores it", "orders with it"]);
const THOUGHTS: Alternatives = Alternatives::new(&[
    "keeps it",
    "cancels at once",
    "cancels soon",
    "cancels later",
    "cancels at the result",
]);

/// How often a customer tries again when the response allows it.
const TRIES: u32 = 6;
/// How often a screen polls for a booking that does not exist.
const LOOKS_IN_VAIN: u32 = 12;
/// The wait before a retry.
const PAUSE: Duration = Duration::from_secs(3);

/// The quotes that customers pass on to each other: the number of the customer and of the quote.
pub type SharedLinks = Rc<RefCell<Vec<(u32, u32)>>>;

/// A customer, in front of a screen.
#[derive(Clone)]
pub struct Customer(Rc<Inner>);

struct Inner {
    number: u32,
    edge: Edge,
    facts: Facts<Fact>,
    /// Notifies an open screen that a poll may return new data.
    news: Signal,
    links: SharedLinks,
    /// The bookings on this customer's screens, each with the newest version that was shown.
    seen: RefCell<Vec<(u32, u32)>>,
    /// Whether the one intent was cancelled already.
    cancelled: Cell<bool>,
    /// The booking that is cancelled as soon as a screen shows it as confirmed, with the handle for that.
    regretted: RefCell<Option<(Env, u32)>>,
}

impl Customer {
    /// Creates the customer with this number. `news` is raised when a booking's row changes: a screen that polled in
    /// between would have seen no change.
    pub fn new(number: u32, edge: &Edge, facts: &Facts<Fact>, news: &Signal) -> Self {
        Self::sharing(number, edge, facts, news, &SharedLinks::default())
    }

    /// Like [`Customer::new`], for a customer who passes on quotes through this list and receives those of others.
    pub fn sharing(
        number: u32,
        edge: &Edge,
        facts: &Facts<Fact>,
        news: &Signal,
        links: &SharedLinks,
    ) -> Self {
        let (edge, facts, news, links) = (edge.clone(), facts.clone(), news.clone(), Rc::clone(links));
        Self(Rc::new(Inner {
            number,
            edge,
            facts,
            news,
            links,
            seen: RefCell::default(),
            cancelled: Cell::new(false),
            regretted: RefCell::default(),
        }))
    }

    /// Books this offer, once.
    pub async fn book(&self, env: &Env, offer: u32) {
        self.0.facts.state(env, &Fact::Booking(BookingFact::Wanted { customer: self.0.number }));
        let Some(Offered { quote, price, .. }) = self.ask_price(env, offer).await else { return };
        self.follow_link(env, quote, price).await;
        let order = Submission { customer: self.0.number, quote, price };
        let impatience = WAYS.names()[env.choose(IMPATIENCE, &WAYS).index()];
        let first = env.child("click");
        match impatience {
            "waits" => self.submit(&first, order).await,
            "clicks again" => {
                self.twice(&first, &env.child("click"), order, Duration::from_millis(150)).await
            }
            "sends again from a tab" => {
                self.twice(&first, &env.child("click"), order, Duration::from_secs(2)).await;
            }
            _ => self.reload(env, &first, order, offer).await,
        }
    }

    /// Passes on the own quote, and may order with that of another, for the own price.
    async fn follow_link(&self, env: &Env, own: u32, price: u32) {
        let customer = self.0.number;
        let foreign = self.0.links.borrow().iter().rev().find(|(of, _)| *of != customer).copied();
        self.0.links.borrow_mut().push((customer, own));
        let Some((_, quote)) = foreign else { return };
        if LINKS.names()[env.choose(FOREIGN_LINK, &LINKS).index()] == "orders with it" {
            let order = Submission { customer, quote, price };
            // The customer orders with the own quote next, whatever the response is.
            let _ = env.child("link").call(&self.0.edge.submit, order, BROWSER_TIMEOUT).await;
        }
    }

    async fn ask_price(&self, env: &Env, offer: u32) -> Option<Offered> {
        for _ in 0..TRIES {
            let asked = QuoteRequest { customer: self.0.number, offer };
            let reply = env.child("page").call(&self.0.edge.quote, asked, BROWSER_TIMEOUT).await;
            if let Ok(reply) = reply
                && let Some(offered) = reply.body
            {
                return Some(offered);
            }
            env.sleep(PAUSE).await;
        }
        None
    }

    /// Presses the button a second time, while the first request is pending.
    async fn twice(&self, first: &Env, second: &Env, order: Submission, after: Duration) {
        let (at, again) = (self.clone(), second.clone());
        second.spawn(async move {
            again.sleep(after).await;
            at.submit(&again, order).await;
        });
        self.submit(first, order).await;
    }

    /// Reloads the page while the request is pending, and starts over.
    async fn reload(&self, env: &Env, first: &Env, order: Submission, offer: u32) {
        let (at, again) = (self.clone(), env.clone());
        env.spawn(async move {
            again.sleep(Duration::from_millis(500)).await;
            match at.ask_price(&again, offer).await {
                Some(Offered { over: Some(booking), .. }) => at.watch(&again.child("click"), booking, None),
                Some(Offered { quote, price, .. }) => {
                    at.submit(&again.child("click"), Submission { customer: at.0.number, quote, price })
                        .await;
                }
                None => {}
            }
        });
        self.submit(first, order).await;
    }

    /// Sends the order until it is accepted or permanently rejected, and then watches the booking.
    async fn submit(&self, env: &Env, order: Submission) {
        for _ in 0..TRIES {
            let reply = env.child("request").call(&self.0.edge.submit, order, BROWSER_TIMEOUT).await;
            match reply.map(|reply| (reply.code, reply.body)) {
                Ok((Code::Accepted | Code::Ok, Some(first))) => {
                    return self.watch(env, first.booking, Some(first));
                }
                Ok((Code::Rejected, _)) => {
                    let turned_away =
                        BookingFact::TurnedAway { customer: order.customer, quote: order.quote };
                    return self.0.facts.state(env, &Fact::Booking(turned_away));
                }
                _ => env.because(|| "the screen says to try again".to_owned()),
            }
            env.sleep(PAUSE).await;
        }
    }

    /// Opens a screen on the booking, which begins with this view if there is one, and may cancel the booking.
    fn watch(&self, env: &Env, booking: u32, first: Option<View>) {
        if self.0.seen.borrow().iter().any(|(seen, _)| *seen == booking) {
            return;
        }
        self.0.seen.borrow_mut().push((booking, 0));
        let (at, screen) = (self.clone(), env.child("screen"));
        if let Some(first) = first {
            self.show(&screen, first);
        }
        screen.clone().spawn(async move {
            let mut poller = Poller::new(&screen, &at.0.news, SCREEN_PERIOD);
            let (mut again, mut in_vain) = (None, 0);
            while in_vain < LOOKS_IN_VAIN {
                poller.turn(again).await;
                let shown = at.look(&screen.child("look"), booking).await;
                in_vain = if shown == Ok(Code::Rejected) { in_vain + 1 } else { 0 };
                again = (shown != Ok(Code::Ok)).then(|| screen.now() + SCREEN_PERIOD);
            }
        });
        let thought = THOUGHTS.names()[env.choose(SECOND_THOUGHTS, &THOUGHTS).index()];
        let after = match thought {
            "cancels at once" => Duration::from_millis(100),
            "cancels soon" => Duration::from_secs(4),
            "cancels later" => Duration::from_secs(900),
            "cancels at the result" => return drop(self.0.regretted.replace(Some((env.clone(), booking)))),
            _ => return,
        };
        let (at, env) = (self.clone(), env.clone());
        env.clone().spawn(async move {
            env.sleep(after).await;
            at.cancel(&env, booking).await;
        });
    }

    /// Connects the open screen, so that it receives news.
    pub fn listen(&self, env: &Env, screen: &Endpoint<View, ()>) {
        let at = self.clone();
        screen.serve(env, move |env, news| {
            let (customer, booking, version) = (at.0.number, news.booking, news.version);
            at.0.facts.state(&env, &Fact::Event(EventFact::Received { customer, booking, version }));
            at.show(&env, news);
            async {}
        });
    }

    /// Shows news on the open screen.
    fn show(&self, env: &Env, view: View) {
        let mut seen = self.0.seen.borrow_mut();
        let screen = seen.iter_mut().find(|(booking, _)| *booking == view.booking);
        if let Some((_, version)) = screen.filter(|(_, version)| *version < view.version) {
            *version = view.version;
            self.shows(env, view, false);
            if view.word == Word::Confirmed {
                self.regret(view.booking);
            }
        }
    }

    /// Cancels the booking if the customer has decided to cancel it at its result.
    fn regret(&self, booking: u32) {
        let regretted = self.0.regretted.borrow_mut().take_if(|(_, regretted)| *regretted == booking);
        let Some((env, booking)) = regretted else { return };
        let at = self.clone();
        env.clone().spawn(async move { at.cancel(&env, booking).await });
    }

    fn shows(&self, env: &Env, View { booking, version, word, .. }: View, fresh: bool) {
        let customer = self.0.number;
        let shown = BookingFact::Shown { customer, fresh, booking, version, word };
        self.0.facts.state(env, &Fact::Booking(shown));
    }

    async fn load(&self, env: &Env, booking: u32) -> Result<Reply<View>, CallError> {
        env.call(&self.0.edge.status, booking, BROWSER_TIMEOUT).await
    }

    /// Polls for news on the open screen; returns the code of the response.
    async fn look(&self, env: &Env, booking: u32) -> Result<Code, CallError> {
        let Reply { code, body } = self.load(env, booking).await?;
        body.into_iter().for_each(|view| self.show(env, view));
        Ok(code)
    }

    async fn cancel(&self, env: &Env, booking: u32) {
        if self.0.cancelled.replace(true) {
            return;
        }
        for _ in 0..TRIES {
            let look = env.child("cancel");
            let may = self.load(&look, booking).await.ok().and_then(|reply| reply.body);
            if may.is_some_and(|view| !view.actions.contains(&Action::Cancel)) {
                return;
            }
            let reply = look.call(&self.0.edge.cancel, booking, BROWSER_TIMEOUT).await;
            if reply.is_ok_and(|reply| matches!(reply.code, Code::Accepted | Code::Rejected)) {
                return;
            }
            env.sleep(PAUSE).await;
        }
    }

    /// Reloads the screen of each booking.
    pub fn show_reloaded(&self, env: &Env) {
        let (at, env) = (self.clone(), env.clone());
        env.clone().spawn(async move {
            let seen = at.0.seen.borrow().clone();
            for (booking, _) in seen {
                let env = env.child("fresh");
                if let Ok(Reply { body: Some(view), .. }) = at.load(&env, booking).await {
                    at.shows(&env, view, true);
                }
            }
        });
    }
}
