//! Offers: items that can be booked, shown on pages through the cache, and changed by the back office.

use super::cache::{CacheApi, Fill, Found, Lease};
use super::offer_facts::OfferFact;
use super::platform::Platform;
use super::rows::Offer;
use crate::backbone::events::{self, Event};
use crate::backbone::relay::Consumer;
use crate::backbone::tables::{Statement, statement};
use crate::backbone::{Code, Reply};
use crate::booking::events::{ENDED, OFFER, REPRICED};
use crate::settings::{CACHE_LIFE, CACHE_TIMEOUT, MISSES_MAX, PAGE_CONNECTIONS, PAGE_READ};
use shakedown_sim::{Alternatives, Duration, Env, Fact, Facts, Label, Moment, Semaphore, Site, StoreError};
use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use tokio::sync::OnceCell;

const LIFE: Site = Site::new(Label::new("cache"), Label::new("life"));
/// The times to live are spread, so that values filled together do not expire together.
const LIVES: Alternatives = Alternatives::new(&["60 s", "48 s", "72 s"]);

/// The wait for a page that another node is filling.
const SOON: Duration = Duration::from_millis(50);
/// How often to retry then.
const TRIES: u32 = 20;
/// The longest wait of a page for its turn at the database before it is rejected.
const TURN: Duration = Duration::from_secs(1);
/// A result that is older than this is read again: the node was paused meanwhile.
const FLIGHT_MAX: Duration = Duration::from_millis(1_500);

/// Reads offers for pages on a node of the API: over a few connections to the database, and through the cache.
pub struct Pages {
    platform: Rc<Platform>,
    cache: CacheApi<Offer>,
    read: Statement<OfferFact>,
    connections: Semaphore,
    misses: Semaphore,
    flights: RefCell<Vec<Rc<Flight>>>,
}

/// A pending lookup: concurrent requests for the same offer share its result.
struct Flight {
    offer: u32,
    began: Moment,
    found: OnceCell<Reply<Offer>>,
}

impl Pages {
    /// Creates the pages of one node.
    pub(super) fn new<F>(
        env: &Env,
        platform: &Rc<Platform>,
        cache: &CacheApi<Offer>,
        facts: &Facts<F>,
    ) -> Rc<Self>
    where
        F: Fact + From<OfferFact> + 'static,
    {
        let (platform, cache, read) = (Rc::clone(platform), cache.clone(), statement(facts));
        let connections = Semaphore::new(env, "connections", PAGE_CONNECTIONS);
        let misses = Semaphore::new(env, "lookups", MISSES_MAX);
        Rc::new(Self { platform, cache, read, connections, misses, flights: RefCell::default() })
    }

    /// Returns the offer from the database; waits for a connection.
    pub(crate) async fn primary(&self, env: &Env, offer: u32) -> Result<Option<Offer>, StoreError> {
        (self.read)(env, OfferFact::Read { offer });
        let _connection = self.connections.acquire(env).await;
        // A lost connection shows at once: who shares the result must not wait for work that is not done.
        let row = self.platform.backbone.store.begin(env).get(&self.platform.tables.offers, &offer).await?;
        env.sleep(PAGE_READ).await;
        Ok(row)
    }

    /// Returns the offer through the cache. Of all concurrent requests one looks it up, and all share its result.
    pub(crate) async fn cached(&self, env: &Env, offer: u32) -> Reply<Offer> {
        loop {
            let flight = self.flight(env, offer);
            let look_up = || {
                let env = env.child("flight");
                async move { self.look_up(&env, offer).await }
            };
            let reply = *flight.found.get_or_init(look_up).await;
            self.flights.borrow_mut().retain(|other| !Rc::ptr_eq(other, &flight));
            if env.now() <= flight.began + FLIGHT_MAX {
                return reply;
            }
        }
    }

    /// Returns the pending lookup of this offer, or starts a new one.
    fn flight(&self, env: &Env, offer: u32) -> Rc<Flight> {
        let mut flights = self.flights.borrow_mut();
        if let Some(flight) = flights.iter().find(|flight| flight.offer == offer) {
            return Rc::clone(flight);
        }
        let flight = Rc::new(Flight { offer, began: env.now(), found: OnceCell::new() });
        flights.push(Rc::clone(&flight));
        flight
    }

