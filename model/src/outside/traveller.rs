//! A traveller: orders, looks at the booking, and arrives. Each look reloads the page, and the page reads the response
//! of the API in the format of its own release.

use crate::facts::{Fact, OrderFact, Screen};
use crate::outside::balancer::Balancer;
use crate::outside::host::Host;
use crate::releases::api::Answer;
use crate::releases::code::Order;
use crate::settings::BROWSER_TIMEOUT;
use shakedown_sim::{Duration, Env, Facts};

/// How often a traveller repeats a failed request.
const TRIES: u32 = 6;
/// The wait before a retry.
const PAUSE: Duration = Duration::from_secs(5);

/// Travellers, in front of browsers.
#[derive(Clone)]
pub struct Travellers {
    /// The load balancer that receives the requests.
    pub edge: Balancer,
    /// The host that serves the pages.
    pub host: Host,
    /// The facts, to state what the travellers saw.
    pub facts: Facts<Fact>,
}

impl Travellers {
    /// Orders until the order is accepted, a limited number of times. Returns whether it was accepted.
    pub async fn order(&self, env: &Env, order: Order) -> bool {
        for _ in 0..TRIES {
            let reply = env.child("request").call(&self.edge.order, order, BROWSER_TIMEOUT).await;
            match reply {
                Ok(Answer::Done) => {
                    self.facts.state(env, &Fact::Order(OrderFact::Taken { booking: order.booking }));
                    return true;
                }
                Ok(Answer::Broken) => self.see(env, order.booking, Screen::Error),
                _ => {}
            }
            env.because(|| "it was not accepted".to_owned());
            env.sleep(PAUSE).await;
        }
        false
    }

    /// Looks at a booking.
    pub async fn look(&self, env: &Env, booking: u32) {
        for _ in 0..TRIES {
            let page = self.host.pages();
            let screen = match env.child("look").call(&self.edge.view, booking, BROWSER_TIMEOUT).await {
                Ok(Answer::Row(text)) => match page.code.documents().read_row(&text).map(|seen| seen.guest) {
                    Ok(Some(guest)) => Some(Screen::Guest(guest)),
                    Ok(None) => Some(Screen::Nobody),
                    Err(error) => {
                        env.because(|| format!("the page is of {} and cannot read it: {error}", page.code));
                        Some(Screen::Error)
                    }
                },
                Ok(Answer::Broken) => Some(Screen::Error),
                _ => None,
            };
            if let Some(screen) = screen {
                return self.see(env, booking, screen);
            }
            env.sleep(PAUSE).await;
        }
    }

    /// Reports the arrival until it is recorded.
    pub async fn arrive(&self, env: &Env, booking: u32) {
        for _ in 0..TRIES {
            match env.child("arrival").call(&self.edge.arrive, booking, BROWSER_TIMEOUT).await {
                Ok(Answer::Done | Answer::Missing) => return,
                Ok(Answer::Broken) => return self.see(env, booking, Screen::Error),
                _ => env.sleep(PAUSE).await,
            }
        }
    }

    fn see(&self, env: &Env, booking: u32, screen: Screen) {
        self.facts.state(env, &Fact::Order(OrderFact::Shown { booking, screen }));
    }
}
