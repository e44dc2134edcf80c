//! A partner with a small reservation system: it reserves once under each key, and returns the first response to a
//! repeat.
//!
//! It may be unavailable for one request (503, nothing done), or closed for some time (503 during that time, possibly
//! for longer than the caller retries). It never refuses, decides later, calls back, or ends a reservation.

use crate::booking::connector::{ReserveRequest, ReserveResponse};
use crate::booking::rows::Standing;
use crate::facts::{Fact, PartnerFact};
use shakedown_sim::{Alternatives, Duration, Endpoint, Env, Facts, Label, Moment, Site};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

const OUTCOME: Site = Site::new(Label::new("partner.reserve"), Label::new("outcome"));
const OUTCOMES: Alternatives = Alternatives::new(&["confirms", "5xx before", "5xx after"]);
const CLOSED: Site = Site::new(Label::new("partner"), Label::new("closed"));
const CLOSURES: Alternatives =
    Alternatives::delays(&["open", "2 min", "4 min", "30 min"], (1_000, 1_800_000));

/// The time to make a reservation.
const SERVICE: Duration = Duration::from_millis(200);

/// The partner and its reservations, by key.
#[derive(Clone)]
pub struct Hotel(Rc<Inner>);

struct Inner {
    keys: RefCell<Vec<u64>>,
    closed_until: Cell<Moment>,
    facts: Facts<Fact>,
}

impl Hotel {
    /// Creates a partner without reservations.
    pub fn new(facts: &Facts<Fact>) -> Self {
        let (keys, closed_until) = (RefCell::default(), Cell::new(Moment::START));
        Self(Rc::new(Inner { keys, closed_until, facts: facts.clone() }))
    }

    /// Boots the partner's node.
    pub fn boot(&self, env: &Env, reserve: &Endpoint<ReserveRequest, ReserveResponse>) {
        let at = self.clone();
        reserve.serve(env, move |env, request| at.clone().reserve(env, request));
    }

    async fn reserve(self, env: Env, request: ReserveRequest) -> ReserveResponse {
        if env.now() >= self.0.closed_until.get() {
            let closed = env.choose_delay(CLOSED, &CLOSURES);
            self.0.closed_until.set(env.now() + closed);
        }
        env.sleep(SERVICE).await;
        if env.now() < self.0.closed_until.get() {
            return ReserveResponse::ServerError;
        }
        let outcome = OUTCOMES.names()[env.choose(OUTCOME, &OUTCOMES).index()];
        if outcome == "5xx before" {
            return ReserveResponse::ServerError;
        }
        let reservation = self.reservation(&env, request.key);
        if outcome == "5xx after" {
            ReserveResponse::ServerError
        } else {
            ReserveResponse::Confirmed(reservation)
        }
    }

    /// Returns the reservation under a key, which is made if there is none.
    fn reservation(&self, env: &Env, key: u64) -> u32 {
        let found = self.0.keys.borrow().iter().position(|other| *other == key);
        if let Some(at) = found {
            return at as u32 + 1;
        }
        self.0.keys.borrow_mut().push(key);
        let reservation = self.0.keys.borrow().len() as u32;
        let standing = Standing::Confirmed;
        self.0.facts.state(env, &Fact::Partner(PartnerFact::Reserved { reservation, standing }));
        reservation
    }
}