    /// Reads from the cache, or from the database if the value is missing; then the cache is filled.
    async fn look_up(&self, env: &Env, offer: u32) -> Reply<Offer> {
        let mut lease = None;
        for _ in 0..TRIES {
            match env.child("look").call(&self.cache.get, offer, CACHE_TIMEOUT).await {
                Ok(Found::Hit(row)) => return Reply::of(row),
                Ok(Found::Soon) => env.sleep(SOON).await,
                Ok(Found::Miss(right)) => {
                    lease = Some(right);
                    break;
                }
                Err(_) => break,
            }
        }
        let Some(_turn) = env.timeout(TURN, self.misses.acquire(env)).await else {
            return Reply::bare(Code::Unavailable);
        };
        let read = self.primary(env, offer).await;
        if let (Ok(Some(row)), Some(lease)) = (&read, lease) {
            self.fill(env, *row, lease);
        }
        reply(read)
    }

    /// Fills the cache with the value, without waiting for it.
    fn fill(&self, env: &Env, row: Offer, lease: Lease) {
        let lease = self.platform.design.invalidation.fills_by(lease);
        let fill = Fill { key: row.id, value: row, life: life(env), lease };
        let (env, cache) = (env.clone(), self.cache.clone());
        env.clone().spawn(async move {
            let _ = env.call(&cache.fill, fill, CACHE_TIMEOUT).await;
        });
    }
}

fn life(env: &Env) -> Duration {
    match env.choose(LIFE, &LIVES).index() {
        1 => CACHE_LIFE * 4 / 5,
        2 => CACHE_LIFE * 6 / 5,
        _ => CACHE_LIFE,
    }
}

/// Returns the response of a page for the result of a read.
pub(crate) fn reply(read: Result<Option<Offer>, StoreError>) -> Reply<Offer> {
    match read {
        Ok(Some(row)) => Reply::of(row),
        Ok(None) => Reply::bare(Code::Rejected),
        Err(_) => Reply::bare(Code::Unavailable),
    }
}

/// A change of an offer by the back office.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OfferChange {
    /// It cannot be booked from now on.
    Ends,
    /// Its price is this from now on, in minor units.
    Costs(u32),
}

/// Changes an offer. Repeating the same change has no effect.
pub(super) async fn change(
    env: &Env,
    platform: &Platform,
    (offer, change): (u32, OfferChange),
) -> Result<Code, StoreError> {
    let offers = &platform.tables.offers;
    let mut tx = platform.backbone.store.begin(env);
    let Some(before) = tx.lock(offers, &offer).await? else { return Ok(Code::Rejected) };
    let (after, what) = match change {
        OfferChange::Ends => (Offer { open: false, ..before }, ENDED),
        OfferChange::Costs(price) => (Offer { price, ..before }, REPRICED),
    };
    if after != before {
        let after = Offer { version: before.version + 1, ..after };
        tx.update(offers, after).await?;
        let (subject, context) = (OFFER.row(offer), env.scope());
        let event = Event { subject, version: after.version, what, party: 0, context };
        events::record(&mut tx, &platform.backbone, event).await?;
        tx.commit("change offer").await?;
        events::follow_up(env, &platform.backbone, Some(event)).await;
    }
    Ok(Code::Ok)
}

/// Deletes changed offers from the cache.
pub struct Forgetting {
    /// The flow whose cache it is.
    pub platform: Rc<Platform>,
}

impl Consumer for Forgetting {
    fn take(&self, env: Env, event: Event) -> Pin<Box<dyn Future<Output = bool>>> {
        let Some(cache) = self.platform.cache.clone() else { return Box::pin(async { true }) };
        let deletes = self.platform.design.invalidation.deletes();
        Box::pin(async move {
            match event.subject.row_of(OFFER) {
                Some(offer) if deletes => env.call(&cache.delete, offer, CACHE_TIMEOUT).await.is_ok(),
                _ => true,
            }
        })
    }
}
