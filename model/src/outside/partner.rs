//! A partner that takes reservations.
//!
//! Behaviour, as of such partners: it may confirm, hold for a later decision, refuse, throttle (429, no effect), fail
//! before or after the effect (5xx), or return a malformed response. Under an idempotency key it returns the first result
//! to a repeat as long as the key lives; refusals are not stored under the key. Its lookup by reference lags behind its
//! ledger. It calls back at least once for each change, in any order, before or long after its response, and sometimes with
//! a false state; each event has its own number, which repeats share. It may end a reservation by itself. Cancellations may
//! be repeated. It charges when a reservation is confirmed and refunds when that reservation ends. It may bind a customer
//! to a confirmed reservation: from then on it refuses to cancel it. Its statement is true and complete, and so is its page
//! for people.
//!
//! It never makes two reservations for one request, or states a falsehood in its statement, its lookup or a response
//! about a reservation.
//!
//! Sources: the IETF draft "The Idempotency-Key HTTP Header Field" and public API documentation of payment
//! and travel vendors on retries, keys, lookups and webhooks.

use crate::booking::api::Api;
use crate::booking::connector::{
    Callback, CancelRequest, CancelResponse, PartnerApi, Record, ReserveRequest, ReserveResponse,
};
use crate::booking::rows::Standing;
use crate::facts::{Fact, PartnerFact};
use crate::settings::PartnerTerms;
use shakedown_sim::{Alternatives, Duration, Endpoint, Env, Facts, Label, Link, Moment, Op, Signal, Site};
use std::cell::RefCell;
use std::rc::Rc;

const PARTNER: Label = Label::new("partner");
const RESERVE: Site = Site::new(Label::new("partner.reserve"), Label::new("outcome"));
const CANCEL: Site = Site::new(Label::new("partner.cancel"), Label::new("outcome"));
const LAG: Site = Site::new(Label::new("partner.lookup"), Label::new("lag"));
const DECISION: Site = Site::new(PARTNER, Label::new("decision"));
const LATER: Site = Site::new(PARTNER, Label::new("later"));
const CALLBACK: Site = Site::new(PARTNER, Label::new("callback"));
const COPIES: Site = Site::new(PARTNER, Label::new("callback copies"));
const SAYS: Site = Site::new(PARTNER, Label::new("callback says"));

const OUTCOMES: Alternatives =
    Alternatives::new(&["confirms", "pending", "refuses", "429", "5xx before", "5xx after", "malformed"]);
const CANCEL_OUTCOMES: Alternatives = Alternatives::new(&["ends it", "5xx before", "5xx after", "refuses"]);
const DECISIONS: Alternatives = Alternatives::new(&["confirms", "ends it"]);
const ENDINGS: Alternatives = Alternatives::new(&["keeps it", "ends it"]);
const CALLBACK_TIMES: Alternatives =
    Alternatives::new(&["soon", "before the answer", "30 s", "2 h", "72 h"]).or_within((200, 60_000));
const COPY: Alternatives = Alternatives::new(&["once", "twice"]);
const WORDS: Alternatives = Alternatives::new(&["what is so", "the contrary"]);
const LAGS: Alternatives = Alternatives::delays(&["none", "30 min"], (1_000, 1_800_000));

/// The typical time from the change to the callback.
const CALLBACK_DELAY: Duration = Duration::from_secs(1);
/// The time to reserve or cancel.
const SERVICE: Duration = Duration::from_millis(200);
/// The time to write the response.
const WRITES: Duration = Duration::from_millis(50);
/// The time to decide about a pending reservation.
const DECIDES_AFTER: Duration = Duration::from_secs(300);
/// The time at which it ends a reservation by itself, if it does.
const ENDS_AFTER: Duration = Duration::from_secs(1_800);
/// The waits before a callback that was not accepted is sent again; the last one is repeated.
const AGAIN: [Duration; 4] =
    [Duration::from_secs(5), Duration::from_secs(60), Duration::from_secs(600), Duration::from_secs(3_600)];

#[derive(Clone, Copy)]
struct Reservation {
    id: u32,
    reference: u32,
    standing: Standing,
    price: u32,
    made: Moment,
    charged: bool,
    /// Whether its terms bind the customer to it.
    is_binding: bool,
}

struct Key {
    key: u64,
    answer: ReserveResponse,
    reservation: u32,
    made: Moment,
}

#[derive(Default)]
struct Ledger {
    reservations: Vec<Reservation>,
    keys: Vec<Key>,
    events: u32,
}

