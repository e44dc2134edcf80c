//! People who look at offers, and the back office that changes one.
//!
//! A viewer loads an offer's page and states what it shows. One of them books what the page offers, usually at once;
//! they may also leave the page open and press the button when the offer has ended or its price has changed. The back
//! office changes the offer and repeats this until it succeeds.

use crate::booking::api::{Api, Offered, QuoteRequest, Submission};
use crate::booking::offers::OfferChange;
use crate::facts::{Code, Fact, OfferFact};
use crate::outside::edge::Edge;
use crate::settings::BROWSER_TIMEOUT;
use shakedown_sim::{Duration, Env, Facts};
use std::rc::Rc;

/// How often a viewer repeats a failed request.
const TRIES: u32 = 3;
/// The wait before a retry.
const PAUSE: Duration = Duration::from_secs(3);

/// A viewer, in front of a browser.
#[derive(Clone)]
pub struct Viewer {
    edge: Rc<Edge>,
    facts: Facts<Fact>,
}

impl Viewer {
    /// Creates a viewer who uses this edge.
    pub fn new(edge: &Edge, facts: &Facts<Fact>) -> Self {
        Self { edge: Rc::new(edge.clone()), facts: facts.clone() }
    }

    /// Loads the page of an offer. Returns whether it shows that the offer can be booked, if it could be loaded.
    pub async fn look(&self, env: &Env, offer: u32) -> Option<bool> {
        let asked = env.now();
        let reply = env.call(&self.edge.offer, offer, BROWSER_TIMEOUT).await.ok()?;
        let row = reply.body?;
        let (version, open) = (row.version, row.open);
        self.facts.state(env, &Fact::Offer(OfferFact::Shown { offer, version, open, asked }));
        Some(open)
    }

    /// Loads the page, and books what it offers `later` after asking for a price.
    pub async fn book(&self, env: &Env, customer: u32, offer: u32, later: Duration) {
        if self.look(&env.child("page"), offer).await != Some(true) {
            return;
        }
        let asked = QuoteRequest { customer, offer };
        let quoted = env.child("page").call(&self.edge.quote, asked, BROWSER_TIMEOUT).await;
        let Some(Offered { quote, price, .. }) = quoted.ok().and_then(|reply| reply.body) else { return };
        env.sleep(later).await;
        let order = Submission { customer, quote, price };
        for _ in 0..TRIES {
            let reply = env.child("request").call(&self.edge.submit, order, BROWSER_TIMEOUT).await;
            if reply.is_ok_and(|reply| matches!(reply.code, Code::Accepted | Code::Ok | Code::Rejected)) {
                return;
            }
            env.sleep(PAUSE).await;
        }
    }
}

/// Changes an offer as the back office, and repeats this until it succeeds.
pub async fn change(env: &Env, api: &Api, offer: u32, change: OfferChange) {
    loop {
        let reply = env.child("change").call(&api.change_offer, (offer, change), BROWSER_TIMEOUT).await;
        if reply.is_ok_and(|reply| matches!(reply.code, Code::Ok | Code::Rejected)) {
            return;
        }
        env.sleep(PAUSE).await;
    }
}
