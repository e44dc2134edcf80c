//! The booking API: quotes, submissions, status, cancellations; and the partner's callbacks.

use super::case::Case;
use super::change;
use super::clients::{self, Action};
use super::connector::Callback;
use super::facts::Word;
use super::inbox;
use super::offer_facts::OfferFact;
use super::offers::{self, OfferChange, Pages};
use super::platform::{Platform, job_for};
use super::rows::{Attention, Booking, Offer, Quote, Status};
use super::summaries::{ListRequest, Summary};
use crate::backbone::events::{self, Event};
use crate::backbone::jobs::{self, Job};
use crate::backbone::retry::in_transaction;
use crate::backbone::threads::Threads;
use crate::backbone::{Code, Reply};
use crate::settings::{QUOTE_OPEN, QUOTE_SAME};
use shakedown_sim::{Endpoint, Env, Fact, Facts, Isolation, Link, Op, Row, StoreError};
use std::rc::Rc;

/// A request for a price.
#[derive(Clone, Copy, Debug)]
pub struct QuoteRequest {
    /// The caller.
    pub customer: u32,
    /// The offer.
    pub offer: u32,
}

/// A price, as the page shows it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Offered {
    /// The quote to accept.
    pub quote: u32,
    /// The price, in minor units.
    pub price: u32,
    /// A recent booking of the same offer by the same customer that is over already: the page shows how it ended,
    /// beside the price.
    pub over: Option<u32>,
}

/// The order to book at a quoted price.
#[derive(Clone, Copy, Debug)]
pub struct Submission {
    /// The customer.
    pub customer: u32,
    /// The accepted quote.
    pub quote: u32,
    /// The price that the customer saw.
    pub price: u32,
}

/// The data that a screen needs to show a booking.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct View {
    /// The booking.
    pub booking: u32,
    /// The version of its row.
    pub version: u32,
    /// The newest version that was published as an event: lists show no newer one.
    pub published: u32,
    /// The code of its state, for machines.
    pub code: &'static str,
    /// The text to show.
    pub word: Word,
    /// The actions to offer.
    pub actions: &'static [Action],
}

impl View {
    /// Returns the view of this version of a booking.
    pub(crate) fn of(platform: &Platform, row: &Booking) -> Self {
        let (booking, version, published) = (row.id, row.version, row.published);
        let word = platform.design.booking_contract.word(row);
        let (code, actions) = (clients::code(row), clients::actions(word));
        Self { booking, version, published, code, word, actions }
    }
}

/// The operations of the booking API.
#[derive(Clone)]
pub struct Api {
    /// Shows an offer.
    pub offer: Endpoint<u32, Reply<Offer>>,
    /// Changes an offer: for the back office.
    pub change_offer: Endpoint<(u32, OfferChange), Reply<()>>,
    /// Quotes a price.
    pub quote: Endpoint<QuoteRequest, Reply<Offered>>,
    /// Submits an order; the response is the first view of the booking.
    pub submit: Endpoint<Submission, Reply<View>>,
    /// Shows a booking's summary, as in lists.
    pub list: Endpoint<ListRequest, Reply<Summary>>,
    /// Shows the state of a booking.
    pub status: Endpoint<u32, Reply<View>>,
    /// Cancels a booking.
    pub cancel: Endpoint<u32, Reply<()>>,
    /// Receives the partner's callbacks.
    pub callback: Endpoint<Callback, bool>,
}

impl Api {
    /// Creates the operations: those of customers behind the edge over `inside`, callbacks over `callbacks`.
    pub fn over(inside: &Link, callbacks: &Link) -> Self {
        Self {
            offer: Endpoint::new(Op::routine("api.offer", "passes on the request for an offer"), inside),
            change_offer: Endpoint::new(Op::new("api.change_offer", "changes the offer"), inside),
            quote: Endpoint::new(Op::routine("api.quote", "passes on the request for a price"), inside),
            submit: Endpoint::new(Op::routine("api.submit", "passes on the order"), inside),
            list: Endpoint::new(Op::routine("api.list", "passes on the request for the list"), inside),
            status: Endpoint::new(Op::routine("api.status", "passes on the request for the booking"), inside),
            cancel: Endpoint::new(Op::routine("api.cancel", "passes on the cancellation"), inside),
            callback: Endpoint::new(Op::new("api.callback", "sends a callback"), callbacks),
        }
    }