/// The partner's page for people: true, and without lag. It names guests, so that a person finds the reservations of
/// a booking even where the partner's operations know no reference.
#[derive(Clone)]
pub struct PartnerPage {
    /// Lists the partner's reservations for the guest of a booking.
    pub list: Endpoint<u32, Vec<Record>>,
    /// Ends a reservation by hand; returns whether the partner agrees.
    pub end: Endpoint<u32, bool>,
}

impl PartnerPage {
    /// Creates the page, over this link.
    pub fn over(link: &Link) -> Self {
        Self {
            list: Endpoint::new(Op::new("page.list", "looks at the partner's own list"), link),
            end: Endpoint::new(Op::new("page.end", "cancels on the partner's page"), link),
        }
    }
}

/// The partner: its ledger and its callbacks.
#[derive(Clone)]
pub struct Partner(Rc<Inner>);

/// States a fact of the partner.
type StateFact = dyn Fn(&Env, PartnerFact);

struct Inner {
    terms: PartnerTerms,
    state: Box<StateFact>,
    ledger: RefCell<Ledger>,
    changed: Signal,
    callback: Endpoint<Callback, bool>,
}

impl Partner {
    /// Creates a partner with an empty ledger and these `terms`, which calls back through `api`.
    pub fn new(terms: PartnerTerms, facts: &Facts<Fact>, api: &Api) -> Self {
        let facts = facts.clone();
        let state = move |env: &Env, fact| facts.state(env, &Fact::Partner(fact));
        Self::for_customer(terms, state, api.callback.clone())
    }

    /// Creates a partner for a customer other than the platform. `state` states its facts. It calls back through
    /// `callback`, which returns whether the customer accepts the callback.
    pub fn for_customer(
        terms: PartnerTerms,
        state: impl Fn(&Env, PartnerFact) + 'static,
        callback: Endpoint<Callback, bool>,
    ) -> Self {
        let state = Box::new(state);
        Self(Rc::new(Inner { terms, state, ledger: RefCell::default(), changed: Signal::new(), callback }))
    }

    /// Returns the signal that is raised whenever its ledger changes.
    pub fn changed(&self) -> &Signal {
        &self.0.changed
    }

    /// Boots the partner's node.
    pub fn boot(&self, env: &Env, operations: &PartnerApi) {
        let PartnerTerms { key_life, lookup, statement_every, .. } = self.0.terms;
        let (key_life_s, statement_s) = (key_life.map(|life| life.as_secs()), statement_every.as_secs());
        (self.0.state)(env, PartnerFact::Terms { key_life_s, lookup, statement_s });
        let at = self.clone();
        operations.reserve.serve(env, move |env, request| at.clone().reserve(env, request));
        let at = self.clone();
        operations.cancel.serve(env, move |env, request| at.clone().cancel(env, request));
        if lookup {
            self.answer_questions(env, operations);
        }
        let at = self.clone();
        operations.statement.serve(env, move |env, ()| {
            let all = at.statement(&env);
            async move { all }
        });
    }

    fn answer_questions(&self, env: &Env, operations: &PartnerApi) {
        let at = self.clone();
        operations.lookup.serve(env, move |env, reference| {
            let found = at.lookup(&env, reference);
            async move { found }
        });
        let at = self.clone();
        operations.read.serve(env, move |_, reservation| {
            let found = at.find(reservation).map(|found| at.record(&found));
            async move { found }
        });
    }

    /// Serves the partner's page, from its node.
    pub fn boot_page(&self, env: &Env, page: &PartnerPage) {
        let at = self.clone();
        page.list.serve(env, move |_, reference| {
            let ledger = at.0.ledger.borrow();
            let of_guest =
                ledger.reservations.iter().filter(|reservation| reservation.reference == reference);
            let shown = of_guest.map(|reservation| at.record(reservation)).collect();
            async move { shown }
        });
        let at = self.clone();
        page.end.serve(env, move |env, reservation| {
            let gives_up = !at.is_binding(reservation);
            if gives_up {
                at.end(&env, reservation, true);
            }
            async move { gives_up }
        });
    }

    async fn reserve(self, env: Env, request: ReserveRequest) -> ReserveResponse {
        (self.0.state)(&env, PartnerFact::Asked { attempt: request.attempt });
        env.sleep(SERVICE).await;
        if let Some(answer) = self.remembered(&env, request.key) {
            env.because(|| "it knows the idempotency key".to_owned());
            env.note(|| "returns its first response again".to_owned());
            return answer;
        }
        let outcome = OUTCOMES.names()[env.choose(RESERVE, &OUTCOMES).index()];
        let answer = match outcome {
            "refuses" => return ReserveResponse::Refused,
            "429" => return ReserveResponse::TooMany,
            "5xx before" => return ReserveResponse::ServerError,
            "pending" => ReserveResponse::Pending(self.create(&env, &request, Standing::Pending)),
            _ => ReserveResponse::Confirmed(self.create(&env, &request, Standing::Confirmed)),
        };
        env.sleep(WRITES).await;
        match outcome {
            "5xx after" => ReserveResponse::ServerError,
            "malformed" => ReserveResponse::Malformed,
            _ => answer,
        }
    }

