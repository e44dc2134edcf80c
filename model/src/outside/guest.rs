//! A guest with several devices: books once, in one of the platform's clients, and looks at the booking in all of
//! them.
//!
//! A guest is patient: they press once, try again a few times when the response allows it, and keep their booking. The screens stay
//! open and poll for news.

use crate::booking::api::{QuoteRequest, Submission};
use crate::booking::clients::{Client, Clients};
use crate::facts::{Code, Fact, ScreenFact};
use crate::outside::edge::Edge;
use crate::settings::{BROWSER_TIMEOUT, SCREEN_PERIOD};
use shakedown_sim::{Duration, Env, Facts, Poller, Signal};

/// The clients in which a guest looks.
const DEVICES: [Client; 3] = [Client::Web, Client::App, Client::OldApp];
/// How often they try again when the response allows it.
const TRIES: u32 = 6;
/// The wait before a retry.
const PAUSE: Duration = Duration::from_secs(3);

/// A guest.
#[derive(Clone)]
pub struct Guest {
    /// Their number.
    pub number: u32,
    /// The edge.
    pub edge: Edge,
    /// The software on their devices.
    pub clients: Clients,
    /// Raised when a booking's row changes: a screen that polled in between would have seen no change.
    pub news: Signal,
    /// The facts, to state what screens show.
    pub facts: Facts<Fact>,
}

impl Guest {
    /// Books this offer, and watches the booking.
    pub async fn book(&self, env: &Env, offer: u32) {
        let asked = QuoteRequest { customer: self.number, offer };
        for _ in 0..TRIES {
            let offered = env.child("page").call(&self.edge.quote, asked, BROWSER_TIMEOUT).await;
            if let Some(offered) = offered.ok().and_then(|reply| reply.body) {
                let order = Submission { customer: self.number, quote: offered.quote, price: offered.price };
                return self.submit(env, order).await;
            }
            env.sleep(PAUSE).await;
        }
    }

    async fn submit(&self, env: &Env, order: Submission) {
        for _ in 0..TRIES {
            let reply = env.child("request").call(&self.edge.submit, order, BROWSER_TIMEOUT).await;
            match reply.map(|reply| (reply.code, reply.body)) {
                Ok((Code::Accepted | Code::Ok, Some(view))) => {
                    return DEVICES.iter().for_each(|client| self.watch(env, *client, view.booking));
                }
                Ok((Code::Rejected, _)) => return,
                _ => env.because(|| "the screen says to try again".to_owned()),
            }
            env.sleep(PAUSE).await;
        }
    }

    /// Keeps a screen open on the booking.
    fn watch(&self, env: &Env, client: Client, booking: u32) {
        let (at, screen) = (self.clone(), env.child("screen"));
        screen.clone().spawn(async move {
            let mut poller = Poller::new(&screen, &at.news, SCREEN_PERIOD);
            let mut again = None;
            loop {
                poller.turn(again).await;
                let loaded = at.look(&screen.child("look"), client, booking).await;
                again = (!loaded).then(|| screen.now() + SCREEN_PERIOD);
            }
        });
    }

    /// Polls a screen; returns whether it could be loaded.
    async fn look(&self, env: &Env, client: Client, booking: u32) -> bool {
        let reply = env.call(&self.edge.status, booking, BROWSER_TIMEOUT).await;
        let Some(view) = reply.ok().and_then(|reply| reply.body) else { return false };
        let screen = self.clients.show(client, &view);
        self.facts.state(env, &Fact::Screen(ScreenFact::Shown { client, screen }));
        true
    }
}