    /// Boots a node of the API that also serves pages of offers, through the platform's cache.
    ///
    /// # Panics
    /// If the platform has no cache.
    pub fn boot_pages<F>(&self, env: &Env, platform: &Rc<Platform>, facts: &Facts<F>)
    where
        F: Fact + From<OfferFact> + 'static,
    {
        let cache = platform.cache.as_ref().expect("pages are served where there is a cache");
        let pages = Pages::new(env, platform, cache, facts);
        let at = Rc::clone(platform);
        self.offer.serve(env, move |env, offer| at.design.read_cache.read(env, Rc::clone(&pages), offer));
        let at = Rc::clone(platform);
        self.change_offer.serve(env, move |env, asked| change_offer(env, Rc::clone(&at), asked));
    }

    /// Boots a node of the API with enough threads for any load.
    pub fn boot(&self, env: &Env, platform: &Rc<Platform>) {
        self.boot_on(env, platform, &Threads::plenty());
    }

    /// Boots a node of the API, which serves each request on one of its threads.
    pub fn boot_on(&self, env: &Env, platform: &Rc<Platform>, threads: &Threads) {
        let at = Rc::clone(platform);
        threads.serve(env, &self.quote, move |env, asked| quote(env, Rc::clone(&at), asked));
        let at = Rc::clone(platform);
        threads.serve(env, &self.submit, move |env, order| submit(env, Rc::clone(&at), order));
        let at = Rc::clone(platform);
        threads.serve(env, &self.list, move |env, request| {
            at.design.read_model.list(env, Rc::clone(&at), request)
        });
        let at = Rc::clone(platform);
        threads.serve(env, &self.status, move |env, booking| status(env, Rc::clone(&at), booking));
        let at = Rc::clone(platform);
        threads.serve(env, &self.cancel, move |env, booking| cancel(env, Rc::clone(&at), booking));
        let at = Rc::clone(platform);
        threads
            .serve(env, &self.callback, move |env, callback| inbox::receive(env, Rc::clone(&at), callback));
    }
}

async fn quote(env: Env, platform: Rc<Platform>, asked: QuoteRequest) -> Reply<Offered> {
    let made = in_transaction(&env, async || {
        let tables = &platform.tables;
        let now = platform.backbone.now(&env);
        let mut tx = platform.backbone.store.begin(&env);
        let QuoteRequest { customer, offer } = asked;
        let Some(Offer { price, open: true, .. }) = tx.get(&tables.offers, &offer).await? else {
            return Ok(None);
        };
        let mut quotes =
            tx.scan(&tables.quotes, |quote| quote.customer == customer && quote.offer == offer).await?;
        let round = quotes.len() as u32 + 1;
        quotes.retain(|quote| now < quote.made + QUOTE_SAME);
        let booked =
            tx.scan(&tables.bookings, |row| quotes.iter().any(|quote| quote.id == row.quote)).await?;
        let ended = |quote: u32| booked.iter().find(|row| row.quote == quote && row.status.is_final());
        let over = quotes.iter().find_map(|quote| ended(quote.id)).map(|row| row.id);
        if let Some(open) = quotes.iter().find(|quote| ended(quote.id).is_none()) {
            return Ok(Some(Offered { quote: open.id, price: open.price, over }));
        }
        let id = platform.numbers.quotes.next();
        let quote = Quote { id, customer, offer, round, price, made: now, open_until: now + QUOTE_OPEN };
        if !tx.insert_or_ignore(&tables.quotes, quote).await? {
            let other = tx.get_by_unique(&tables.quotes, quote.unique().unwrap_or_default()).await?;
            let other = other.unwrap_or(quote);
            return Ok(Some(Offered { quote: other.id, price: other.price, over }));
        }
        tx.commit("quote").await?;
        Ok(Some(Offered { quote: id, price, over }))
    });
    match made.await {
        Ok(Some(offered)) => Reply::of(offered),
        Ok(None) => Reply::bare(Code::Rejected),
        Err(_) => Reply::bare(Code::Unavailable),
    }
}

async fn submit(env: Env, platform: Rc<Platform>, order: Submission) -> Reply<View> {
    let design = &platform.design;
    let acknowledged = |code, row| {
        let view = View::of(&platform, row);
        Reply { code, body: Some(design.honest_acknowledgement.first_view(view)) }
    };
    match in_transaction(&env, async || accept(&env, &platform, order).await).await {
        Err(_) => Reply::bare(Code::Unavailable),
        Ok(Accepted::Not) => Reply::bare(Code::Rejected),
        Ok(Accepted::Before(row)) => acknowledged(Code::Accepted, &row),
        Ok(Accepted::Now(row, job, event)) => {
            if !events::follow_up(&env, &platform.backbone, Some(event)).await {
                return acknowledged(Code::BadGateway, &row);
            }
            let code = design.background_sync.follow_up(env, Rc::clone(&platform), job).await;
            acknowledged(code, &row)
        }
    }
}