    /// Returns the first result under a key that is still valid.
    fn remembered(&self, env: &Env, key: u64) -> Option<ReserveResponse> {
        self.0.terms.key_life?;
        self.drop_old_keys(env);
        self.0.ledger.borrow().keys.iter().find(|entry| entry.key == key).map(|entry| entry.answer)
    }

    fn drop_old_keys(&self, env: &Env) {
        let Some(life) = self.0.terms.key_life else { return };
        let now = env.now();
        let mut dropped = Vec::new();
        self.0.ledger.borrow_mut().keys.retain(|entry| {
            let lives = now < entry.made + life;
            if !lives {
                dropped.push(entry.reservation);
            }
            lives
        });
        for reservation in dropped {
            (self.0.state)(env, PartnerFact::KeyForgotten { reservation });
        }
    }

    fn create(&self, env: &Env, request: &ReserveRequest, standing: Standing) -> u32 {
        let id = {
            let mut ledger = self.0.ledger.borrow_mut();
            let (id, made) = (ledger.reservations.len() as u32 + 1, env.now());
            let (reference, price) = (request.reference, request.price);
            ledger.reservations.push(Reservation {
                id,
                reference,
                standing,
                price,
                made,
                charged: false,
                is_binding: false,
            });
            let answer = match standing {
                Standing::Confirmed => ReserveResponse::Confirmed(id),
                _ => ReserveResponse::Pending(id),
            };
            ledger.keys.push(Key { key: request.key, answer, reservation: id, made });
            id
        };
        (self.0.state)(env, PartnerFact::Reserved { reservation: id, standing });
        if standing == Standing::Confirmed {
            self.charge(env, id);
        }
        self.changed_by(env, id, standing);
        if standing == Standing::Pending {
            self.decide_later(env, id);
        } else if env.choose(LATER, &ENDINGS).index() == 1 {
            env.lasts(ENDS_AFTER);
            self.end_later(env, id, ENDS_AFTER);
        }
        id
    }

    fn charge(&self, env: &Env, id: u32) {
        let amount = self.update(id, |reservation| {
            reservation.charged = true;
            reservation.price
        });
        (self.0.state)(env, PartnerFact::Charged { reservation: id, amount });
    }

    fn update<T>(&self, id: u32, change: impl FnOnce(&mut Reservation) -> T) -> T {
        change(&mut self.0.ledger.borrow_mut().reservations[id as usize - 1])
    }

    fn find(&self, id: u32) -> Option<Reservation> {
        self.0.ledger.borrow().reservations.iter().find(|reservation| reservation.id == id).copied()
    }

    fn decide_later(&self, env: &Env, id: u32) {
        let ends = env.choose(DECISION, &DECISIONS).index() == 1;
        let (at, env) = (self.clone(), env.clone());
        env.clone().spawn(async move {
            env.sleep(DECIDES_AFTER).await;
            if at.find(id).is_none_or(|reservation| reservation.standing != Standing::Pending) {
                return;
            }
            if ends {
                return at.end(&env, id, false);
            }
            at.update(id, |reservation| reservation.standing = Standing::Confirmed);
            (at.0.state)(&env, PartnerFact::Settled { reservation: id });
            at.charge(&env, id);
            at.changed_by(&env, id, Standing::Confirmed);
        });
    }

    fn end_later(&self, env: &Env, id: u32, after: Duration) {
        let (at, env) = (self.clone(), env.clone());
        env.clone().spawn(async move {
            env.sleep(after).await;
            at.end(&env, id, false);
        });
    }

    /// Ends a reservation, once.
    fn end(&self, env: &Env, id: u32, asked: bool) {
        let Some(reservation) = self.find(id).filter(|reservation| reservation.standing != Standing::Ended)
        else {
            return;
        };
        self.update(id, |reservation| {
            reservation.standing = Standing::Ended;
            reservation.charged = false;
        });
        (self.0.state)(env, PartnerFact::Ended { reservation: id, asked });
        if reservation.charged {
            (self.0.state)(env, PartnerFact::Refunded { reservation: id, amount: reservation.price });
        }
        self.changed_by(env, id, Standing::Ended);
    }