/// The outcome of a submission.
enum Accepted {
    Now(Booking, Job, Event),
    Before(Booking),
    Not,
}

async fn accept(env: &Env, platform: &Rc<Platform>, order: Submission) -> Result<Accepted, StoreError> {
    let tables = &platform.tables;
    let now = platform.backbone.now(env);
    let mut tx = platform.backbone.store.begin(env);
    let Some(quote) = tx.get(&tables.quotes, &order.quote).await? else { return Ok(Accepted::Not) };
    let once = platform.design.idempotency_store.once(&quote);
    let context = env.scope();
    let booking = Booking {
        id: platform.numbers.bookings.next(),
        quote: quote.id,
        once,
        customer: order.customer,
        price: quote.price,
        status: Status::Accepted,
        attention: Attention::None,
        generation: 1,
        reservation: None,
        version: 1,
        published: 1,
        accepted: now,
        context,
    };
    let Some(event) = change::insert(&mut tx, platform, booking).await? else {
        let before = tx.get_by_unique(&tables.bookings, once.unwrap_or_default()).await?;
        let repeat =
            |row: &Booking| platform.design.idempotency_store.is_repeat(row, order.customer, order.price);
        env.because(|| "this quote was accepted before".to_owned());
        return Ok(before.filter(repeat).map_or(Accepted::Not, Accepted::Before));
    };
    let offer = platform.design.freshness_policy.offer(env, &mut tx, platform, quote.offer).await?;
    if offer.is_none_or(|offer| !offer.open || offer.price != quote.price) {
        env.because(|| "the offer has changed since the quote".to_owned());
        return Ok(Accepted::Not);
    }
    if now >= quote.open_until || order.price != quote.price || order.customer != quote.customer {
        return Ok(Accepted::Not);
    }
    let job = jobs::first(&platform.backbone, job_for(booking.id, context), now);
    let job = platform.design.background_sync.first(job, now);
    platform.design.work_queue.put(&mut tx, platform, job).await?;
    tx.commit("accept").await?;
    Ok(Accepted::Now(booking, job, event))
}

async fn change_offer(env: Env, platform: Rc<Platform>, asked: (u32, OfferChange)) -> Reply<()> {
    let changed = in_transaction(&env, async || offers::change(&env, &platform, asked).await).await;
    Reply::bare(changed.unwrap_or(Code::Unavailable))
}

async fn status(env: Env, platform: Rc<Platform>, booking: u32) -> Reply<View> {
    let mut tx = platform.backbone.store.begin(&env);
    match tx.get(&platform.tables.bookings, &booking).await {
        Err(_) => Reply::bare(Code::Unavailable),
        Ok(None) => Reply::bare(Code::Rejected),
        Ok(Some(row)) => Reply::of(View::of(&platform, &row)),
    }
}

async fn cancel(env: Env, platform: Rc<Platform>, booking: u32) -> Reply<()> {
    match in_transaction(&env, async || cancelled(&env, &platform, booking).await).await {
        Ok((code, event)) => match events::follow_up(&env, &platform.backbone, event).await {
            true => Reply::bare(code),
            false => Reply::bare(Code::BadGateway),
        },
        Err(_) => Reply::bare(Code::Unavailable),
    }
}

async fn cancelled(
    env: &Env,
    platform: &Platform,
    booking: u32,
) -> Result<(Code, Option<Event>), StoreError> {
    let tables = &platform.tables;
    // At repeatable read the snapshot would be older than the lock: an attempt that the last holder of the lock has stored
    // would be missing, and the booking would end although the partner is asked to reserve.
    let mut tx = platform.backbone.store.begin_at(env, Isolation::ReadCommitted);
    let Some(row) = tx.lock(&tables.bookings, &booking).await? else { return Ok((Code::Rejected, None)) };
    if matches!(row.status, Status::Cancelling | Status::Cancelled) {
        return Ok((Code::Accepted, None));
    }
    if row.status.is_final() {
        return Ok((Code::Rejected, None));
    }
    let attempts = tx.scan(&tables.attempts, |attempt| attempt.booking == booking).await?;
    let holdings = tx.scan(&tables.holdings, |holding| holding.booking == booking).await?;
    let (news, terms, now) = (Vec::new(), platform.terms, platform.backbone.now(env));
    let mut case = Case { booking: row, attempts, holdings, news, terms, now };
    case.moved(if case.attempts.is_empty() && row.status == Status::Accepted {
        Status::Cancelled
    } else {
        Status::Cancelling
    });
    let event = change::update(&mut tx, platform, &row, case.booking).await?;
    jobs::wake(&mut tx, &platform.backbone, job_for(booking, row.context), now).await?;
    tx.commit("cancel").await?;
    Ok((Code::Accepted, event))
}