    async fn cancel(self, env: Env, request: CancelRequest) -> CancelResponse {
        (self.0.state)(&env, PartnerFact::Asked { attempt: request.attempt });
        env.sleep(SERVICE).await;
        if self.is_binding(request.reservation) {
            return CancelResponse::Refused;
        }
        let outcome = CANCEL_OUTCOMES.names()[env.choose(CANCEL, &CANCEL_OUTCOMES).index()];
        match outcome {
            "5xx before" => {}
            "refuses" if self.bind(&env, request.reservation) => return CancelResponse::Refused,
            _ => self.end(&env, request.reservation, true),
        }
        env.sleep(WRITES).await;
        if outcome.starts_with("5xx") { CancelResponse::ServerError } else { CancelResponse::Ended }
    }

    fn is_binding(&self, id: u32) -> bool {
        self.find(id)
            .is_some_and(|reservation| reservation.is_binding && reservation.standing != Standing::Ended)
    }

    /// Binds the customer to a confirmed reservation. Returns whether it does.
    fn bind(&self, env: &Env, id: u32) -> bool {
        let stands = self.find(id).is_some_and(|reservation| reservation.standing == Standing::Confirmed);
        if stands {
            self.update(id, |reservation| reservation.is_binding = true);
            (self.0.state)(env, PartnerFact::Held { reservation: id });
        }
        stands
    }

    fn lookup(&self, env: &Env, reference: u32) -> Vec<Record> {
        let seen_until = env.now().since(Moment::START).saturating_sub(env.choose_delay(LAG, &LAGS));
        let ledger = self.0.ledger.borrow();
        let found = ledger.reservations.iter().filter(|reservation| {
            reservation.reference == reference && reservation.made.since(Moment::START) <= seen_until
        });
        found.map(|reservation| self.record(reservation)).collect()
    }

    fn statement(&self, env: &Env) -> Vec<Record> {
        self.drop_old_keys(env);
        self.0.ledger.borrow().reservations.iter().map(|reservation| self.record(reservation)).collect()
    }

    fn record(&self, reservation: &Reservation) -> Record {
        let reference = self.0.terms.lookup.then_some(reservation.reference);
        Record { reservation: reservation.id, reference, standing: reservation.standing }
    }

    /// Announces a change: in the ledger's signal, and by a callback.
    fn changed_by(&self, env: &Env, id: u32, standing: Standing) {
        self.0.changed.raise(env);
        if !self.0.terms.calls_back {
            return;
        }
        let env = env.child("callback");
        let when = env.choose(CALLBACK, &CALLBACK_TIMES);
        let delay = match CALLBACK_TIMES.names().get(when.index()) {
            Some(&"before the answer") => Duration::ZERO,
            _ if when.is_benign() => CALLBACK_DELAY,
            _ => {
                let delay = when.delay(&CALLBACK_TIMES);
                env.lasts(delay);
                delay
            }
        };
        let contrary = self.0.terms.lookup && env.choose(SAYS, &WORDS).index() == 1;
        let says = match (contrary, standing) {
            (false, standing) => standing,
            (true, Standing::Ended) => Standing::Confirmed,
            (true, _) => Standing::Ended,
        };
        let copies = 1 + env.choose(COPIES, &COPY).index();
        let mut record = self.record(&self.find(id).expect("a reservation that changed is in the ledger"));
        record.standing = says;
        let event = {
            let mut ledger = self.0.ledger.borrow_mut();
            ledger.events += 1;
            ledger.events
        };
        let callback = Callback { event, record };
        for _ in 0..copies {
            self.send(env.child("copy"), callback, delay);
        }
    }

    /// Sends a callback until it is accepted.
    fn send(&self, env: Env, callback: Callback, delay: Duration) {
        let at = self.clone();
        env.clone().spawn(async move {
            if delay.is_zero() {
                // The callback overtakes the response, which is still being written.
                env.sleep(Duration::from_millis(1)).await;
            } else {
                env.sleep(delay).await;
            }
            let (reservation, says) = (callback.record.reservation, callback.record.standing);
            (at.0.state)(&env, PartnerFact::CalledBack { reservation, says });
            for tries in 0.. {
                let taken =
                    env.child("delivery").call(&at.0.callback, callback, Duration::from_secs(10)).await;
                if taken == Ok(true) {
                    let event = callback.event;
                    (at.0.state)(&env, PartnerFact::CallbackTaken { event, reservation });
                    return;
                }
                env.sleep(AGAIN[usize::min(tries, AGAIN.len() - 1)]).await;
            }
        });
    }
}
